"""What is to be run: a policy in the world of a seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from allocator.domain.interval import DAY_MS, Interval
from baybroker.lab.trial.portions import portions_of
from sensors_sim.city import build_city
from sensors_sim.engine.chance import streams

if TYPE_CHECKING:
    from pathlib import Path

    from sensors_sim.city import City
    from sensors_sim.engine.demand import Asked
    from sensors_sim.engine.stage import Portion
    from sensors_sim.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A policy in the world of a seed, for so many days from the scenario's start.

    `demand` takes the place of the scenario's; truth and decisions are written into the folder `export`.
    """

    scenario: Scenario
    policy: str
    seed: int
    days: int
    demand: Asked | None = None
    export: Path | None = None

    @property
    def within(self) -> Interval:
        """The time that is played."""
        return Interval(self.scenario.start_ms, self.scenario.start_ms + self.days * DAY_MS)

    @property
    def utc_offset_ms(self) -> int:
        """How far local time is ahead of UTC at the start."""
        start = datetime.fromtimestamp(self.scenario.start_ms / 1000, UTC)
        offset = start.astimezone(ZoneInfo(self.scenario.time_zone)).utcoffset()
        return round(offset.total_seconds() * 1000) if offset is not None else 0

    def city(self) -> City:
        """Return the scenario's city: the same for every policy and seed."""
        return build_city(self.scenario, streams(self.scenario.seed).city)

    def portions(self, city: City) -> tuple[Portion, ...]:
        """Return the portions of its city that are played each by itself."""
        walk_m = self.scenario.drivers.walk_to_m if self.demand is None else int(self.demand.max_walk_m.max(initial=0))
        return portions_of(city, walk_m)

    def with_drivers(self) -> Scenario:
        """Return the scenario, with a driver for each row of a given demand."""
        scenario, demand = self.scenario, self.demand
        if demand is None:
            return scenario
        pool = max(scenario.drivers.pool, len(demand.at_ms))
        return scenario.model_copy(update={"drivers": scenario.drivers.model_copy(update={"pool": pool})})
