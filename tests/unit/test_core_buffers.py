"""The buffer after a stay is as long as guests outstay once in fifty."""

from __future__ import annotations

import pytest
from deskwork import START, DeskWork, restart, spec

from allocator.core import Settings
from allocator.core.buffers import STAYS_MAX, STAYS_MIN, buffer_ms
from allocator.domain import events as e
from allocator.domain.interval import MINUTE_MS


def stay(work: DeskWork, late_min: float, *, source: str = "sensor") -> None:
    """Have a guest stay half an hour and leave so late."""
    work.request(lead_min=0, stay_min=30)
    work.sense("b1", "occupied")
    if source == "timer":
        work.sense("b1", "unknown")
        work.pass_minutes(41)
        work.sense("b1", "free")
    else:
        work.pass_minutes(30 + late_min)
        work.sense("b1", "free")
        work.pass_minutes(2)


def minutes(lateness: list[int], **settings) -> float:
    work = DeskWork(spec("b1"), settings=Settings(**settings))
    work.state.lateness = lateness
    return buffer_ms(work.state) / MINUTE_MS


@pytest.mark.parametrize(
    ("lateness", "buffer_min"),
    [
        ([199, 0, 0, 0, 0, 0, 0, 0], 10),
        ([200, 0, 0, 0, 0, 0, 0, 0], 0),
        ([980, 20, 0, 0, 0, 0, 0, 0], 0),
        ([979, 21, 0, 0, 0, 0, 0, 0], 5),
        ([900, 50, 31, 19, 0, 0, 0, 0], 10),
        ([900, 0, 0, 0, 0, 79, 21, 0], 30),
        ([500, 0, 0, 0, 0, 0, 0, 500], 30),
    ],
)
def test_it_is_the_shortest_that_keeps_the_risk(lateness, buffer_min):
    assert minutes(lateness) == buffer_min


def test_a_city_that_learns_nothing_keeps_the_buffer_it_was_given():
    assert minutes([500, 0, 0, 0, 0, 0, 0, 500], buffer_ms=0, late_risk_permille=None) == 0
    assert minutes([500, 0, 0, 0, 0, 0, 0, 500], late_risk_permille=0) == 30


def test_it_is_learnt_from_stays_that_were_seen_to_end():
    work = DeskWork(spec("b1"))
    for late_min in (-10, 0, 1, 5, 6, 29, 31, 70):
        stay(work, late_min)
    stay(work, 0, source="timer")
    assert work.state.lateness == [2, 2, 1, 0, 0, 0, 1, 2]
    restart(work)
    assert work.state.lateness == [2, 2, 1, 0, 0, 0, 1, 2]


def test_a_booking_is_held_for_as_long_as_was_learnt_when_it_was_made():
    work = DeskWork(spec("b1"))
    work.request("drv-1", lead_min=30, stay_min=30)
    work.state.lateness = [0, 0, 0, STAYS_MIN, 0, 0, 0, 0]
    work.request("drv-2", lead_min=120, stay_min=30)
    held = [event.held_until - event.until for event in work.named(e.ReservationAccepted)]
    assert held == [10 * MINUTE_MS, 15 * MINUTE_MS]


def test_a_buffer_that_shrinks_takes_nothing_from_a_stay_that_grows():
    work = DeskWork(spec("b1"))
    work.request(lead_min=0, stay_min=30)
    work.sense("b1", "occupied")
    work.state.lateness = [STAYS_MIN, 0, 0, 0, 0, 0, 0, 0]
    assert work.say("drv-1", "extend", "r-1", extend_ms=5 * MINUTE_MS)["type"] == "extended"
    assert work.state.reservations["r-1"].held_until == START + 40 * MINUTE_MS


def test_what_is_old_counts_less():
    work = DeskWork(spec("b1"))
    work.state.lateness = [0, 0, 0, 0, 0, 0, 0, STAYS_MAX]
    stay(work, 0)
    assert work.state.lateness == [0, 0, 0, 0, 0, 0, 0, STAYS_MAX // 2]
