"""A resident comes home early: before a stay, during one, and with nobody there."""

from __future__ import annotations

import pytest
from deskwork import START, DeskWork, restart, spec

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import HOUR_MS, MINUTE_MS
from allocator.matching.policies import Nearest


def recall(work: DeskWork, bay: str = "b1", home_min: float | None = None, resident: str | None = None) -> dict:
    home_at = None if home_min is None else work.now + round(home_min * MINUTE_MS)
    number = len(work.commits)
    asked = c.RecallBay(resident=resident or f"res-{bay}", request_id=f"recall-{number}", bay=bay, home_at=home_at)
    work.give(asked, (f"residents/{asked.resident}", asked.request_id))
    topic = f"parking/v1/seoul/residents/{asked.resident}/notice"
    return next(said for where, said in work.sent if where == topic and said.get("request_id") == asked.request_id)


def withdraw(work: DeskWork, offer_id: str, bay: str = "b1") -> None:
    work.give(c.WithdrawOffer(resident=f"res-{bay}", request_id=f"w-{offer_id}", bay=bay, offer_id=offer_id))


def test_a_bay_that_nobody_uses_is_the_residents_at_once_and_no_longer_offered():
    work = DeskWork(spec("b1"))
    answer = recall(work)
    assert (answer["type"], answer["reason"], answer["until"]) == ("recall_answer", "free", "2026-03-02T00:00:00.000Z")
    assert work.shows("b1") == "closed"
    assert work.request() == "rejected"
    assert work.request(lead_min=24 * 60) == "accepted"
    work.sense("b1", "occupied")
    assert not work.named(e.BayContested)


def test_what_is_recalled_for_later_stays_open_until_then():
    work = DeskWork(spec("b1"))
    assert recall(work, home_min=180)["until"] == "2026-03-02T03:00:00.000Z"
    assert work.request("drv-1", lead_min=60, stay_min=110) == "accepted"
    assert work.request("drv-2", lead_min=180) == "rejected"


def test_a_recall_that_is_withdrawn_gives_the_window_back_also_after_a_restart():
    work = DeskWork(spec("b1"))
    offer_id = recall(work)["offer_id"]
    restart(work)
    assert work.request() == "rejected"
    withdraw(work, offer_id)
    assert work.shows("b1") == "available"
    assert work.request() == "accepted"


@pytest.mark.parametrize(("resident", "reason"), [("res-b2", "bay_of_another"), (None, "nothing_to_recall")])
def test_a_recall_of_what_is_not_theirs_or_not_offered_is_refused(resident, reason):
    work = DeskWork(spec("b1"))
    work.pass_minutes(10 * 60)
    answer = recall(work, resident=resident)
    assert (answer["type"], answer["reason"]) == ("offer_rejected", reason)


def test_bookings_outside_every_offer_can_be_recalled_too():
    work = DeskWork(spec("b1"), spec("b2", east_m=50))
    work.request(lead_min=10)
    withdraw(work, "o-1")
    recall(work)
    assert work.replies("drv-1")[-1]["bay"] == "b2"


def test_a_bound_driver_gets_a_substitute_at_once():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request(lead_min=10)
    recall(work)
    moved = work.replies("drv-1")[-1]
    assert (moved["type"], moved["bay"], moved["reason"]) == ("relocated", "b2", "recalled")
    assert work.named(e.ReservationRelocated)[0].explanation.candidates == 2


def test_an_unbound_driver_gets_another_plan_and_hears_nothing():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request(lead_min=60)
    recall(work)
    assert len(work.replies("drv-1")) == 1
    work.pass_minutes(46)
    assert work.replies("drv-1")[-1]["bay"] == "b2"


def test_all_bookings_of_the_bay_are_looked_after():
    work = DeskWork(*(spec(f"b{n}", east_m=40 * n) for n in range(1, 4)), settings=Settings(policy=Nearest()))
    for n in range(3):
        assert work.request(f"drv-{n}", lead_min=5 + 80 * n, lat=37.4782) == "accepted"
    assert {held.bay for held in work.state.reservations.values()} == {"b1"}
    recall(work)
    assert {held.bay for held in work.state.reservations.values()} == {"b2"}
    assert len(work.named(e.ReservationRelocated)) == 3


def test_a_driver_who_starts_soon_is_sent_farther_as_a_violation_that_costs_the_quote():
    work = DeskWork(spec("b1"), spec("b2", east_m=500))
    work.request(lead_min=10, stay_min=60)
    recall(work)
    moved = work.named(e.ReservationRelocated)[0]
    assert (moved.to_bay, moved.violation, moved.cost_won) == ("b2", True, 1200)


def test_who_cannot_be_moved_yet_is_tried_again_and_is_sent_farther_only_at_binding():
    work = DeskWork(spec("b1"), spec("b2", east_m=500))
    work.request(lead_min=60)
    recall(work)
    work.pass_minutes(44)
    assert [reply["type"] for reply in work.replies("drv-1")] == ["accepted"]
    work.pass_minutes(2)
    assert [reply["type"] for reply in work.replies("drv-1")] == ["accepted", "relocated"]
    assert work.named(e.ReservationRelocated)[0].violation


def test_a_bay_that_gets_free_later_saves_the_promise_before_it_is_bound():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request("drv-2", lead_min=60)
    work.request("drv-1", lead_min=60)
    recall(work)
    work.pass_minutes(20)
    work.say("drv-2", "cancel", "r-1")
    work.pass_minutes(30)
    assert [reply["type"] for reply in work.replies("drv-1")] == ["accepted", "bound"]
    assert work.replies("drv-1")[-1]["bay"] == "b2"


