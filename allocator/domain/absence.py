"""How long residents stay away: survival curves by hour of departure, and each resident's own pace.

A curve is a cumulative hazard in permille, so that P(still away after t) = exp(-pace * hazard(t) / 1000). A pace above
1 is a resident who comes back sooner than most.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from allocator.domain.interval import DAY_MS, MINUTE_MS

HOURS = 24
SATURDAY = 5
HABIT_MS = DAY_MS
"""What a resident does after a day away says little of the daily habit: only the first day counts towards the pace."""
KNOTS_MIN = (0, 15, 30, 60, 120, 240, 480, 720, 1_440, 2_880, 4_320)
ANY_HOUR_PERMILLE = (0, 21, 47, 95, 182, 323, 500, 824, 1_149, 1_622, 2_040)


@dataclass(frozen=True, slots=True)
class Absence:
    """The fitted figures: `hazard_permille` has 48 rising curves over `knots_min`: a weekday's 24 hours, a weekend's.

    `prior_permille`: how many expected returns (in thousandths) of its own history weigh as much as everyone's. The
    defaults are one curve for every hour.
    """

    knots_min: tuple[int, ...] = KNOTS_MIN
    hazard_permille: tuple[tuple[int, ...], ...] = (ANY_HOUR_PERMILLE,) * (2 * HOURS)
    prior_permille: int = 1_000

    def pace(self, absences: int, hazard_permille: int) -> float:
        """Return a resident's pace after so many absences, of which the curves expected `hazard_permille`.

        The mean of a gamma distribution around 1 that Poisson counts have sharpened.
        """
        return (self.prior_permille + 1_000 * absences) / (self.prior_permille + hazard_permille)

    def expected_permille(self, left_at: int, away_ms: int, timezone: str) -> int:
        """Return how many returns the curve expects in so long an absence, at most in its first day."""
        curve = self.hazard_permille[curve_of(left_at, timezone)]
        return round(self._hazard(curve, min(max(away_ms, 0), HABIT_MS) / MINUTE_MS))

    def away_until(self, left_at: int, now: int, *, risk_permille: int, pace: float, timezone: str) -> int:
        """Return the latest instant before which the car is back with at most this risk, given that it is not now."""
        curve = self.hazard_permille[curve_of(left_at, timezone)]
        allowed = -1_000 * math.log1p(-risk_permille / 1_000) / pace
        reached = self._hazard(curve, max(now - left_at, 0) / MINUTE_MS)
        return max(now, left_at + int(self._minutes(curve, reached + allowed) * MINUTE_MS))

    def _hazard(self, curve: tuple[int, ...], away_min: float) -> float:
        """Interpolate; past the last knot the last day's mean goes on."""
        knots = self.knots_min
        if away_min >= knots[-1]:
            return curve[-1] + (away_min - knots[-1]) * self._tail(curve)
        after = bisect_right(knots, away_min)
        share = (away_min - knots[after - 1]) / (knots[after] - knots[after - 1])
        return curve[after - 1] + share * (curve[after] - curve[after - 1])

    def _minutes(self, curve: tuple[int, ...], hazard: float) -> float:
        """Return the last minute at which the curve has not gone beyond a hazard."""
        knots = self.knots_min
        if hazard >= curve[-1]:
            return knots[-1] + (hazard - curve[-1]) / self._tail(curve)
        after = bisect_right(curve, hazard)
        share = (hazard - curve[after - 1]) / (curve[after] - curve[after - 1])
        return knots[after - 1] + share * (knots[after] - knots[after - 1])

    def _tail(self, curve: tuple[int, ...]) -> float:
        """Return the mean hazard a minute of the curve's last day; never zero, so that every window ends."""
        first = max(bisect_right(self.knots_min, self.knots_min[-1] - DAY_MS // MINUTE_MS) - 1, 0)
        return max(curve[-1] - curve[first], 1) / (self.knots_min[-1] - self.knots_min[first])


def curve_of(left_at: int, timezone: str) -> int:
    """Return which curve holds for a departure: its local hour, 24 more at a weekend."""
    local = datetime.fromtimestamp(left_at / 1000, _zone(timezone))
    return local.hour + (HOURS if local.weekday() >= SATURDAY else 0)


@lru_cache(maxsize=16)
def _zone(timezone: str) -> ZoneInfo:
    return ZoneInfo(timezone)
