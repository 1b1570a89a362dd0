"""One run: a policy in a scenario's world of one seed, from the first day to the last."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from allocator.domain import events as e
from allocator.domain.interval import DAY_MS, Interval
from baybroker.lab.trial.core import OpenCore
from baybroker.lab.trial.decisions import Decisions
from baybroker.lab.trial.digest import Digest
from baybroker.lab.trial.figures import AutoWindows, Run, of_bays, of_decisions, offered_by_bay
from baybroker.lab.trial.ground import Ground, occupancy_by_hour, penetration
from baybroker.lab.trial.play import Play, register
from baybroker.rules import bay_specs, load_rules
from broker_bridge.wire.messages import RequestBay
from broker_bridge.wire.topics import TopicKind
from sensors_sim.city import build_city
from sensors_sim.engine.chance import streams
from sensors_sim.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core import Settings
    from allocator.domain.events import Recorded
    from baybroker.lab.trial.core import CityCore
    from baybroker.lab.trial.ground import Stays
    from sensors_sim.engine.world import Outgoing
    from sensors_sim.scenario import Scenario

SENSED = (TopicKind.OCCUPANCY, TopicKind.DEVICE)
MIB_KIB = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is to be run: a policy in the world of a seed, for so many days from the scenario's start."""

    scenario: Scenario
    policy: str
    seed: int
    days: int


class Watch:
    """Sees and counts all that happens in one run."""

    def __init__(self, world: World, core: CityCore) -> None:
        self.decisions = Decisions()
        self.ground = Ground(list(world.city.bays), world.start_ms)
        self.auto = AutoWindows()
        self.digest = Digest()
        self.sensor_events = self.messages = 0
        core.listen = self._recorded

    def heard(self, outgoing: Outgoing) -> None:
        """Take note of a message of the world."""
        self.messages += 1
        self.digest.heard(outgoing)
        if outgoing.kind in SENSED:
            self.sensor_events += 1
        elif isinstance(outgoing.message, RequestBay):
            self.decisions.asked(outgoing.names["driver"], outgoing.message, outgoing.at_ms)

    def _recorded(self, recorded: Recorded) -> None:
        self.digest.recorded(recorded)
        self.decisions.hear(recorded)
        self.ground.hear(recorded)
        if isinstance(recorded.event, e.AutoWindowSet):
            self.auto.hear(recorded.event, recorded.at)


class Played:
    """A run that is over, with all that can be told of it."""

    def __init__(self, trial: Trial, *, core_of: Callable[[Settings, int], CityCore] = OpenCore) -> None:
        self.trial = trial
        self._began = time.perf_counter()
        scenario = trial.scenario
        city = build_city(scenario, streams(scenario.seed).city)
        specs = bay_specs(city)
        rules = load_rules(trial.policy, scenario.time_zone, scenario=scenario, specs=specs)
        self.world = World(city, scenario, trial.seed, quiet=True)
        self.core = core_of(rules, self.world.start_ms)
        self.watch = Watch(self.world, self.core)
        self.until = self.world.start_ms + trial.days * DAY_MS
        register(self.core, specs, self.world.start_ms)
        self.stays: Stays | None = None

    def play(self, pulse: Callable[[float], None]) -> Run:
        """Play to the end; `pulse` is called with the share that is done, and may raise to end the run early."""
        start, world = self.world.start_ms, self.world

        def beat(now: int) -> None:
            self.watch.ground.drain(world.truth)
            pulse((now - start) / (self.until - start))

        Play(world, self.core, self.watch.heard).run(self.until, beat)
        self.stays = self.watch.ground.finish(world.truth, self.until)
        return self._figures(self.stays)

    def _figures(self, stays: Stays) -> Run:
        start, until, bays = self.world.start_ms, self.until, len(self.world.city.bays)
        watch, made = self.watch, list(self.watch.decisions.of.values())
        offset_ms = utc_offset_ms(self.trial.scenario.time_zone, start)
        offered = offered_by_bay(self.core.state, watch.auto, Interval(start, until))
        by_hour = occupancy_by_hour(stays, bays, start, until, offset_ms)
        bay_ms = bays * (until - start)
        of_all = [sum(hour) for hour in zip(*by_hour.values(), strict=True)]
        return Run(
            policy=self.trial.policy,
            seed=self.trial.seed,
            **of_decisions(made, offset_ms),  # type: ignore[arg-type]  # by name
            **of_bays(made, offered, until),  # type: ignore[arg-type]  # likewise
            overstays=watch.decisions.overstays,
            resident_conflicts=self.world.counts["residents_blocked"],
            hidden_moves=watch.decisions.hidden_moves,
            occupancy_mean=round(sum(of_all) / len(of_all), 5),
            occupancy_peak=round(max(of_all), 5),
            occupancy_by_hour=by_hour,
            penetration=penetration(stays),
            sensor_error_share=round(watch.ground.mistaken_ms / bay_ms, 6),
            unknown_share=round(watch.ground.unknown_ms / bay_ms, 6),
            sensor_events=watch.sensor_events,
            messages=watch.messages,
            world_hash=self.world.event_hash(),
            event_hash=watch.digest.hexdigest(),
            wall_s=round(time.perf_counter() - self._began, 2),
            peak_rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MIB_KIB,
        )


def utc_offset_ms(timezone: str, at: int) -> int:
    """Return how far local time is ahead of UTC at an instant."""
    offset = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(timezone)).utcoffset()
    return round(offset.total_seconds() * 1000) if offset is not None else 0
