"""The plan of faults: what fails when, by a scenario's faults, its usual rates and its batteries."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from sensors_sim.engine.chance import exponential_ms, poisson
from sensors_sim.engine.rows import Rows, What, joined, rows
from sensors_sim.faults import Fault, FaultKind
from sensors_sim.local_time import DAY_MS, MINUTE_MS

if TYPE_CHECKING:
    from numpy.random import Generator

    from sensors_sim.city import City
    from sensors_sim.engine.calendar import Calendar
    from sensors_sim.engine.chance import Floats
    from sensors_sim.engine.rows import Ints
    from sensors_sim.scenario import Scenario

BATTERY_EMPTY = -1
"""In a FAULT row in place of the number of a fault: for good."""
LEAST_MS = MINUTE_MS


class Failing(NamedTuple):
    """A fault, and the numbers of the bays (of the gateways for gateway_down) that it may befall."""

    fault: Fault
    targets: Ints


class FaultPlan:
    """All faults of a world, day by day. `faults` has those of the scenario and the outages that are usual."""

    def __init__(self, scenario: Scenario, city: City, calendar: Calendar, start_ms: int, rng: Generator) -> None:
        self._scenario, self._calendar, self._start_ms, self._rng = scenario, calendar, start_ms, rng
        setting = scenario.sensors
        faults = scenario.faults
        if setting.offline_per_day:
            usual = Fault(kind=FaultKind.OFFLINE, per_day=setting.offline_per_day, for_min=setting.offline_mean_min)
            faults = (*faults, usual)
        self.faults = tuple(Failing(fault, _targets(fault, city, rng)) for fault in faults)
        span = setting.battery_to_pct - setting.battery_from_pct
        self.battery_pct: Floats = np.round(setting.battery_from_pct + span * rng.random(len(city.bays)), 1)
        lasts_ms = np.rint(self.battery_pct / 100 * setting.battery_days * DAY_MS).astype(np.int64)
        self._empty_ms = start_ms + lasts_ms

    def day(self, day: int) -> Rows:
        """Return what fails on a day, and the repairs, which may be later."""
        hours = self._calendar.hours(day)
        begin_ms, end_ms = int(hours[0]), int(hours[-1])
        parts = [
            self._planned(number, day) if failing.fault.per_day is None else self._at_random(number, begin_ms, end_ms)
            for number, failing in enumerate(self.faults)
        ]
        dead = np.flatnonzero((self._empty_ms >= begin_ms) & (self._empty_ms < end_ms))
        parts.append(rows(What.FAULT, self._empty_ms[dead], dead, BATTERY_EMPTY))
        return joined(parts)

    def _at_random(self, number: int, begin_ms: int, end_ms: int) -> Rows:
        fault, targets = self.faults[number]
        per_ms = (fault.per_day or 0) * len(targets) / DAY_MS
        passed = poisson(self._rng, per_ms * (end_ms - begin_ms))
        at_ms = begin_ms + np.floor(passed / (per_ms or 1)).astype(np.int64)
        at_ms = at_ms[at_ms >= self._start_ms]
        struck = targets[self._rng.integers(max(len(targets), 1), size=len(at_ms))]
        lasts_ms = LEAST_MS + exponential_ms(self._rng, (fault.for_min or 0) * MINUTE_MS, len(at_ms))
        return self._rows(number, struck, at_ms, at_ms + lasts_ms)

    def _planned(self, number: int, day: int) -> Rows:
        """Return the fault where it begins on that day; if it began before the world did, it is under way."""
        fault, targets = self.faults[number]
        hours = self._calendar.hours(day)
        if fault.at is None:
            at_ms = self._scenario.start_ms + round((fault.after_min or 0) * MINUTE_MS)
        else:
            wall = fault.at if isinstance(fault.at, datetime) else datetime.combine(self._calendar.date(day), fault.at)
            at_ms = round(wall.replace(tzinfo=ZoneInfo(self._scenario.time_zone)).timestamp() * 1000)
        until_ms = at_ms + round((fault.for_min or 0) * MINUTE_MS)
        if not hours[0] <= at_ms < hours[-1] or until_ms < self._start_ms:
            return joined([])
        begins, ends = (np.full(len(targets), max(instant, self._start_ms)) for instant in (at_ms, until_ms))
        return self._rows(number, targets, begins, ends)

    def _rows(self, number: int, struck: Ints, at_ms: Ints, until_ms: Ints) -> Rows:
        befalls = rows(What.FAULT, at_ms, struck, number)
        if self.faults[number].fault.kind is FaultKind.REBOOT:
            return befalls
        return joined([befalls, rows(What.REPAIR, until_ms, struck, number)])


def _targets(fault: Fault, city: City, rng: Generator) -> Ints:
    """Return whom a fault may befall: the share of those at its places, drawn by the seed."""
    bays = list(city.bays.values())
    there = [
        number
        for number, bay in enumerate(bays)
        if (not fault.bays or bay.bay in fault.bays)
        and (not fault.zones or bay.zone in fault.zones)
        and (not fault.gateways or bay.gateway in fault.gateways)
    ]
    if fault.kind is FaultKind.GATEWAY_DOWN:
        number_of = {gateway: number for number, gateway in enumerate(city.gateways)}
        there = sorted({number_of[bays[number].gateway] for number in there})
    count = round(fault.share * len(there))
    return np.sort(rng.permutation(np.array(there, np.int64))[:count])
