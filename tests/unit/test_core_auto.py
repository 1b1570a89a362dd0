"""`auto` offers: the sensor sees the resident leave and come back, and the window follows."""

from __future__ import annotations

import itertools
from copy import deepcopy

import pytest
from deskwork import START, DeskWork, spec

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import HOUR_MS, MINUTE_MS
from allocator.matching.policies import Nearest
from allocator.service.desk import Desk
from allocator.service.start import restore
from allocator.store.base import Loaded

RISK = 300
_numbers = itertools.count(1)


def ask(work: DeskWork, bay: str = "b1", *, enabled: bool = True, risk: int = RISK) -> str:
    """Send an auto offer; returns the type of the answer, of which there must be one."""
    request_id = f"auto-{next(_numbers)}"
    asked = c.OfferAuto(resident=f"res-{bay}", request_id=request_id, bay=bay, enabled=enabled, risk_permille=risk)
    work.give(asked, (f"residents/res-{bay}", request_id))
    (answer,) = [said for topic, said in work.sent if topic.endswith("/notice") and said["request_id"] == request_id]
    return answer["type"]


def at_home(*others: c.BaySpec, settings: Settings | None = None) -> DeskWork:
    """A resident at home in b1, which has nothing but an auto offer; the other bays are free and on offer."""
    work = DeskWork(spec("b1"), *others, settings=settings)
    work.give(c.WithdrawOffer(resident="res-b1", request_id="only-auto", bay="b1"))
    work.sense("b1", "occupied")
    assert ask(work) == "offer_accepted"
    return work


def away(*others: c.BaySpec, settings: Settings | None = None) -> DeskWork:
    """The same; the resident has just left."""
    work = at_home(*others, settings=settings)
    work.sense("b1", "free")
    return work


def window(work: DeskWork) -> tuple[int, int]:
    """The present window, in minutes from START."""
    offer = [offer for offer in work.state.offers.values() if offer.kind == "auto"][-1]
    return (offer.from_at - START) // MINUTE_MS, (offer.until - START) // MINUTE_MS


def test_a_bay_opens_when_the_resident_is_seen_to_leave():
    work = at_home()
    assert work.request(lead_min=0) == "rejected"
    work.sense("b1", "free")
    assert [event.at for event in work.named(e.ResidentLeft)] == [START]
    assert window(work) == (0, 285)
    assert work.shows("b1") == "available"
    assert work.request(lead_min=0, stay_min=60) == "accepted"


def test_nothing_of_it_is_published():
    work = away()
    work.sense("b1", "occupied")
    zone_events = [said["type"] for topic, said in work.sent if topic.endswith("/events")]
    assert not [kind for kind in zone_events if "resident" in kind or "window" in kind]
    assert work.notices("b1") == ["offer_accepted", "offer_accepted", "offer_accepted"]


def test_a_stay_that_a_return_might_end_is_refused():
    work = away()
    assert work.request(lead_min=0, stay_min=5 * 60) == "rejected"


def test_the_window_grows_for_as_long_as_nobody_returns_and_seldom_enough():
    work = away()
    ends = [window(work)[1]]
    for _ in range(48):
        work.sense("b1", "free")
        work.pass_minutes(15)
        ends.append(window(work)[1])
    assert ends == sorted(ends)
    assert window(work)[0] == 0
    grown = set(ends)
    assert len(grown) > 2
    assert ends[-1] > 48 * 15
    assert all(later - earlier >= 15 for earlier, later in itertools.pairwise(sorted(grown)))
    assert len(work.named(e.AutoWindowSet)) == len(grown)


def test_an_early_return_closes_the_window_and_moves_who_was_planned_on_it():
    work = away(spec("b2", east_m=100))
    work.request("drv-1", lead_min=30)
    work.request("drv-2", lead_min=180)
    work.pass_minutes(10)
    assert [work.state.reservations[held].bay for held in ("r-1", "r-2")] == ["b1", "b1"]
    work.sense("b1", "occupied")
    work.pass_minutes(0)
    assert window(work) == (10, 10)
    assert work.state.offers[work.named(e.AutoOffered)[0].offer_id].offered_ms == 10 * MINUTE_MS
    assert work.shows("b1") == "occupied"
    assert not work.named(e.BayContested)
    moves = [(move.reservation_id, move.to_bay) for event in work.named(e.Replanned) for move in event.moves]
    assert moves == [("r-1", "b2"), ("r-2", "b2")]
    (back,) = work.named(e.ResidentReturned)
    assert (back.at, back.hazard_permille, back.within_habit) == (START + 10 * MINUTE_MS, 14, True)


