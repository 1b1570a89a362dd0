"""The demand: what a driver wants, and what this driver will do about it. All drawn at once, before any reply."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sensors_sim.city import Point, shifted
from sensors_sim.engine.chance import stay_minutes, weighted
from sensors_sim.local_time import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from sensors_sim.city import Bay
    from sensors_sim.scenario import Drivers

SHORT_MIN = (5, 11)
SHORT_LEAD_MIN = 2.0
LEAD_MAX_MIN = 24 * 60.0
OVERSTAY_MEAN_MIN = 15.0
OVERSTAY_LEAST_MIN = 6.0
BACKGROUND_SPREAD_M = 100.0


class Fate(StrEnum):
    """What a driver makes of a booking."""

    USES = "uses"
    NO_SHOW = "no_show"
    CANCELS = "cancels"
    LEAVES_EARLY = "leaves_early"
    OVERSTAYS = "overstays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A trip as it was drawn. `share` (0 to 1) places what the fate leaves open; `travel_ms` is to a substitute."""

    destination: Point
    lead_ms: int
    stay_min: int
    max_walk_m: int
    max_price_won: int | None
    fate: Fate
    share: float
    late_ms: int
    travel_ms: int
    overstay_ms: int
    tells_arrival: bool
    tells_departure: bool


def draw_destination(rng: Generator, setting: Drivers, bays: Sequence[Bay]) -> Point:
    """Return a point near one of the hot spots, or near any bay."""
    if setting.background_share and rng.random() < setting.background_share:
        bay = bays[int(rng.integers(len(bays)))]
        east_m, north_m = rng.normal(0, BACKGROUND_SPREAD_M, size=2)
        return shifted(Point(bay.lat, bay.lon), float(east_m), float(north_m))
    spot = setting.hot_spots[weighted(rng, [spot.weight for spot in setting.hot_spots])]
    east_m, north_m = rng.normal(0, spot.spread_m, size=2)
    return shifted(Point(spot.lat, spot.lon), float(east_m), float(north_m))


def draw_wish(rng: Generator, setting: Drivers, bays: Sequence[Bay], *, surely_short: bool) -> Wish:
    """Return what the next driver wants."""
    short = bool(rng.random() < setting.short_share) or surely_short
    if short:
        stay_min = int(rng.integers(*SHORT_MIN))
        lead_min = float(rng.uniform(0, SHORT_LEAD_MIN))
    else:
        stay = stay_minutes(rng, setting.stay_log_mean, setting.stay_log_sd, setting.stay_min, setting.stay_max_min)
        stay_min = round(stay)
        lead_min = min(float(rng.exponential(setting.lead_mean_min)), LEAD_MAX_MIN)
    return Wish(
        destination=draw_destination(rng, setting, bays),
        lead_ms=round(lead_min * MINUTE_MS),
        stay_min=stay_min,
        max_walk_m=int(rng.integers(setting.walk_from_m, setting.walk_to_m + 1)),
        max_price_won=_draw_price_cap(rng, setting, stay_min),
        fate=_draw_fate(rng, setting),
        share=float(rng.random()),
        late_ms=int(rng.uniform(0, 4 * MINUTE_MS)),
        travel_ms=int(rng.uniform(1, 3) * MINUTE_MS),
        overstay_ms=round((OVERSTAY_LEAST_MIN + float(rng.exponential(OVERSTAY_MEAN_MIN))) * MINUTE_MS),
        tells_arrival=bool(rng.random() < setting.tells_share),
        tells_departure=bool(rng.random() < setting.tells_share),
    )


def _draw_price_cap(rng: Generator, setting: Drivers, stay_min: int) -> int | None:
    capped, per_hour = rng.random() < setting.price_cap_share, rng.uniform(*setting.price_cap_won_per_hour)
    return round(per_hour * stay_min / 60) if capped else None


def _draw_fate(rng: Generator, setting: Drivers) -> Fate:
    shares = {
        Fate.NO_SHOW: setting.no_show_share,
        Fate.CANCELS: setting.cancel_share,
        Fate.LEAVES_EARLY: setting.early_share,
        Fate.OVERSTAYS: setting.overstay_share,
    }
    drawn = rng.random()
    for fate, share in shares.items():
        if drawn < share:
            return fate
        drawn -= share
    return Fate.USES