def test_a_promise_that_no_bay_can_keep_fails_and_says_why():
    work = DeskWork(spec("b1"))
    work.request("drv-1", lead_min=60)
    work.request("drv-2", lead_min=130, stay_min=30)
    recall(work)
    work.pass_minutes(46)
    assert (work.replies("drv-1")[-1]["type"], work.replies("drv-1")[-1]["reason"]) == ("failed", "recalled")


def parked(stay_min: float = 120, **settings) -> DeskWork:
    work = DeskWork(spec("b1"), spec("b2", east_m=100), spec("b3", east_m=200), settings=Settings(**settings))
    work.request(lead_min=5, stay_min=stay_min)
    work.pass_minutes(5)
    work.sense("b1", "occupied")
    work.pass_minutes(25)
    return work


def test_a_guest_has_a_quarter_of_an_hour_and_both_are_told_of_a_bay_nearby():
    work = parked()
    answer = recall(work)
    assert (answer["reason"], answer["until"]) == ("guest_leaves", "2026-03-02T00:45:00.000Z")
    assert (answer["meanwhile_bay"], set(answer["place"])) == ("b2", {"lat", "lon"})
    warned = work.replies("drv-1")[-1]
    assert (warned["type"], warned["reason"], warned["until"]) == ("warned", "recalled", answer["until"])
    assert warned["bay"] == "b3"
    assert work.state.reservations["r-1"].recalled_at == work.now
    restart(work)
    work.pass_minutes(14)
    work.sense("b1", "free")
    work.pass_minutes(1)
    assert work.replies("drv-1")[-1]["type"] == "completed"


def test_a_guest_who_stays_after_the_deadline_overstays_and_may_not_extend():
    work = parked()
    recall(work)
    assert work.say("drv-1", "extend", "r-1", extend_ms=10 * MINUTE_MS)["reason"] == "recalled"
    work.pass_minutes(15)
    assert "overstay" in work.notices("b1")
    assert [reply["type"] for reply in work.replies("drv-1")][-2:] == ["extend_refused", "warned"]


def test_a_guest_may_stay_until_the_resident_is_home_but_never_longer_than_promised():
    work = parked()
    recall(work, home_min=60)
    assert work.named(e.GuestRecalled)[0].until == work.now + HOUR_MS
    assert recall(work)["reason"] == "guest_leaves"
    work = parked(stay_min=30)
    answer = recall(work)
    assert (answer["reason"], answer["until"]) == ("guest_leaves", "2026-03-02T00:35:00.000Z")
    assert not work.named(e.GuestRecalled)


@pytest.mark.parametrize("by", ["sensor", "driver"])
def test_a_driver_who_comes_early_enough_stays_until_the_resident_is_home(by):
    work = DeskWork(spec("b1"))
    work.request(lead_min=10, stay_min=60)
    recall(work, home_min=40)
    work.pass_minutes(3)
    if by == "sensor":
        work.sense("b1", "occupied")
    else:
        assert work.say("drv-1", "arrive", "r-1")["type"] == "active"
    warned = work.replies("drv-1")[-1]
    assert (warned["reason"], warned["until"]) == ("recalled", "2026-03-02T00:40:00.000Z")


def test_a_driver_whom_the_resident_forestalled_gets_a_substitute_or_fails():
    work = DeskWork(spec("b1"))
    work.request(lead_min=10)
    recall(work)
    work.sense("b1", "occupied")
    assert work.say("drv-1", "arrive", "r-1")["type"] == "failed"
    assert not work.named(e.BayContested)


def test_the_guests_of_a_recall_are_apart_from_promises_broken():
    work = parked()
    recall(work)
    assert len(work.named(e.GuestRecalled)) == 1
    assert not [held for held in work.state.reservations.values() if held.violation]
    assert START < work.state.reservations["r-1"].until < START + HOUR_MS


def test_the_resident_is_told_the_truth_of_a_guest_who_overstays():
    work = parked(stay_min=30)
    work.pass_minutes(8)
    answer = recall(work)
    assert (answer["reason"], answer["until"]) == ("guest_leaves", "2026-03-02T00:53:00.000Z")
    assert not work.named(e.GuestRecalled)


def test_to_withdraw_every_offer_does_not_take_a_recall_back():
    work = DeskWork(spec("b1"), spec("b2", east_m=500))
    work.request(lead_min=60)
    recall(work)
    work.give(c.WithdrawOffer(resident="res-b1", request_id="w", bay="b1"))
    assert work.named(e.OffersWithdrawn)[0].offer_ids == ("o-1",)
    work.pass_minutes(46)
    assert work.replies("drv-1")[-1]["bay"] == "b2"


def test_a_promise_in_danger_gets_a_bay_that_gets_free_before_one_who_waits():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request("drv-2", lead_min=60)
    work.request("drv-1", lead_min=60)
    recall(work)
    assert work.request("drv-3", lead_min=60, wait_until=work.now + HOUR_MS) == "waitlisted"
    work.say("drv-2", "cancel", "r-1")
    assert work.state.reservations["r-2"].bay == "b2"
    assert len(work.replies("drv-3")) == 1


def test_a_guest_who_came_early_and_is_recalled_at_once_keeps_a_stay():
    work = DeskWork(spec("b1"))
    work.request("drv-1", lead_min=15, stay_min=60)
    work.sense("b1", "occupied")
    asked = c.RecallBay(resident="res-b1", request_id="home", bay="b1")
    work.give(asked, ("residents/res-b1", "home"))
    held = work.state.reservations["r-1"]
    assert held.from_at < held.until == held.from_at + MINUTE_MS
