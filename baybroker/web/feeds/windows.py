"""What residents offer, as standards write it: days of the week with local hours within one day, and the exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from allocator.domain.interval import DAY_MS, Interval, slot_ceil, slot_floor, without
from allocator.domain.model import Offer
from allocator.domain.windows import offer_windows, recalled_span
from baybroker.web.feeds.reading import texts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from zoneinfo import ZoneInfo

    from baybroker.web.feeds.reading import Row

_RRULE_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MIDNIGHT_END = "24:00"


@dataclass(frozen=True, slots=True)
class Daily:
    """The same hours on some days of the week (0: Monday), within the day; `end` None is the midnight at its end."""

    days: tuple[int, ...]
    start: str
    end: str | None
    except_dates: tuple[date, ...]


def offer_of(row: Row) -> Offer:
    """Return an offer that stands, of its row."""
    names = ("offer_id", "bay", "resident", "kind", "rrule", "start", "end", "from_at", "until", "offered_at")
    return Offer(**{name: row[name] for name in names}, except_dates=texts(row["except_dates"]))


def dailies(rrule: str, start: str, end: str, except_dates: Iterable[str]) -> list[Daily]:
    """Return a weekly offer's windows; one that reaches over midnight is two."""
    days = _days(rrule)
    dates = tuple(sorted(date.fromisoformat(day) for day in except_dates))
    if start < end:
        return [Daily(days, start, None if end == MIDNIGHT_END else end, dates)]
    morning = (
        tuple(sorted((day + 1) % 7 for day in days)), "00:00", end, tuple(day + timedelta(days=1) for day in dates)
    )  # fmt: skip
    parts = [] if start == MIDNIGHT_END else [Daily(days, start, None, dates)]
    return parts + ([] if end == "00:00" else [Daily(*morning)])


def midnight(day: date, zone: ZoneInfo) -> int:
    """Return when a day begins in a city, in epoch milliseconds."""
    return round(datetime.combine(day, time.min, tzinfo=zone).timestamp() * 1000)


def open_at(offers: Iterable[Offer], timezone: str, at: int) -> bool:
    """Tell whether a bay is on offer at an instant, as its calendar has it: whole slots, less what was recalled."""
    offers = list(offers)
    day = Interval(at - at % DAY_MS, at - at % DAY_MS + DAY_MS)
    taken = [recalled_span(offer) for offer in offers if offer.kind == "recall"]
    return any(
        slot_floor(rest.from_at) <= at < slot_ceil(rest.until)
        for offer in offers
        if offer.kind != "recall"
        for window in offer_windows(offer, timezone, day)
        for rest in without(window, taken)
    )


def _days(rrule: str) -> tuple[int, ...]:
    parts = dict(part.split("=", 1) for part in rrule.split(";"))
    if "BYDAY" not in parts:
        return tuple(range(7))
    named = parts["BYDAY"].upper().split(",")
    return tuple(number for number, name in enumerate(_RRULE_DAYS) if name in named)
