"""Requests and what drivers say of their reservations."""

from __future__ import annotations

import pytest
from deskwork import START, DeskWork, spec

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import HOUR_MS, MINUTE_MS
from allocator.matching.policies import Nearest


def test_a_request_is_promised_an_interval_a_walk_and_a_price_but_no_bay():
    work = DeskWork(spec("b1"))
    assert work.request(lead_min=60, stay_min=50) == "accepted"
    reply = work.replies("drv-1")[0]
    assert reply["price_won"] == 1000
    assert reply["max_walk_m"] == 300
    assert "bay" not in reply


def test_the_bay_is_bound_fifteen_minutes_before_arrival():
    work = DeskWork(spec("b1"))
    work.request(lead_min=60)
    work.pass_minutes(44.9)
    assert len(work.replies("drv-1")) == 1
    work.pass_minutes(0.2)
    bound = work.replies("drv-1")[1]
    assert (bound["type"], bound["bay"], bound["walk_m"]) == ("bound", "b1", 0)
    assert work.shows("b1") == "reserved"


def test_a_bay_that_two_are_bound_to_shows_the_one_who_comes_first():
    work = DeskWork(spec("b1"))
    work.request("drv-1", lead_min=25)
    work.pass_minutes(10)
    work.request("drv-2", lead_min=0, stay_min=1)
    assert work.desk.state.bay_status(0, work.now)[1].driver == "drv-2"


def test_a_request_that_starts_soon_is_bound_at_once():
    work = DeskWork(spec("b1"))
    work.request(lead_min=10)
    assert [reply["type"] for reply in work.replies("drv-1")] == ["accepted", "bound"]


def test_what_starts_soon_needs_a_bay_that_its_sensor_knows_to_be_free():
    work = DeskWork(spec("b1"), free=False)
    assert work.request(lead_min=5) == "rejected"
    work.sense("b1", "occupied")
    assert work.request(lead_min=5) == "rejected"
    work.sense("b1", "free")
    assert work.request(lead_min=5) == "accepted"


def test_the_nearest_free_bay_is_taken():
    work = DeskWork(spec("far", east_m=200), spec("near", east_m=50), spec("beyond", east_m=400))
    work.request("drv-1", lead_min=5)
    work.request("drv-2", lead_min=5)
    assert work.request("drv-3", lead_min=5) == "rejected"
    assert [event.bay for event in work.named(e.ReservationBound)] == ["near", "far"]


def test_a_stay_must_lie_inside_the_offer_with_the_buffer_before_the_resident_returns():
    work = DeskWork(spec("b1"))
    minutes_open = 9 * 60
    assert work.request(lead_min=60, stay_min=minutes_open - 60) == "rejected"
    assert work.request(lead_min=60, stay_min=minutes_open - 60 - 10) == "accepted"


def test_two_stays_keep_the_buffer_between_them():
    work = DeskWork(spec("b1"))
    assert work.request("drv-1", lead_min=60, stay_min=60) == "accepted"
    assert work.request("drv-2", lead_min=125, stay_min=60) == "rejected"
    assert work.request("drv-2", lead_min=130, stay_min=60) == "accepted"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"arrive_at": START - HOUR_MS}, "arrives_in_past"),
        ({"arrive_at": START + 8 * 24 * HOUR_MS}, "beyond_horizon"),
        ({"max_price_won": 100}, "too_dear"),
        ({"needs": ("ev",)}, "no_bay"),
        ({"lat": 35.0}, "no_bay"),
    ],
)
def test_a_request_that_cannot_be_is_rejected_with_its_reason(changes, reason):
    work = DeskWork(spec("b1"))
    assert work.request(**changes) == "rejected"
    assert work.replies("drv-1")[0]["reason"] == reason


def test_a_rejection_explains_what_the_candidates_fell_to():
    work = DeskWork(spec("b1"), spec("b2", east_m=10), spec("b3", east_m=20))
    work.sense("b2", "occupied")
    work.give(c.OperateBay(operator="op-1", request_id="close", type="close", bay="b3"))
    work.request("drv-1", lead_min=5)
    assert work.request("drv-2", lead_min=5) == "rejected"
    explanation = work.named(e.RequestRejected)[0].explanation
    assert explanation.candidates == 3
    assert explanation.fell == {"contested": 1, "closed": 1, "booked": 1}


