"""The demand: what drivers want, and what they will do about it. A day's wishes are drawn at once, before any reply."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sensors_sim.city import EARTH_M_PER_DEG, Point
from sensors_sim.engine.chance import arrivals, stay_minutes, weighted
from sensors_sim.local_time import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.random import Generator

    from sensors_sim.city import City
    from sensors_sim.engine.chance import Floats
    from sensors_sim.engine.rows import Ints
    from sensors_sim.scenario import Drivers

SHORT_MIN = (5, 11)
SHORT_LEAD_MIN = 2.0
LEAD_MAX_MIN = 24 * 60.0
OVERSTAY_MEAN_MIN = 15.0
OVERSTAY_LEAST_MIN = 6.0
BACKGROUND_SPREAD_M = 100.0
MILLION = 1_000_000


class Fate(StrEnum):
    """What a driver makes of a booking."""

    NO_SHOW = "no_show"
    CANCELS = "cancels"
    LEAVES_EARLY = "leaves_early"
    OVERSTAYS = "overstays"
    USES = "uses"


FATES = tuple(Fate)


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


class Wishes(NamedTuple):
    """Wishes as whole numbers: micro-degrees, no price is -1, `fate` one of `FATES`, `share` in millionths."""

    lat: Ints
    lon: Ints
    lead_ms: Ints
    stay_min: Ints
    max_walk_m: Ints
    max_price_won: Ints
    fate: Ints
    share: Ints
    late_ms: Ints
    travel_ms: Ints
    overstay_ms: Ints
    tells_arrival: Ints
    tells_departure: Ints

    def wish(self, which: int) -> Wish:
        """Return one of them."""
        lat, lon, lead, stay, walk, price, fate, share, late, travel, over, arrival, departure = (
            int(column[which]) for column in self
        )
        return Wish(
            destination=Point(lat / MILLION, lon / MILLION),
            lead_ms=lead,
            stay_min=stay,
            max_walk_m=walk,
            max_price_won=None if price < 0 else price,
            fate=FATES[fate],
            share=share / MILLION,
            late_ms=late,
            travel_ms=travel,
            overstay_ms=over,
            tells_arrival=bool(arrival),
            tells_departure=bool(departure),
        )


class Asked(NamedTuple):
    """What drivers are known to ask for, in order of asking; units as in `Wishes`."""

    at_ms: Ints
    lat: Ints
    lon: Ints
    lead_ms: Ints
    stay_min: Ints
    max_walk_m: Ints
    max_price_won: Ints


def no_wishes() -> Wishes:
    """Return none."""
    return Wishes(*(np.empty(0, np.int64) for _ in Wishes._fields))


class Destinations:
    """Where people want to be: near one of the hot spots, or near any bay."""

    def __init__(self, setting: Drivers, city: City) -> None:
        self._background_share = setting.background_share
        self._weights = [spot.weight for spot in setting.hot_spots] or [1.0]
        self._spots = _columns((spot.lat, spot.lon, spot.spread_m) for spot in setting.hot_spots)
        self.bays = _columns((bay.lat, bay.lon, BACKGROUND_SPREAD_M) for bay in city.bays.values())

    def draw(self, rng: Generator, count: int) -> tuple[Ints, Ints]:
        """Return so many points, in micro-degrees."""
        background = rng.random(count) < self._background_share
        spot, bay = weighted(rng, self._weights, count), rng.integers(self.bays.shape[1], size=count)
        near = self.bays[:, bay]
        near[:, ~background] = self._spots[:, spot[~background]]
        east_m, north_m = rng.standard_normal((2, count)) * near[2]
        # metres to degrees for the latitude of the place; rounded, so that the cosine's last bit is gone
        lat = near[0] + north_m / EARTH_M_PER_DEG
        lon = near[1] + east_m / (EARTH_M_PER_DEG * np.cos(np.radians(near[0])))
        return np.rint(lat * MILLION).astype(np.int64), np.rint(lon * MILLION).astype(np.int64)


class Demand:
    """The wishes of all drivers, day by day; where it is known what is `asked`, only what they do about it is drawn."""

    def __init__(
        self, setting: Drivers, destinations: Destinations, rng: Generator, asked: Asked | None = None
    ) -> None:
        self._setting, self._destinations, self._rng, self._asked = setting, destinations, rng, asked
        self._surely_short = setting.first_short

    def day(self, hours: Ints, start_ms: int) -> tuple[Ints, Wishes]:
        """Return when the wishes of a day come that are not before the start, and what they are."""
        if self._asked is not None:
            return self._known(self._asked, max(int(hours[0]), start_ms), int(hours[-1]))
        at_ms = arrivals(self._rng, hours, self._setting.requests_per_hour, self._setting.hourly)
        at_ms = at_ms[at_ms >= start_ms]
        return at_ms, self._draw(len(at_ms))

    def _known(self, asked: Asked, from_ms: int, until_ms: int) -> tuple[Ints, Wishes]:
        today = Asked(*(column[(asked.at_ms >= from_ms) & (asked.at_ms < until_ms)] for column in asked))
        wanted = today._asdict()
        del wanted["at_ms"]
        return today.at_ms, self._draw(len(today.at_ms))._replace(**wanted)

    def _draw(self, count: int) -> Wishes:
        rng, setting = self._rng, self._setting
        lat, lon = self._destinations.draw(rng, count)
        short = rng.random(count) < setting.short_share
        short[: self._surely_short] = True
        self._surely_short = max(self._surely_short - count, 0)
        stay = stay_minutes(
            rng, (setting.stay_log_mean, setting.stay_log_sd), (setting.stay_min, setting.stay_max_min), count
        )
        stay = np.where(short, rng.integers(*SHORT_MIN, size=count), stay)
        lead_min = np.minimum(rng.standard_exponential(count) * setting.lead_mean_min, LEAD_MAX_MIN)
        lead_min = np.where(short, rng.random(count) * SHORT_LEAD_MIN, lead_min)
        overstay_min = OVERSTAY_LEAST_MIN + rng.standard_exponential(count) * OVERSTAY_MEAN_MIN
        return Wishes(
            lat=lat,
            lon=lon,
            lead_ms=_whole(lead_min * MINUTE_MS),
            stay_min=stay,
            max_walk_m=rng.integers(setting.walk_from_m, setting.walk_to_m + 1, size=count),
            max_price_won=self._price_caps(stay),
            fate=self._fates(count),
            share=rng.integers(MILLION, size=count),
            late_ms=rng.integers(4 * MINUTE_MS, size=count),
            travel_ms=rng.integers(MINUTE_MS, 3 * MINUTE_MS, size=count),
            overstay_ms=_whole(overstay_min * MINUTE_MS),
            tells_arrival=(rng.random(count) < setting.tells_share).astype(np.int64),
            tells_departure=(rng.random(count) < setting.tells_share).astype(np.int64),
        )

    def _price_caps(self, stay_min: Ints) -> Ints:
        low, high = self._setting.price_cap_won_per_hour
        capped = self._rng.random(len(stay_min)) < self._setting.price_cap_share
        per_hour = low + (high - low) * self._rng.random(len(stay_min))
        return np.where(capped, _whole(per_hour * stay_min / 60), -1)

    def _fates(self, count: int) -> Ints:
        setting = self._setting
        shares = (setting.no_show_share, setting.cancel_share, setting.early_share, setting.overstay_share)
        return weighted(self._rng, [*shares, max(1 - sum(shares), 0)], count)


def _whole(numbers: Floats) -> Ints:
    return np.rint(numbers).astype(np.int64)


def _columns(places: Iterable[tuple[float, float, float]]) -> Floats:
    return np.array(list(places), float).reshape(-1, 3).T
