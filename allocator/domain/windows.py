"""Offers as intervals: RRULE days and wall-clock times of a city become epoch milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from allocator.domain.interval import Interval, inward

if TYPE_CHECKING:
    from allocator.domain.model import Offer

_KEYS = {"FREQ", "BYDAY"}
_FREQUENCIES = {"WEEKLY", "DAILY"}
_DAYS = re.compile(r"(MO|TU|WE|TH|FR|SA|SU)(,(MO|TU|WE|TH|FR|SA|SU))*", re.IGNORECASE)


@lru_cache(maxsize=256)
def check_rrule(rule: str) -> str | None:
    """Return why `rule` cannot be used, or None: days only, as `FREQ=WEEKLY;BYDAY=MO,TU` or `FREQ=DAILY`."""
    parts = dict(part.split("=", 1) for part in rule.split(";") if "=" in part)
    if not set(parts) <= _KEYS or parts.get("FREQ") not in _FREQUENCIES:
        return "rrule_unsupported"
    # Without days, a weekly rule would recur on the weekday that it happens to be unrolled from.
    if "BYDAY" not in parts and parts["FREQ"] == "WEEKLY":
        return "rrule_unsupported"
    if "BYDAY" in parts and _DAYS.fullmatch(parts["BYDAY"]) is None:
        return "rrule_invalid"
    try:
        rrulestr(rule, dtstart=datetime(2020, 1, 6))  # noqa: DTZ001 - local days, no instant
    except (ValueError, KeyError, TypeError, AttributeError):
        return "rrule_invalid"
    return None


@lru_cache(maxsize=4_096)
def _days(rule: str, first: date, last: date) -> tuple[date, ...]:
    start = datetime(first.year, first.month, first.day)  # noqa: DTZ001 - local days, no instant
    end = datetime(last.year, last.month, last.day)  # noqa: DTZ001 - likewise
    return tuple(moment.date() for moment in rrulestr(rule, dtstart=start).between(start, end, inc=True))


def _instant(day: date, wall: str, zone: ZoneInfo) -> int:
    """Return the instant of a wall-clock time; `24:00` is midnight at the end of the day."""
    hour, minute = int(wall[:2]), int(wall[3:])
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=hour // 24)
    return int(midnight.replace(hour=hour % 24, minute=minute).timestamp()) * 1000


@lru_cache(maxsize=4_096)
def weekly_windows(
    rule: str, start: str, end: str, except_dates: tuple[str, ...], timezone: str, within: Interval
) -> tuple[Interval, ...]:
    """Return the windows that touch `within`, rounded inward to slots. `end` at or before `start`: the next day."""
    zone = ZoneInfo(timezone)
    first = datetime.fromtimestamp(within.from_at / 1000, UTC).astimezone(zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(within.until / 1000, UTC).astimezone(zone).date()
    overnight = timedelta(days=1 if end <= start else 0)
    windows = (
        inward(Interval(_instant(day, start, zone), _instant(day + overnight, end, zone)))
        for day in _days(rule, first, last)
        if day.isoformat() not in except_dates
    )
    return tuple(window for window in windows if window.overlaps(within))


def recalled_span(recall: Offer) -> Interval:
    """Return what a recall takes away."""
    return Interval(recall.from_at or 0, recall.until or 0)


def offer_windows(offer: Offer, timezone: str, within: Interval) -> tuple[Interval, ...]:
    """Return the offer's windows that touch `within`; none when it was withdrawn."""
    if offer.withdrawn:
        return ()
    if offer.kind in {"once", "auto"}:
        window = inward(Interval(offer.from_at or 0, offer.until or 0))
        return (window,) if window.from_at < window.until and window.overlaps(within) else ()
    return weekly_windows(offer.rrule or "", offer.start or "", offer.end or "", offer.except_dates, timezone, within)


@lru_cache(maxsize=64)
def _week_from(day: date, timezone: str) -> Interval:
    monday, zone = day - timedelta(days=day.weekday()), ZoneInfo(timezone)
    return Interval(_instant(monday, "00:00", zone), _instant(monday + timedelta(days=7), "00:00", zone))


def week_of(at_ms: int, timezone: str) -> Interval:
    """Return the week of wall-clock time that an instant is in, from Monday 00:00."""
    return _week_from(datetime.fromtimestamp(at_ms / 1000, ZoneInfo(timezone)).date(), timezone)
