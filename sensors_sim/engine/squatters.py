"""Squatters: cars that park where drivers like to be, without a booking."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from sensors_sim.city import Point, distance_m
from sensors_sim.engine.chance import Arrivals
from sensors_sim.engine.demand import draw_destination
from sensors_sim.local_time import MINUTE_MS

if TYPE_CHECKING:
    from numpy.random import Generator

    from sensors_sim.engine.stage import Stage

HOURS = 24
LOOKED_AT = 240


class Squatters:
    """They come at a rate per bay and day and take the nearest free bay they see."""

    def __init__(self, stage: Stage, rng: Generator) -> None:
        setting = stage.scenario.squatters
        per_hour = setting.per_bay_day * len(stage.city.bays) / HOURS
        self._stage, self._rng = stage, rng
        self._bays = list(stage.city.bays.values())
        self._arrivals = Arrivals(rng, stage.local, per_hour, setting.hourly)
        self._number = 0
        self._plan(stage.start_ms)

    def _plan(self, now_ms: int) -> None:
        at_ms = self._arrivals.next_after(now_ms)
        if at_ms is not None:
            self._stage.agenda.at(at_ms, self._come)

    def _come(self, now_ms: int) -> None:
        self._plan(now_ms)
        wanted = draw_destination(self._rng, self._stage.scenario.drivers, self._bays)
        stay_ms = int(self._rng.exponential(self._stage.scenario.squatters.stay_mean_min * MINUTE_MS)) + MINUTE_MS
        bay = self._nearest_free(wanted)
        if bay is None:
            return
        self._number += 1
        name = f"squatter-{self._number}"
        self._stage.truth.park(bay, "squatter", name, now_ms)
        self._stage.counts["squatted"] += 1
        self._stage.agenda.at(now_ms + stay_ms, partial(self._stage.truth.leave, bay, name))

    def _nearest_free(self, wanted: Point) -> str | None:
        """Return the nearest of some bays that happen to be free: nobody looks at all of a city."""
        seen = self._rng.integers(len(self._bays), size=min(LOOKED_AT, len(self._bays)))
        nearest, least_m = None, math.inf
        for number in seen:
            bay = self._bays[int(number)]
            away_m = distance_m(wanted, Point(bay.lat, bay.lon))
            if away_m < least_m and not self._stage.truth.occupied(bay.bay):
                nearest, least_m = bay.bay, away_m
        return nearest
