"""What is evaluated: bays with a window each, and what drivers want of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from allocator.domain.geometry import EARTH_RADIUS_M
from allocator.domain.interval import HOUR_MS, Interval

TIMEZONE = "Asia/Seoul"
DAY_AT = int(datetime(2026, 3, 2, tzinfo=ZoneInfo(TIMEZONE)).timestamp()) * 1000
"""Monday 2 March 2026, 00:00 in Seoul: the day that instances take place on."""
ZONE = "lab"
GATEWAY = "gw-lab"


@dataclass(frozen=True, slots=True)
class OfferedBay:
    """A bay and the intervals that its resident offers, apart and in order."""

    bay: str
    lat: float
    lon: float
    windows: tuple[Interval, ...]

    @property
    def offered_ms(self) -> int:
        """How long it is offered."""
        return sum(window.until - window.from_at for window in self.windows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one driver asks at `asked_at`: a bay within `max_walk_m` of a point, for `[arrive_at, until)`."""

    name: str
    asked_at: int
    arrive_at: int
    until: int
    lat: float
    lon: float
    max_walk_m: int
    wait_until: int | None = None

    @property
    def hours(self) -> float:
        """How long the stay is."""
        return (self.until - self.arrive_at) / HOUR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A named problem; equal seeds give equal instances. `load` and `lead_min` are None where they mean nothing."""

    name: str
    seed: int
    bays: tuple[OfferedBay, ...]
    demands: tuple[Demand, ...]
    load: float | None = None
    lead_min: float | None = None

    @property
    def starts_at(self) -> int:
        """When the first driver asks."""
        return min(demand.asked_at for demand in self.demands)


def moved(lat: float, lon: float, east_m: float, north_m: float) -> tuple[float, float]:
    """Return the point so many metres east and north of another."""
    north = math.degrees(north_m / EARTH_RADIUS_M)
    east = math.degrees(east_m / (EARTH_RADIUS_M * math.cos(math.radians(lat))))
    return lat + north, lon + east