def test_an_early_return_relocates_at_once_who_was_promised_the_bay_itself():
    work = away(spec("b2", east_m=100), settings=Settings(policy=Nearest()))
    work.request(lead_min=60)
    assert work.replies("drv-1")[-1]["bay"] == "b1"
    work.pass_minutes(5)
    work.sense("b1", "occupied")
    work.pass_minutes(0)
    told = work.replies("drv-1")[-1]
    assert (told["type"], told["bay"], told["reason"]) == ("relocated", "b2", "occupied")
    assert not work.named(e.ReservationRelocated)[0].violation


def test_a_driver_for_whom_there_is_no_other_bay_fails_at_binding_unless_the_resident_has_left_again():
    for leaves_again, told in ((False, "failed"), (True, "bound")):
        work = away()
        work.request(lead_min=60)
        work.pass_minutes(20)
        work.sense("b1", "occupied")
        work.pass_minutes(20)
        if leaves_again:
            work.sense("b1", "free")
        work.pass_minutes(6)
        assert work.replies("drv-1")[-1]["type"] == told


def test_a_guest_who_leaves_is_no_resident_who_leaves():
    work = away()
    work.request(lead_min=0, stay_min=60)
    work.pass_minutes(2)
    work.sense("b1", "occupied")
    assert work.replies("drv-1")[-1]["type"] == "active"
    work.pass_minutes(20)
    work.sense("b1", "free")
    work.pass_minutes(2)
    assert work.replies("drv-1")[-1]["type"] == "completed"
    assert len(work.named(e.ResidentLeft)) == 1
    assert not work.named(e.ResidentReturned)
    assert work.shows("b1") == "available"


def test_a_guest_in_a_weekly_window_who_leaves_is_no_resident_either():
    work = DeskWork(spec("b1"))
    ask(work)
    work.request(lead_min=0)
    work.sense("b1", "occupied")
    work.pass_minutes(20)
    work.sense("b1", "free")
    assert not work.named(e.ResidentLeft)


def test_a_window_that_ran_out_opens_again_when_a_return_is_unlikely_again():
    work = at_home()
    ask(work, risk=100)
    work.sense("b1", "free")
    assert window(work) == (0, 65)
    assert work.state.offers["o-3"].offered_ms == 0
    work.give(c.ReportGateway(gateway="gw-1", online=False))
    work.pass_minutes(100)
    assert work.shows("b1") == "unknown"
    work.sense("b1", "free")
    work.pass_minutes(15)
    first, last = window(work)
    assert first > 100
    assert last > first + 30
    assert work.state.offers["o-3"].offered_ms == 65 * MINUTE_MS


def test_while_the_sensor_is_lost_no_window_opens_or_grows_and_the_absence_goes_on():
    work = away()
    work.give(c.ReportGateway(gateway="gw-1", online=False))
    work.pass_minutes(60)
    assert len(work.named(e.AutoWindowSet)) == 1
    assert work.request(lead_min=0) == "rejected"
    work.sense("b1", "free")
    work.pass_minutes(15)
    assert len(work.named(e.AutoWindowSet)) == 2
    assert len(work.named(e.ResidentLeft)) == 1


def test_a_car_that_is_there_when_the_sensor_is_back_came_back_then():
    work = away()
    work.give(c.ReportGateway(gateway="gw-1", online=False))
    work.pass_minutes(60)
    work.sense("b1", "occupied")
    assert [event.at for event in work.named(e.ResidentReturned)] == [START + HOUR_MS]
    assert window(work) == (60, 60)


def test_who_left_while_the_sensor_was_lost_was_not_seen_to_leave():
    work = at_home()
    work.give(c.ReportGateway(gateway="gw-1", online=False))
    work.pass_minutes(60)
    work.sense("b1", "free")
    assert not work.named(e.ResidentLeft)
    assert work.shows("b1") == "closed"


