"""The plan of a world: all that happens in it as long as nobody answers, hour by hour, as columns.

Residents, squatters, healthy sensors, faults and what drivers will want are drawn for a local day at once. What answers
bring about (guests, and whoever finds one in the bay) comes on top of it in the world.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sensors_sim.engine.calendar import HOURS, Calendar
from sensors_sim.engine.demand import Demand, Destinations, Wishes
from sensors_sim.engine.failing import FaultPlan
from sensors_sim.engine.households import Households
from sensors_sim.engine.reports import Heartbeats, Reports
from sensors_sim.engine.rows import Rows, What, content, joined, rows
from sensors_sim.engine.spans import Spans, covering, no_spans
from sensors_sim.engine.squatters import Squatters, delayed
from sensors_sim.local_time import LocalTime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sensors_sim.city import City
    from sensors_sim.engine.chance import Streams
    from sensors_sim.engine.demand import Asked
    from sensors_sim.engine.households import Shares
    from sensors_sim.engine.rows import Bools
    from sensors_sim.scenario import Scenario


class Page(NamedTuple):
    """An hour of the wall clock: its rows in order of time, the day's wishes, and when it is over."""

    rows: Rows
    wishes: Wishes
    until_ms: int


class Plan:
    """The pages of a world from its start on. The same city, scenario, draws and start give the same pages.

    Without people there are only sensors, their faults and wishes. Without heartbeats all else is the same.
    """

    def __init__(
        self,
        city: City,
        scenario: Scenario,
        draws: Streams,
        start_ms: int,
        *,
        people: bool = True,
        heartbeats: bool = True,
        asked: Asked | None = None,
    ) -> None:
        self.city, self._start_ms = city, start_ms
        self._calendar = Calendar(LocalTime(scenario.time_zone), start_ms)
        destinations = Destinations(scenario.drivers, city)
        self._demand = Demand(scenario.drivers, destinations, draws.drivers, asked)
        self._squatters = Squatters(scenario.squatters, destinations, draws.squatters)
        self._households = Households(scenario, city, self._calendar, start_ms, draws.residents) if people else None
        self.faults = FaultPlan(scenario, city, self._calendar, start_ms, draws.faults)
        beats = Heartbeats(scenario.sensors, start_ms, len(city.bays), draws.sensors)
        self._heartbeats = beats if heartbeats else None
        self._setting, self._bays, self._draws = scenario.sensors, len(city.bays), draws.sensors
        self._later, self._squatted = joined([]), 1

    @property
    def battery_pct(self) -> list[float]:
        """The charge of each bay's sensor at the start."""
        charge: list[float] = self.faults.battery_pct.tolist()
        return charge

    @property
    def shares(self) -> Shares | None:
        """What each bay's resident offers for good; None where there are no people."""
        return None if self._households is None else self._households.shares

    @cached_property
    def at_home(self) -> Bools:
        """Whose car stands in the bay at the start."""
        if self._households is None:
            return np.zeros(self._bays, bool)
        return covering(self._first[0], np.arange(self._bays), np.full(self._bays, self._start_ms)) < 0

    @cached_property
    def _first(self) -> tuple[Spans, Rows]:
        return self._people_of(0)

    @cached_property
    def _reports(self) -> Reports:
        return Reports(self._setting, self.at_home, self._draws)

    def pages(self) -> Iterator[Page]:
        """Yield hour after hour, without end."""
        day = 0
        while True:
            yield from self._day(day)
            day += 1

    def _day(self, day: int) -> Iterator[Page]:
        hours = self._calendar.hours(day)
        end_ms = int(hours[-1])
        _, happened = self._first if day == 0 else self._people_of(day)
        wishes_at, wishes = self._demand.day(hours, self._start_ms)
        parts = (
            self._later,
            happened,
            rows(What.REQUEST, wishes_at, value=np.arange(len(wishes_at))),
            self.faults.day(day),
        )
        drawn = joined(parts).in_order()
        now = drawn.at_ms < end_ms
        self._later, drawn = drawn.only(~now), drawn.only(now)
        today = joined([drawn, self._reports.until(end_ms, drawn)]).in_order()
        cuts = np.searchsorted(today.at_ms, hours)
        for hour in range(HOURS):
            if hours[hour + 1] <= max(hours[hour], self._start_ms):
                continue
            some = today.only(slice(cuts[hour] if hour else 0, cuts[hour + 1]))
            if self._heartbeats is not None:
                beats = self._heartbeats.hour(int(hours[hour]), int(hours[hour + 1]), hour)
                some = joined([some, beats])
                some = some.only(np.argsort(some.at_ms, kind="stable"))
            yield Page(some, wishes, int(hours[hour + 1]))

    def _people_of(self, day: int) -> tuple[Spans, Rows]:
        """Return who is away on a day, and what residents and squatters do then, not before the start."""
        if self._households is None:
            return no_spans(), joined([])
        hours, start_ms = self._calendar.hours(day), self._start_ms
        end_ms = int(hours[-1])
        away, said = self._households.day(day)
        stays = self._squatters.day(hours, start_ms, away)
        away, blocked = delayed(away, stays)
        self._households.carry(away, end_ms)
        since_ms = max(int(hours[0]), start_ms + 1)
        leaves = away.only((away.from_ms >= since_ms) & (away.from_ms < end_ms))
        returns = away.only((away.until_ms >= since_ms) & (away.until_ms < end_ms))
        number = self._squatted + np.arange(len(stays.bay))
        self._squatted += len(stays.bay)
        done = joined(
            [
                rows(What.RESIDENT_LEAVES, leaves.from_ms, leaves.who),
                rows(What.RESIDENT_RETURNS, returns.until_ms, returns.who),
                rows(What.RESIDENT_IS_BLOCKED, blocked.from_ms, blocked.who),
                rows(What.SQUATTER_COMES, stays.from_ms, stays.bay, number),
                rows(What.SQUATTER_LEAVES, stays.until_ms, stays.bay, number),
                said.only(said.at_ms >= start_ms),
            ]
        )
        return away, done


class EventHash:
    """SHA-256 over pages, in their order: the time, kind, bay and value of every row, and every wish."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(self, page: Page) -> None:
        """Take the next page."""
        self._digest.update(content(page.rows))
        asked = page.rows.value[page.rows.what == What.REQUEST]
        self._digest.update(content(column[asked] for column in page.wishes))

    def hexdigest(self) -> str:
        """Return the hash of all pages taken."""
        return self._digest.hexdigest()
