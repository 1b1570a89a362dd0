"""Half-open intervals `[from, until)` of epoch milliseconds, and the five-minute slots of the calendar."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
SLOT_MS = 5 * MINUTE_MS


class Interval(NamedTuple):
    """`[from_at, until)` in epoch milliseconds."""

    from_at: int
    until: int

    def overlaps(self, other: Interval) -> bool:
        """Tell whether the two share an instant."""
        return self.from_at < other.until and other.from_at < self.until


def slot_floor(at_ms: int) -> int:
    """Return the start of the slot that `at_ms` is in."""
    return at_ms - at_ms % SLOT_MS


def slot_ceil(at_ms: int) -> int:
    """Return the first slot boundary that is not before `at_ms`."""
    return -(-at_ms // SLOT_MS) * SLOT_MS


def next_multiple(at_ms: int, step_ms: int) -> int:
    """Return the first multiple of a step after `at_ms`."""
    return (at_ms // step_ms + 1) * step_ms


def outward(interval: Interval) -> Interval:
    """Round to whole slots so that nothing of the interval is lost: for bookings."""
    return Interval(slot_floor(interval.from_at), slot_ceil(interval.until))


def inward(interval: Interval) -> Interval:
    """Round to whole slots so that nothing is added: for offers. May become empty."""
    return Interval(slot_ceil(interval.from_at), slot_floor(interval.until))


def without(interval: Interval, taken: Iterable[Interval]) -> list[Interval]:
    """Return what is left of an interval where others are taken away, in order."""
    left = []
    for hole in sorted(taken):
        if hole.overlaps(interval):
            left.append(Interval(interval.from_at, hole.from_at))
            interval = Interval(hole.until, interval.until)
    return [rest for rest in (*left, interval) if rest.from_at < rest.until]