def test_a_vehicle_cannot_be_in_two_places():
    work = DeskWork(spec("b1"), spec("b2", east_m=10))
    assert work.request("drv-1") == "accepted"
    assert work.request("drv-2", vehicle_id="car-of-drv-1") == "rejected"
    assert work.replies("drv-2")[0]["reason"] == "vehicle_has_reservation"
    assert work.request("drv-1", lead_min=180) == "accepted"


def test_an_unbound_reservation_moves_on_so_that_one_more_is_served():
    work = DeskWork(spec("b1"), spec("b2", east_m=250))
    work.request("drv-1", max_walk_m=300)
    assert work.request("drv-2", max_walk_m=100) == "accepted"
    move = work.named(e.Replanned)[0].moves[0]
    assert (move.reservation_id, move.from_bay, move.to_bay) == ("r-1", "b1", "b2")
    assert len(work.replies("drv-1")) == 1
    assert not [topic for topic, said in work.sent if said.get("type") == "baybroker.replanned.v1"]


def test_a_chain_of_moves_is_followed_to_its_end():
    bays = [spec(f"b{n}", east_m=100 * n) for n in range(4)]
    work = DeskWork(*bays)
    lon = [bay.lon for bay in bays]
    assert work.request("drv-0", lon=lon[0], max_walk_m=110) == "accepted"
    assert work.request("drv-1", lon=lon[1], max_walk_m=110) == "accepted"
    assert work.request("drv-2", lon=lon[2], max_walk_m=110) == "accepted"
    assert work.request("drv-9", lon=lon[0], max_walk_m=50) == "accepted"
    assert [len(event.moves) for event in work.named(e.Replanned)] == [3]
    assert {held.bay for held in work.state.reservations.values()} == {"b0", "b1", "b2", "b3"}


def test_nearest_moves_nobody_and_binds_at_once():
    work = DeskWork(spec("b1"), spec("b2", east_m=250), settings=Settings(policy=Nearest()))
    work.request("drv-1", max_walk_m=300)
    assert work.request("drv-2", max_walk_m=100) == "rejected"
    assert [reply["type"] for reply in work.replies("drv-1")] == ["accepted", "bound"]


def test_arriving_and_leaving_by_message():
    work = DeskWork(spec("b1"))
    work.request(lead_min=5, stay_min=30)
    assert work.say("drv-1", "leave", "r-1")["reason"] == "not_active"
    work.pass_minutes(5)
    assert work.say("drv-1", "arrive", "r-1")["type"] == "active"
    work.pass_minutes(20)
    done = work.say("drv-1", "leave", "r-1")
    assert (done["type"], done["price_won"]) == ("completed", 600)
    assert work.notices("b1")[1:] == ["guest_arrived", "guest_left", "earning"]
    entries = [entry for commit in work.commits for entry in commit.ledger]
    assert {entry.account: entry.amount for entry in entries} == {
        "driver:drv-1": -600,
        "resident:res-b1": 300,
        "operator": 300,
    }


def test_arriving_and_leaving_by_sensor():
    work = DeskWork(spec("b1"))
    work.request(lead_min=5, stay_min=30)
    work.pass_minutes(4)
    work.sense("b1", "occupied")
    work.pass_minutes(20)
    work.sense("b1", "free")
    assert work.replies("drv-1")[-1]["type"] == "active"
    work.pass_minutes(1.1)
    assert work.replies("drv-1")[-1]["type"] == "completed"
    assert work.shows("b1") == "available"


def test_a_sensor_that_flickers_does_not_end_a_stay():
    work = DeskWork(spec("b1"))
    work.request(lead_min=5, stay_min=30)
    work.pass_minutes(5)
    work.sense("b1", "occupied")
    work.pass_minutes(3)
    work.sense("b1", "free")
    work.pass_minutes(0.5)
    work.sense("b1", "occupied")
    work.pass_minutes(5)
    assert work.replies("drv-1")[-1]["type"] == "active"


