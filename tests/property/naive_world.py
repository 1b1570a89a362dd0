"""The naive model's nouns and its arithmetic: lists, minutes and linear scans; nothing of the allocator's rules."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SLOT = 5 * MINUTE
EARTH_M = 6_371_008.8
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LIVE = ("accepted", "bound", "active")


@dataclass
class NaiveBay:
    """A bay as its events and its sensor's words tell. `words`: the numbers heard, by boot, the newest boot last."""

    spec: object
    occupancy: str = "unknown"
    observed_at: int = 0
    lost: str | None = None
    contested: str | None = None
    closed: bool = False
    retired: bool = False
    heard_at: int | None = None
    heartbeat: int = HOUR
    away: int | None = None
    absences: int = 0
    expected: int = 0
    settled_at: int | None = None
    words: dict[int, set[int]] = field(default_factory=dict)
    device: tuple[int, int] = (-1, -1)

    def place_word(self, boot: int, number: int) -> str:
        """Note a word and return whether it is fresh, late or a duplicate."""
        boots = list(self.words)
        if not boots or boot > boots[-1]:
            self.words[boot] = {number}
            return "fresh"
        if boot not in boots[-2:]:
            return "late"  # too old a boot for its numbers to be remembered
        seen = self.words[boot]
        if number in seen:
            return "duplicate"
        newest = boot == boots[-1] and number > max(seen)
        seen.add(number)
        return "fresh" if newest else "late"


@dataclass
class NaiveOffer:
    """What a resident said, `kind` `weekly`, `once`, `auto` or `recall`; `opened`: earlier windows of an `auto` one."""

    event: object
    kind: str
    at: int
    window: tuple[int, int] | None = None
    ended_at: int | None = None
    opened: list[tuple[int, int]] = field(default_factory=list)


def mine(offer: NaiveOffer, bay: str, resident: str | None) -> bool:
    """Tell whether it is that resident's word on that bay."""
    return (offer.event.bay, offer.event.resident) == (bay, resident)


@dataclass
class Booking:
    """A reservation as its events tell."""

    name: str
    driver: str
    vehicle: str
    place: tuple[float, float]
    stay: tuple[int, int]
    held: tuple[int, int]
    max_walk_m: int
    needs: tuple[str, ...]
    quote_won: int
    bay: str
    status: str = "accepted"
    bound_at: int | None = None
    activated_at: int | None = None
    warned: bool = False
    most_won: int | None = None
    wait_until: int = 0
    violation: bool = False
    recalled: bool = False

    @property
    def live(self) -> bool:
        """Whether it holds its bay."""
        return self.status in LIVE

    def overdue_at(self, grace: int) -> int:
        """Return when a driver who has not come by then will not come."""
        return max(self.stay[0], self.bound_at or 0) + grace


def overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Tell whether two half-open intervals share an instant."""
    return max(one[0], other[0]) < min(one[1], other[1])


def down(at: int, step: int = SLOT) -> int:
    """Round down to a whole step."""
    return at - at % step


def up(at: int, step: int = SLOT) -> int:
    """Round up to a whole step."""
    return at if at % step == 0 else down(at, step) + step


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the straight distance between two near points of (latitude, longitude)."""
    north = math.radians(one[0] - other[0]) * EARTH_M
    east = math.radians(one[1] - other[1]) * EARTH_M * math.cos(math.radians(one[0]))
    return math.hypot(north, east)


def price_won(stay: int) -> int:
    """Return what a stay costs: each day 600 won for half an hour, and 200 for each ten minutes begun after it."""
    won = 0
    while stay > 0:
        won, paid_until = won + 600, 30 * MINUTE
        while paid_until < min(stay, DAY):
            won, paid_until = won + 200, paid_until + 10 * MINUTE
        stay -= DAY
    return won


def opens(offer: NaiveOffer, slot: int, timezone: str) -> bool:
    """Tell whether an offer opens a bay for the whole slot that begins then."""
    if offer.kind == "weekly":
        said = offer.event
        return _weekly_opens(said.rrule, said.start, said.end, said.except_dates, slot, timezone)
    return offer.kind != "recall" and offer.window[0] <= slot and slot + SLOT <= offer.window[1]


@lru_cache(maxsize=1_000_000)
def _weekly_opens(rule: str, start: str, end: str, excepted: tuple[str, ...], slot: int, timezone: str) -> bool:
    days = rule.partition("BYDAY=")[2].split(",") if "BYDAY=" in rule else DAYS
    for minute in range(slot, slot + SLOT, MINUTE):
        local = datetime.fromtimestamp(minute / 1000, ZoneInfo(timezone))
        wall, today, yesterday = f"{local:%H:%M}", local.date(), local.date() - timedelta(days=1)
        may = {day: DAYS[day.weekday()] in days and day.isoformat() not in excepted for day in (today, yesterday)}
        if end > start:
            inside = may[today] and start <= wall < end
        else:
            inside = (may[today] and start <= wall) or (may[yesterday] and wall < end)
        if not inside:
            return False
    return True
