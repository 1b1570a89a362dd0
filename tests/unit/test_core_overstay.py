"""A guest who stays too long never meets the next one unprepared: a substitute was sought before, and mostly found."""

from __future__ import annotations

import pytest
from deskwork import START, DeskWork, spec

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import MINUTE_MS
from allocator.matching.policies import BindLate, Nearest

POLICIES = {"nearest": Nearest(), "bind-late": BindLate()}


def stays_too_long(buffer_min: int, policy: str, *bays, gap_min: int = 0) -> DeskWork:
    """drv-1 has b1 until 10:00 and stays; drv-2 has it as soon as the buffer allows, and b2 is free from 09:30 on."""
    rules = Settings(
        buffer_ms=buffer_min * MINUTE_MS,
        late_risk_permille=None,
        policy=POLICIES[policy],
    )
    work = DeskWork(spec("b1"), *(bays or (spec("b2", east_m=100),)), settings=rules)
    work.request("drv-1", lead_min=0, stay_min=60)
    work.sense("b1", "occupied")
    for bay in work.state.board.number:
        work.sense(bay, "occupied")
    assert work.request("drv-2", lead_min=60 + buffer_min + gap_min, stay_min=60) == "accepted"
    assert {held.bay for held in work.state.reservations.values()} == {"b1"}
    work.pass_minutes(30)
    for bay in work.state.board.number:
        work.sense(bay, "occupied" if bay == "b1" else "free")
    return work


@pytest.mark.parametrize("policy", ["bind-late", "nearest"])
@pytest.mark.parametrize(("buffer_min", "gap_min"), [(0, 5), (0, 20), (10, 0), (10, 30), (30, 0), (30, 45)])
def test_the_next_booking_is_given_another_bay_before_it_starts(buffer_min, gap_min, policy):
    work = stays_too_long(buffer_min, policy, gap_min=gap_min)
    start = START + (60 + buffer_min + gap_min) * MINUTE_MS
    work.pass_minutes(150)
    told = [
        recorded for recorded in work.events if isinstance(recorded.event, e.ReservationRelocated | e.ReservationBound)
    ]
    last = [recorded for recorded in told if recorded.event.reservation_id == "r-2"][-1]
    assert getattr(last.event, "to_bay", None) or last.event.bay == "b2"
    assert last.at < start
    assert not [event for event in work.named(e.ReservationRelocated) if event.violation]


def test_a_bound_booking_is_moved_the_moment_the_guest_is_warned():
    work = stays_too_long(10, "nearest")
    work.pass_minutes(30)
    warned, moved = work.events[-2:]
    assert isinstance(warned.event, e.OverstayWarned)
    assert (moved.event.reason, moved.event.to_bay, moved.at) == ("overstay", "b2", START + 60 * MINUTE_MS)


def test_a_substitute_that_is_not_there_yet_is_looked_for_until_the_start_and_wider_then():
    work = stays_too_long(10, "nearest", spec("b2", east_m=500))
    work.pass_minutes(39)
    assert [reply["type"] for reply in work.replies("drv-2")] == ["accepted", "bound"]
    work.pass_minutes(1)
    moved = work.named(e.ReservationRelocated)[0]
    assert (moved.to_bay, moved.violation, moved.reason) == ("b2", True, "overstay")
    assert not work.named(e.BayContested)[1:]


def test_a_substitute_that_gets_free_in_time_is_found_by_the_next_tick():
    work = stays_too_long(10, "nearest", spec("b2", east_m=100))
    work.sense("b2", "occupied")
    work.pass_minutes(33)
    work.sense("b2", "free")
    work.pass_minutes(2)
    assert work.replies("drv-2")[-1]["bay"] == "b2"


def test_a_guest_who_leaves_in_time_moves_nobody():
    work = stays_too_long(10, "nearest")
    work.pass_minutes(29)
    work.sense("b1", "free")
    work.pass_minutes(60)
    assert not work.named(e.ReservationRelocated)


def test_every_booking_after_an_overstayer_is_looked_after_as_its_time_comes():
    work = stays_too_long(0, "nearest")
    assert work.request("drv-3", lead_min=90, stay_min=30) == "accepted"
    work.pass_minutes(110)
    moved = {it.event.reservation_id: it.at for it in work.events if isinstance(it.event, e.ReservationRelocated)}
    assert {name: (at - START) / MINUTE_MS for name, at in moved.items()} == {"r-2": 60, "r-3": 105}


@pytest.mark.parametrize("over_min", [5, 30])
def test_a_guest_whom_the_sensor_loses_sight_of_after_the_end_does_not_stay_for_ever(over_min):
    work = DeskWork(spec("b1"))
    work.request("drv-1", lead_min=0, stay_min=60)
    work.sense("b1", "occupied")
    work.pass_minutes(60 + over_min)
    work.sense("b1", "unknown")
    work.pass_minutes(11)
    assert [done.source for done in work.named(e.ReservationCompleted)] == ["timer"]


def test_a_guest_in_a_bay_whose_sensor_is_repaired_does_not_stay_for_ever():
    work = DeskWork(spec("b1"))
    work.request("drv-1", lead_min=0, stay_min=60)
    work.sense("b1", "occupied")
    work.pass_minutes(90)
    work.give(c.OperateBay(operator="op-1", request_id="repair", type="repaired", bay="b1"))
    work.pass_minutes(1)
    assert [done.source for done in work.named(e.ReservationCompleted)] == ["timer"]