def test_who_does_not_come_loses_the_bay_after_the_grace():
    work = DeskWork(spec("b1"))
    work.request(lead_min=5)
    work.pass_minutes(5 + 14.9)
    assert work.shows("b1") == "reserved"
    work.pass_minutes(0.2)
    assert work.replies("drv-1")[-1]["type"] == "expired"
    assert work.shows("b1") == "available"


def test_a_cancelled_reservation_gives_its_bay_back():
    work = DeskWork(spec("b1"))
    work.request("drv-1")
    assert work.say("drv-2", "cancel", "r-1")["reason"] == "no_live_reservation"
    assert work.say("drv-1", "cancel", "r-1")["type"] == "cancelled"
    assert work.request("drv-2") == "accepted"


def test_an_overstay_is_warned_and_charged():
    work = DeskWork(spec("b1"))
    work.request(lead_min=5, stay_min=30)
    work.pass_minutes(5)
    work.sense("b1", "occupied")
    work.pass_minutes(31)
    assert work.replies("drv-1")[-1]["type"] == "warned"
    assert "overstay" in work.notices("b1")
    work.pass_minutes(19)
    work.sense("b1", "free")
    work.pass_minutes(1.1)
    assert work.replies("drv-1")[-1]["price_won"] == 1200


def test_a_guest_whom_no_sensor_sees_is_settled_after_the_notice():
    work = DeskWork(spec("b1"))
    work.request(lead_min=5, stay_min=30)
    work.pass_minutes(5)
    work.say("drv-1", "arrive", "r-1")
    work.pass_minutes(30)
    assert work.replies("drv-1")[-1]["type"] == "warned"
    work.pass_minutes(10)
    assert work.replies("drv-1")[-1]["type"] == "completed"


def test_a_stay_is_extended_where_the_bay_is_free_longer():
    work = DeskWork(spec("b1"))
    work.request("drv-1", lead_min=5, stay_min=30)
    work.request("drv-2", lead_min=90, stay_min=30)
    work.pass_minutes(5)
    work.say("drv-1", "arrive", "r-1")
    assert work.say("drv-1", "extend", "r-1", extend_ms=60 * MINUTE_MS)["type"] == "extend_refused"
    extended = work.say("drv-1", "extend", "r-1", extend_ms=30 * MINUTE_MS)
    assert (extended["type"], extended["price_won"]) == ("extended", 1200)


def test_a_query_tells_what_holds_and_hides_the_plan():
    work = DeskWork(spec("b1"))
    work.request()
    told = work.say("drv-1", "query", "r-1")
    assert (told["type"], told["status"]) == ("state", "accepted")
    assert "bay" not in told


def test_a_request_repeated_in_the_same_batch_has_one_effect():
    work = DeskWork(spec("b1"), spec("b2", east_m=10))
    asked = c.RequestBay(
        driver="drv-1", request_id="same", vehicle_id="v", lat=37.4782, lon=126.9515,
        arrive_at=START + HOUR_MS, stay_ms=HOUR_MS, max_walk_m=300,
    )  # fmt: skip
    for _ in range(3):
        work.desk.take(asked, work.now, ("drivers/drv-1", "same"))
    commit = work.desk.finish(work.now)
    assert len(commit.events) == 1
    assert len(commit.answers) == 1
    replies = [row.payload for row in commit.outbox if row.topic.endswith("/reply")]
    assert len(replies) == 3
    assert len(set(replies)) == 1


def test_a_bay_whose_guest_leaves_in_time_takes_the_next_booking_and_an_overstayers_does_not():
    work = DeskWork(spec("b1"), settings=Settings(buffer_ms=0, late_risk_permille=None))
    assert work.request("drv-1", lead_min=0, stay_min=60) == "accepted"
    work.sense("b1", "occupied")
    work.pass_minutes(50)
    assert work.request("drv-2", lead_min=0, stay_min=30) == "rejected"
    assert work.request("drv-2", lead_min=10, stay_min=30) == "accepted"
    work.pass_minutes(9)
    assert [reply["type"] for reply in work.replies("drv-2")[1:]] == ["accepted", "bound"]
    work.pass_minutes(50)
    assert work.request("drv-3", lead_min=5, stay_min=30) == "rejected"
