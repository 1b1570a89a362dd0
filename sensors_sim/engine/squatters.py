"""Squatters: cars that park where drivers like to be, without a booking. A day of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sensors_sim.city import EARTH_M_PER_DEG
from sensors_sim.engine.chance import arrivals, exponential_ms
from sensors_sim.engine.demand import MILLION
from sensors_sim.engine.spans import Spans, covering, merged, no_spans
from sensors_sim.local_time import MINUTE_MS

if TYPE_CHECKING:
    from numpy.random import Generator

    from sensors_sim.engine.demand import Destinations
    from sensors_sim.engine.rows import Bools, Ints
    from sensors_sim.scenario import Squatters as Setting

HOURS = 24
LOOKED_AT = 64
"""A squatter sees so many of the bays, drawn at random: nobody looks at all of a city."""
TRIED = 8
"""And tries the nearest of them, at most so many."""
TRY_AGAIN_MS = 10 * MINUTE_MS
AT_ONCE = 20_000
BAYS_MOST = 1 << 20


def delayed(away: Spans, stays: Squatted) -> tuple[Spans, Spans]:
    """Return the absences as squatters prolong them, and for how long which residents were blocked.

    A resident who finds a car in the bay looks again every ten minutes.
    """
    which = covering(away, stays.bay, stays.from_ms)
    late = stays.until_ms > away.until_ms[which]
    which, until_ms = which[late], stays.until_ms[late]
    back_ms = away.until_ms[which]
    again_ms = back_ms - (back_ms - until_ms) // TRY_AGAIN_MS * TRY_AGAIN_MS
    prolonged = away.until_ms.copy()
    np.maximum.at(prolonged, which, again_ms)
    return merged([away._replace(until_ms=prolonged)]), Spans(away.who[which], back_ms, again_ms)


class Squatted(NamedTuple):
    """Stays of squatters: `bay` from `from_ms` until `until_ms`, in order of coming."""

    bay: Ints
    from_ms: Ints
    until_ms: Ints


class Squatters:
    """They come at a rate per bay and day and take the nearest free bay that they see; the first to come has it."""

    def __init__(self, setting: Setting, destinations: Destinations, rng: Generator) -> None:
        self._setting, self._destinations, self._rng = setting, destinations, rng
        self._busy = no_spans()

    def day(self, hours: Ints, start_ms: int, away: Spans) -> Squatted:
        """Return the stays that begin on a day, not before the start, in bays whose resident is away."""
        setting, rng = self._setting, self._rng
        per_hour = setting.per_bay_day * self._destinations.bays.shape[1] / HOURS
        at_ms = arrivals(rng, hours, per_hour, setting.hourly)
        at_ms = at_ms[at_ms >= start_ms]
        until_ms = at_ms + exponential_ms(rng, setting.stay_mean_min * MINUTE_MS, len(at_ms)) + MINUTE_MS
        nearest = self._nearest(*self._destinations.draw(rng, len(at_ms)))
        free = np.column_stack([covering(away, bay, at_ms) >= 0 for bay in nearest.T]) if len(at_ms) else nearest > 0
        bay = self._settled(nearest, free, at_ms, until_ms)
        came = bay >= 0
        stays = Squatted(bay[came], at_ms[came], until_ms[came])
        busy = merged([self._busy, Spans(*stays)])
        self._busy = busy.only(busy.until_ms > hours[-1])
        return stays

    def _nearest(self, lat: Ints, lon: Ints) -> Ints:
        """Return the nearest of the bays that each sees, nearest first."""
        bays = self._destinations.bays
        parts = [np.empty((0, TRIED), np.int64)]
        for first in range(0, len(lat), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            count = len(lat[some])
            seen = self._rng.integers(bays.shape[1], size=(count, max(min(LOOKED_AT, bays.shape[1]), TRIED)))
            north = bays[0][seen] - lat[some, None] / MILLION
            east = (bays[1][seen] - lon[some, None] / MILLION) * np.cos(np.radians(bays[0, 0]))
            # whole square decimetres, and the bay: the same order on every machine
            away = np.rint((north**2 + east**2) * (10 * EARTH_M_PER_DEG) ** 2).astype(np.int64)
            keys = np.partition(away * BAYS_MOST + seen, TRIED - 1, axis=1)[:, :TRIED]
            parts.append(np.sort(keys, axis=1) % BAYS_MOST)
        return np.concatenate(parts)

    def _settled(self, nearest: Ints, free: Bools, at_ms: Ints, until_ms: Ints) -> Ints:
        """Return the bay that each gets, -1 none: in turns, whoever came first has it, the others try their next."""
        bay = np.full(len(at_ms), -1)
        for turn in range(TRIED):
            trying = np.flatnonzero((bay < 0) & free[:, turn])
            if not trying.size:
                continue
            taken = self._taken(bay, at_ms, until_ms)
            wanted = Spans(nearest[trying, turn], at_ms[trying], until_ms[trying])
            trying = trying[~_met(wanted, taken)]
            trying = trying[np.lexsort((at_ms[trying], nearest[trying, turn]))]
            got = trying[_first(Spans(nearest[trying, turn], at_ms[trying], until_ms[trying]))]
            bay[got] = nearest[got, turn]
        return bay

    def _taken(self, bay: Ints, at_ms: Ints, until_ms: Ints) -> Spans:
        settled = bay >= 0
        return merged([self._busy, Spans(bay[settled], at_ms[settled], until_ms[settled])])


def _met(wanted: Spans, taken: Spans) -> Bools:
    """Tell which of the wanted spans overlap one of the merged ones that are taken."""
    if not len(taken.who) or not len(wanted.who):
        return np.zeros(len(wanted.who), bool)
    base = min(int(taken.from_ms.min()), int(wanted.from_ms.min()))
    width = max(int(taken.until_ms.max()), int(wanted.until_ms.max())) - base + 1
    starts, ends = taken.who * width + taken.from_ms - base, wanted.who * width + wanted.until_ms - base
    before = np.searchsorted(starts, ends, side="left") - 1
    met: Bools = (before >= 0) & (taken.who[before] == wanted.who) & (taken.until_ms[before] > wanted.from_ms)
    return met


def _first(wanted: Spans) -> Bools:
    """Tell which begin after all that came to their bay before them, of spans in order, are over."""
    if not len(wanted.who):
        return np.zeros(0, bool)
    band = wanted.who * (int(wanted.until_ms.max()) - int(wanted.from_ms.min()) + 1)
    reach = np.maximum.accumulate(wanted.until_ms + band)
    first = np.ones(len(wanted.who), bool)
    first[1:] = wanted.from_ms[1:] + band[1:] >= reach[:-1]
    return first
