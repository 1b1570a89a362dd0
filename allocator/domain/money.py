"""Tariffs in whole won."""

from __future__ import annotations

from dataclasses import dataclass

from allocator.domain.interval import DAY_MS, MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What a stay costs: a base, then steps, capped each day; `resident_pct` of it is the resident's."""

    name: str = "seoul"
    base_won: int = 600
    base_min: int = 30
    step_won: int = 200
    step_min: int = 10
    free_min: int = 0
    day_max_won: int = 0
    resident_pct: int = 50

    def price_won(self, stay_ms: int) -> int:
        """Return the price of a stay; every begun step and every begun day counts."""
        days, rest_ms = divmod(max(stay_ms, 0), DAY_MS)
        return days * self._within_a_day(DAY_MS) + self._within_a_day(rest_ms)

    def resident_won(self, price_won: int) -> int:
        """Return the resident's share, rounded down."""
        return price_won * self.resident_pct // 100

    def _within_a_day(self, stay_ms: int) -> int:
        stay_min = -(-stay_ms // MINUTE_MS)
        if stay_min <= self.free_min:
            return 0
        steps = -(-max(stay_min - self.base_min, 0) // self.step_min)
        price = self.base_won + steps * self.step_won
        return min(price, self.day_max_won) if self.day_max_won else price
