"""Staying longer: where the next booking is late enough, or can be moved without anybody noticing."""

from __future__ import annotations

from deskwork import DeskWork, spec

from allocator.core import Settings
from allocator.domain import events as e
from allocator.domain.interval import MINUTE_MS
from allocator.matching.policies import Nearest


def guest_and_next(*bays, next_lead: float = 60, **settings) -> DeskWork:
    """drv-1 stands in b1 until 09:30; drv-2 has b1 from `next_lead` minutes after nine."""
    work = DeskWork(spec("b1"), *bays, settings=Settings(**settings))
    work.request("drv-1", lead_min=0, stay_min=30)
    work.sense("b1", "occupied")
    work.request("drv-2", lead_min=next_lead, stay_min=30)
    assert {held.bay for held in work.state.reservations.values()} == {"b1"}
    return work


def extend(work: DeskWork, minutes: int, driver: str = "drv-1") -> dict:
    return work.say(driver, "extend", "r-1", extend_ms=minutes * MINUTE_MS)


def test_an_unbound_booking_in_the_way_is_moved_before_the_stay_grows():
    work = guest_and_next(spec("b2", east_m=100))
    assert extend(work, 60)["type"] == "extended"
    kinds = [type(recorded.event).__name__ for recorded in work.events[-2:]]
    assert kinds == ["Replanned", "ReservationExtended"]
    assert len(work.replies("drv-2")) == 1
    work.pass_minutes(46)
    assert work.replies("drv-2")[-1]["bay"] == "b2"


def test_two_bookings_in_the_way_are_moved_where_they_do_not_meet():
    work = guest_and_next(spec("b2", east_m=100), spec("b3", east_m=200))
    work.request("drv-3", lead_min=110, stay_min=30, max_walk_m=50)
    work.sense("b2", "free")
    assert extend(work, 30)["type"] == "extended"
    assert extend(work, 60)["reason"] == "bay_not_free"  # drv-3 may not walk so far


def test_a_bound_booking_is_not_moved_for_an_extension():
    work = guest_and_next(spec("b2", east_m=100), policy=Nearest())
    assert extend(work, 60)["reason"] == "bay_not_free"
    assert extend(work, 15)["type"] == "extended"


def test_a_booking_that_can_go_nowhere_keeps_its_bay():
    work = guest_and_next()
    assert extend(work, 60)["reason"] == "bay_not_free"
    assert not work.named(e.Replanned)


def test_a_vehicle_that_is_promised_a_bay_later_cannot_stay_into_that_time():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request("drv-1", lead_min=0, stay_min=30)
    work.sense("b1", "occupied")
    assert work.request("drv-1", lead_min=45) == "accepted"
    assert extend(work, 20)["reason"] == "vehicle_has_reservation"
    assert extend(work, 10)["type"] == "extended"


def test_a_stay_is_not_extended_into_the_past():
    work = DeskWork(spec("b1"))
    work.request("drv-1", lead_min=0, stay_min=60)
    work.sense("b1", "occupied")
    work.pass_minutes(120)
    assert extend(work, 10)["reason"] == "in_past"
    assert extend(work, 60)["reason"] == "in_past"
    assert extend(work, 61)["type"] == "extended"