def test_late_and_unknown_news_open_nothing():
    work = at_home()
    work.sense("b1", "free", seq=0, boot_id=5)
    work.sense("b1", "unknown")
    work.sense("b1", "free")
    assert not work.named(e.ResidentLeft)


def test_a_new_auto_offer_takes_the_place_of_the_old_one_and_keeps_the_absence():
    work = away()
    assert ask(work, risk=100) == "offer_accepted"
    assert [event.offer_ids for event in work.named(e.OffersWithdrawn)][-1] == ("o-2",)
    assert window(work) == (0, 65)
    work.sense("b1", "occupied")
    assert len(work.named(e.ResidentReturned)) == 1


@pytest.mark.parametrize("how", ["disabled", "withdrawn"])
def test_an_auto_offer_that_ends_closes_the_bay_and_keeps_what_is_booked(how):
    work = away()
    work.request(lead_min=60)
    if how == "disabled":
        assert ask(work, enabled=False) == "offer_accepted"
    else:
        work.give(c.WithdrawOffer(resident="res-b1", request_id="w", bay="b1", offer_id="o-2"))
    assert work.shows("b1") == "closed"
    assert "r-1" in work.state.reservations
    assert work.state.board.bay("b1").away_since is None
    assert ask(work, enabled=False) == "offer_rejected"


def test_nobody_but_the_resident_can_let_a_bay_open_itself():
    work = DeskWork(spec("b1"))
    for bay, resident in (("b1", "res-b2"), ("b9", "res-b9")):
        work.give(c.OfferAuto(resident=resident, request_id=f"x-{bay}", bay=bay, enabled=True))
    assert [event.reason for event in work.named(e.OfferRejected)] == ["bay_of_another", "bay_unknown"]


def test_a_resident_who_comes_back_soon_each_time_gets_shorter_windows():
    work = at_home()
    lengths = []
    for _ in range(4):
        work.sense("b1", "free")
        first, last = window(work)
        lengths.append(last - first)
        work.pass_minutes(40)
        work.sense("b1", "occupied")
        work.pass_minutes(20)
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] < lengths[0] / 2
    bay = work.state.board.bay("b1")
    assert (bay.absences, bay.hazard_permille) == (4, 4 * 63)


def test_a_new_household_has_no_history():
    work = away()
    work.sense("b1", "occupied")
    work.sense("b1", "free")
    new = {name: getattr(spec("b1"), name) for name in spec("b1").__slots__} | {"resident": "res-new"}
    work.give(c.RegisterBays(operator="op-1", request_id="r2", specs=(c.BaySpec(**new),)))
    bay = work.state.board.bay("b1")
    assert (bay.away_since, bay.absences, bay.hazard_permille) == (None, 0, 0)
    assert work.shows("b1") == "closed"


def test_a_resident_whom_the_sensor_took_for_the_guest_is_found_out():
    work = away(spec("b2", east_m=100))
    work.request("drv-1", lead_min=5)
    work.pass_minutes(3)
    work.sense("b1", "occupied")
    assert work.replies("drv-1")[-1]["type"] == "active"
    assert work.say("drv-1", "arrive", "r-1", blocked=True)["bay"] == "b2"
    work.pass_minutes(15)
    assert len(work.named(e.ResidentReturned)) == 1
    work.sense("b1", "free")
    assert work.shows("b1") == "closed"


def test_a_booking_for_another_day_is_left_where_it_is():
    work = DeskWork(spec("b1"), spec("b2", east_m=100), settings=Settings(policy=Nearest()))
    work.request(lead_min=24 * 60)
    ask(work)
    work.sense("b1", "occupied")
    work.sense("b1", "free")
    work.sense("b1", "occupied")
    work.pass_minutes(1)
    assert not work.named(e.ReservationRelocated)


def test_a_restart_neither_forgets_the_absence_nor_looks_before_the_news_is_in():
    work = away()
    image = deepcopy(work.state.image())
    loaded = Loaded(snapshot=image, events=[], tables=deepcopy(image), heard=[], outbox=[], meta={})
    work.now += HOUR_MS
    work.desk = Desk(restore(loaded, work.state.settings, work.now), "seoul")
    assert work.state.image() == image
    work.pass_minutes(1)
    assert len(work.named(e.AutoWindowSet)) == 1
    work.pass_minutes(2)
    assert len(work.named(e.AutoWindowSet)) == 2
