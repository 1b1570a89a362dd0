"""For how long a bay was on offer, whatever became of its offers since: what points are given for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from allocator.domain.interval import DAY_MS, Interval
from allocator.domain.windows import offer_windows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from allocator.domain.model import Offer


def offered_intervals(offers: Iterable[Offer], timezone: str, within: Interval) -> list[Interval]:
    """Return when `weekly` and `once` offers opened their bay in `within`, disjoint and in order, without recalls.

    Nothing counts before it was offered or after it was withdrawn.
    """
    # Whole days, so that the windows of a common rule are worked out once for all the bays of a day.
    days = Interval(within.from_at - within.from_at % DAY_MS, -(-within.until // DAY_MS) * DAY_MS)
    opened: list[Interval] = []
    recalled: list[Interval] = []
    for offer in offers:
        stood = overlap(Interval(offer.offered_at, offer.withdrawn_at or within.until), within)
        if offer.kind == "recall":
            recalled.append(overlap(Interval(offer.from_at or 0, offer.until or 0), stood))
        elif offer.kind != "auto":
            windows = offer_windows(replace(offer, withdrawn=False), timezone, days)
            opened.extend(overlap(window, stood) for window in windows)
    return minus(united(opened), united(recalled))


def auto_ms(offer: Offer, now: int) -> int:
    """Return for how long an `auto` offer has opened its bay since points were last given, its present window too."""
    return offer.offered_ms + auto_window_ms(offer, now if offer.withdrawn_at is None else min(offer.withdrawn_at, now))


def auto_window_ms(offer: Offer, now: int) -> int:
    """Return for how long the present window of an `auto` offer has been open."""
    return max(min(offer.until or 0, now) - (offer.from_at or 0), 0)


def overlap(one: Interval, other: Interval) -> Interval:
    """Return what the two share; may be empty."""
    from_at = max(one.from_at, other.from_at)
    return Interval(from_at, max(min(one.until, other.until), from_at))


def united(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the union, disjoint and in order, without what is empty."""
    joined: list[Interval] = []
    for one in sorted(it for it in intervals if it.from_at < it.until):
        if joined and one.from_at <= joined[-1].until:
            joined[-1] = Interval(joined[-1].from_at, max(joined[-1].until, one.until))
        else:
            joined.append(one)
    return joined


def minus(intervals: Iterable[Interval], taken: Iterable[Interval]) -> list[Interval]:
    """Return what is left of disjoint intervals without others, which are disjoint and in order."""
    left = list(intervals)
    for off in taken:
        left = [
            part
            for one in left
            for part in (
                Interval(one.from_at, min(one.until, off.from_at)),
                Interval(max(one.from_at, off.until), one.until),
            )
            if part.from_at < part.until
        ]
    return left


def total_ms(intervals: Iterable[Interval]) -> int:
    """Return how long disjoint intervals are together."""
    return sum(one.until - one.from_at for one in intervals)
