"""Tariffs: what a stay costs in whole won, and what a resident gets for the bay, in won and in millipoints."""

from __future__ import annotations

from dataclasses import dataclass

from allocator.domain.interval import DAY_MS, HOUR_MS, MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A base, then steps, at most `day_max_won` (0: no limit) a day; `resident_pct` of it is the resident's.

    A stay of up to `free_min` costs nothing. `overstay_won` is for each step begun after the notice, on top of what
    the stay cost until then, and no daily limit holds for it.
    """

    name: str = "seoul"
    base_won: int = 600
    base_min: int = 30
    step_won: int = 200
    step_min: int = 10
    free_min: int = 0
    day_max_won: int = 0
    resident_pct: int = 50
    offered_millipoints: int = 0
    used_millipoints: int = 0
    overstay_won: int = 400

    def price_won(self, stay_ms: int) -> int:
        """Return the price of a stay; every begun step and every begun 24 hours of it count."""
        if stay_ms <= self.free_min * MINUTE_MS:
            return 0
        days, rest_ms = divmod(stay_ms, DAY_MS)
        return days * self._within_a_day(DAY_MS) + (self._within_a_day(rest_ms) if rest_ms else 0)

    def surcharge_won(self, over_ms: int) -> int:
        """Return what so long beyond the notice costs."""
        return -(-max(over_ms, 0) // (self.step_min * MINUTE_MS)) * self.overstay_won

    def resident_won(self, price_won: int) -> int:
        """Return the resident's share, rounded down."""
        return price_won * self.resident_pct // 100

    def _within_a_day(self, stay_ms: int) -> int:
        over_ms = max(stay_ms - self.base_min * MINUTE_MS, 0)
        price = self.base_won + -(-over_ms // (self.step_min * MINUTE_MS)) * self.step_won
        return min(price, self.day_max_won) if self.day_max_won else price


def points(time_ms: int, millipoints_per_hour: int) -> int:
    """Return the millipoints for a time, rounded down."""
    return time_ms * millipoints_per_hour // HOUR_MS


@dataclass(frozen=True, slots=True)
class Bill:
    """What a stay came to. `resident_won` is the resident's, whoever pays it; the surcharge is part of the price."""

    price_won: int
    resident_won: int
    surcharge_won: int
    millipoints: int


def bill(
    tariff: Tariff, *, began: int, until: int, at: int, quote_won: int, notice_ms: int, free: bool, resident: bool
) -> Bill:
    """Return the bill of a stay that began, was promised until `until`, and ended at `at`.

    Within the promise it costs the lower of the quote and the bay's own price. What follows costs what it adds at the
    bay's tariff, and once the notice is over the surcharge instead. `free`: the promise was broken, so that what lies
    within it costs the driver nothing. Without a resident nobody gets a share.
    """
    used_ms = max(min(at, until) - began, 0)
    kept_won = min(tariff.price_won(used_ms), quote_won)
    late_ms = max(at - max(began, until), 0)
    over_won = tariff.price_won(used_ms + min(late_ms, notice_ms)) - tariff.price_won(used_ms)
    surcharge_won = tariff.surcharge_won(late_ms - notice_ms)
    late_won = over_won + surcharge_won
    return Bill(
        price_won=late_won if free else kept_won + late_won,
        resident_won=tariff.resident_won(kept_won + late_won) if resident else 0,
        surcharge_won=surcharge_won,
        millipoints=points(used_ms, tariff.used_millipoints) if resident else 0,
    )


def extended_won(tariff: Tariff, quote_won: int, stay_ms: int, longer_ms: int) -> int:
    """Return the quote of a stay that grows: what was quoted, and what the rest adds at the bay's tariff."""
    return quote_won + tariff.price_won(longer_ms) - tariff.price_won(stay_ms)


def pro_rata_won(quote_won: int, stay_ms: int, shorter_ms: int) -> int:
    """Return the quote of a stay that is cut short, rounded down."""
    return quote_won * min(max(shorter_ms, 0), stay_ms) // stay_ms
