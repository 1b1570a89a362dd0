"""What healthy sensors would say: changes once they are noticed, and heartbeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sensors_sim.engine.calendar import DAY_MIN, HOUR_MIN
from sensors_sim.engine.rows import Rows, What, joined, rows
from sensors_sim.local_time import MINUTE_MS, wall_hour

if TYPE_CHECKING:
    from numpy.random import Generator

    from sensors_sim.engine.rows import Bools, Ints
    from sensors_sim.scenario import Sensors

OCCUPIED_BY = {
    What.RESIDENT_LEAVES: 0,
    What.RESIDENT_RETURNS: 1,
    What.SQUATTER_COMES: 1,
    What.SQUATTER_LEAVES: 0,
}
"""The rows that change what is in a bay, and what is in it then."""


class Reports:
    """Notices of changes: late by the detection delay and the debounce, and only of those that last so long."""

    def __init__(self, setting: Sensors, occupied: Bools, rng: Generator) -> None:
        self._setting, self._rng = setting, rng
        self._told: Ints = occupied.astype(np.int64)
        self._waiting = joined([])
        """Noticed in a later part: `what` is the instant of the notice."""

    def until(self, end_ms: int, happened: Rows) -> Rows:
        """Return the reports before `end_ms`, given the rows that happen before it and were not yet given."""
        changes = happened.only(np.isin(happened.what, list(OCCUPIED_BY)))
        status = np.isin(changes.what, [what for what, occupied in OCCUPIED_BY.items() if occupied]).astype(np.int64)
        noticed = changes.at_ms + delays_ms(self._setting, self._rng, len(status))
        seen = joined([self._waiting, Rows(changes.at_ms, noticed, changes.bay, status)])
        seen = seen.only(np.lexsort((seen.at_ms, seen.bay)))
        lasts = np.ones(len(seen.bay), bool)
        lasts[:-1] = (seen.bay[1:] != seen.bay[:-1]) | (seen.at_ms[1:] > seen.what[:-1])
        self._waiting = seen.only(lasts & (seen.what >= end_ms))
        seen = seen.only(lasts & (seen.what < end_ms))
        again = np.zeros(len(seen.bay), bool)
        again[1:] = seen.bay[1:] == seen.bay[:-1]
        before = np.where(again, np.concatenate(([0], seen.value[:-1]))[: len(again)], self._told[seen.bay])
        self._told[seen.bay] = seen.value
        told = seen.only(seen.value != before)
        return rows(What.REPORT, told.what, told.bay, told.value)


def delays_ms(setting: Sensors, rng: Generator, count: int) -> Ints:
    """Return how long after a change it is told."""
    if setting.detection_ms == 0:
        return np.full(count, setting.debounce_ms)
    drawn = np.rint(setting.detection_ms + setting.detection_sd_ms * rng.standard_normal(count)).astype(np.int64)
    return np.maximum(drawn, 1) + setting.debounce_ms


class Heartbeats:
    """The heartbeats of all sensors. By night they may come at another rate than by day."""

    def __init__(self, setting: Sensors, start_ms: int, bays: int, rng: Generator) -> None:
        self._by_day_s, self._by_night_s = setting.heartbeat_s, setting.night_heartbeat_s or setting.heartbeat_s
        self._night = [round(wall_hour(text) * HOUR_MIN) for text in (setting.night_from, setting.night_until)]
        next_ms = start_ms + rng.integers(1_000, 1_000 * setting.heartbeat_s + 1, size=bays)
        # kept in the order of their times: they stay nearly sorted, which is cheap to sort
        self._bay = np.argsort(next_ms, kind="stable")
        self._next_ms = next_ms[self._bay]

    def hour(self, from_ms: int, until_ms: int, hour: int) -> Rows:
        """Return the heartbeats before `until_ms`, given the wall clock's hour at `from_ms`."""
        parts = [joined([])]
        due = np.flatnonzero(self._next_ms < until_ms)
        while due.size:
            at_ms = self._next_ms[due]
            beat_s = np.where(
                self._at_night(hour * HOUR_MIN + (at_ms - from_ms) // MINUTE_MS), self._by_night_s, self._by_day_s
            )
            parts.append(rows(What.HEARTBEAT, at_ms, self._bay[due], beat_s))
            self._next_ms[due] = at_ms + 1_000 * beat_s
            due = due[self._next_ms[due] < until_ms]
        return joined(parts)

    def _at_night(self, minutes: Ints) -> Bools:
        begin, end = self._night
        night: Bools = (minutes - begin) % DAY_MIN < (end - begin) % DAY_MIN
        return night
