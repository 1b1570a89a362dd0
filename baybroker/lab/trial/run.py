"""One run: a policy in a scenario's world of one seed, from the first day to the last."""

from __future__ import annotations

import contextlib
import gc
import resource
import time
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from allocator.domain import events as e
from allocator.domain.interval import DAY_MS, Interval
from baybroker.lab.trial.core import OpenCore
from baybroker.lab.trial.decisions import Decision, Decisions
from baybroker.lab.trial.digest import Digest
from baybroker.lab.trial.figures import AutoWindows, Run, of_bays, of_decisions, offered_by_bay
from baybroker.lab.trial.ground import Ground, occupancy_by_hour, penetration
from baybroker.lab.trial.play import Play, register
from baybroker.lab.trial.tables import columns_of, stay_columns, write_tables
from baybroker.rules import bay_specs, load_rules
from broker_bridge.wire.messages import Occupancy, RequestBay
from broker_bridge.wire.topics import TopicKind
from sensors_sim.city import build_city
from sensors_sim.engine.chance import streams
from sensors_sim.engine.truth import Failed
from sensors_sim.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from allocator.core import Settings
    from allocator.domain.events import Recorded
    from baybroker.lab.trial.core import CityCore
    from baybroker.lab.trial.ground import Stays
    from sensors_sim.engine.demand import Asked
    from sensors_sim.engine.world import Outgoing
    from sensors_sim.scenario import Scenario

REPORT_COLUMNS = ("bay", "sent_at", "observed_at", "boot_id", "seq", "status")
SENSED = (TopicKind.OCCUPANCY, TopicKind.DEVICE)
MIB_KIB = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is to be run: a policy in the world of a seed, for so many days from the scenario's start.

    `demand` takes the place of the scenario's; truth and decisions are written into the folder `export`.
    """

    scenario: Scenario
    policy: str
    seed: int
    days: int
    demand: Asked | None = None
    export: Path | None = None


class Watch:
    """Sees and counts all that happens in one run. `reports` are kept for who exports them: they are many."""

    def __init__(self, world: World, core: CityCore, *, keep_reports: bool) -> None:
        self.decisions = Decisions()
        self.ground = Ground(list(world.city.bays), world.start_ms)
        self.auto = AutoWindows()
        self.digest = Digest()
        self.sensor_events = self.messages = 0
        self.reports: dict[str, list[object]] = {name: [] for name in REPORT_COLUMNS}
        self._keep_reports = keep_reports
        core.listen = self._recorded

    def heard(self, outgoing: Outgoing) -> None:
        """Take note of a message of the world."""
        self.messages += 1
        self.digest.heard(outgoing)
        if outgoing.kind in SENSED:
            self.sensor_events += 1
            if self._keep_reports and isinstance(outgoing.message, Occupancy):
                self._keep(outgoing, outgoing.message)
        elif isinstance(outgoing.message, RequestBay):
            self.decisions.asked(outgoing.names["driver"], outgoing.message, outgoing.at_ms)

    def _keep(self, outgoing: Outgoing, said: Occupancy) -> None:
        row = (outgoing.names["bay"], outgoing.at_ms, said.observed_at, said.boot_id, said.seq, said.status)
        for column, value in zip(self.reports.values(), row, strict=True):
            column.append(value)

    def _recorded(self, recorded: Recorded) -> None:
        self.digest.recorded(recorded)
        self.decisions.hear(recorded)
        self.ground.hear(recorded)
        if isinstance(recorded.event, e.AutoWindowSet):
            self.auto.hear(recorded.event, recorded.at)


def play(trial: Trial, pulse: Callable[[float], None]) -> Run:
    """Play a trial to the end; `pulse` is called with the share that is done, and may raise to end the run early."""
    with no_collection():
        return Played(trial).play(pulse)


class Played:
    """A run that is over, with all that can be told of it."""

    def __init__(self, trial: Trial, *, core_of: Callable[[Settings, int], CityCore] = OpenCore) -> None:
        self.trial = trial
        self._began = time.perf_counter()
        scenario = _with_drivers(trial)
        city = build_city(scenario, streams(scenario.seed).city)
        specs = bay_specs(city)
        rules = load_rules(trial.policy, scenario.time_zone, scenario=scenario, specs=specs)
        self.world = World(city, scenario, trial.seed, quiet=True, asked=trial.demand)
        self.core = core_of(rules, self.world.start_ms)
        self.watch = Watch(self.world, self.core, keep_reports=trial.export is not None)
        self.until = self.world.start_ms + trial.days * DAY_MS
        register(self.core, specs, self.world.start_ms)

    def play(self, pulse: Callable[[float], None]) -> Run:
        """Play to the end; `pulse` is called with the share that is done, and may raise to end the run early."""
        start, world = self.world.start_ms, self.world

        def beat(now: int) -> None:
            self.watch.ground.drain(world.truth)
            pulse((now - start) / (self.until - start))

        Play(world, self.core, self.watch.heard).run(self.until, beat)
        stays = self.watch.ground.finish(world.truth, self.until)
        if self.trial.export is not None:
            self._export(stays, self.trial.export)
        return self._figures(stays)

    def _export(self, stays: Stays, folder: Path) -> None:
        failing = [Failed(*fault, since, self.until) for fault, since in self.world.truth.failing.items()]
        write_tables(
            folder / f"{self.trial.policy}-{self.trial.seed}",
            {
                "stays": stay_columns(stays, list(self.world.city.bays)),
                "reports": self.watch.reports,
                "faults": columns_of(Failed._fields, [*self.watch.ground.faults, *failing]),
                "decisions": columns_of(Decision.__slots__, map(astuple, self.watch.decisions.of.values())),
            },
        )

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
            days=self.trial.days,
            bays=bays,
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
            peak_rss_mib=peak_rss_mib(),
        )


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Look for no cycles of garbage meanwhile: a run makes none worth that, and has millions of objects to look at."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # or all that was made would be looked at as soon as it may be
        gc.enable()
        gc.unfreeze()


def _with_drivers(trial: Trial) -> Scenario:
    """Return the scenario, with a driver for each row of a given demand."""
    scenario, demand = trial.scenario, trial.demand
    if demand is None:
        return scenario
    pool = max(scenario.drivers.pool, len(demand.at_ms))
    return scenario.model_copy(update={"drivers": scenario.drivers.model_copy(update={"pool": pool})})


def peak_rss_mib() -> int:
    """Return how much memory this process took at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MIB_KIB


def utc_offset_ms(timezone: str, at: int) -> int:
    """Return how far local time is ahead of UTC at an instant."""
    offset = datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(timezone)).utcoffset()
    return round(offset.total_seconds() * 1000) if offset is not None else 0
