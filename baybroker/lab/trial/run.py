"""One portion of a trial's city, from the first day to the last."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

from allocator.domain import events as e
from baybroker.lab.trial.core import OpenCore
from baybroker.lab.trial.decisions import Decisions
from baybroker.lab.trial.digest import Digest
from baybroker.lab.trial.figures import AutoWindows, offered_by_bay
from baybroker.lab.trial.ground import Ground
from baybroker.lab.trial.outcome import REPORT_COLUMNS, Outcome
from baybroker.lab.trial.play import Play, register
from baybroker.rules import bay_specs, load_rules
from broker_bridge.collector import no_collection
from broker_bridge.wire.messages import Occupancy, RequestBay
from broker_bridge.wire.topics import TopicKind
from sensors_sim.engine.stage import WHOLE
from sensors_sim.engine.truth import Failed
from sensors_sim.engine.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core import Settings
    from allocator.domain.events import Recorded
    from baybroker.lab.trial.core import CityCore
    from baybroker.lab.trial.trial import Trial
    from sensors_sim.engine.stage import Portion
    from sensors_sim.engine.world import Outgoing

SENSED = (TopicKind.OCCUPANCY, TopicKind.DEVICE)
MIB_KIB = 1_024


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


def play(trial: Trial, portion: Portion, pulse: Callable[[float], None]) -> Outcome:
    """Play a portion to the end; `pulse` is called with the share that is done, and may raise to end it early."""
    with no_collection():
        return Played(trial, portion).play(pulse)


class Played:
    """A portion of a trial's city, with the world and the core that it was played with."""

    def __init__(
        self, trial: Trial, portion: Portion = WHOLE, *, core_of: Callable[[Settings, int], CityCore] = OpenCore
    ) -> None:
        self._began = time.perf_counter()
        scenario = trial.with_drivers()
        self.trial = trial
        self.world = World(trial.city(), scenario, trial.seed, quiet=True, asked=trial.demand, portion=portion)
        specs = bay_specs(self.world.city)
        rules = load_rules(trial.policy, scenario.time_zone, scenario=scenario, specs=specs)
        self.core = core_of(rules, self.world.start_ms)
        self.watch = Watch(self.world, self.core, keep_reports=trial.export is not None)
        register(self.core, specs, self.world.start_ms)

    def play(self, pulse: Callable[[float], None]) -> Outcome:
        """Play to the end; `pulse` is called with the share that is done, and may raise to end it early."""
        (start, until), world, watch = self.trial.within, self.world, self.watch

        def beat(now: int) -> None:
            watch.ground.drain(world.truth)
            pulse((now - start) / (until - start))

        Play(world, self.core, watch.heard).run(until, beat)
        stays = watch.ground.finish(world.truth, until)
        failing = [Failed(*fault, since, until) for fault, since in world.truth.failing.items()]
        return Outcome(
            bays=tuple(world.city.bays),
            decisions=list(watch.decisions.of.values()),
            stays=stays,
            offered_ms=offered_by_bay(self.core.state, watch.auto, self.trial.within),
            faults=[*watch.ground.faults, *failing],
            reports=watch.reports,
            overstays=watch.decisions.overstays,
            resident_conflicts=world.counts["residents_blocked"],
            hidden_moves=watch.decisions.hidden_moves,
            mistaken_ms=watch.ground.mistaken_ms,
            unknown_ms=watch.ground.unknown_ms,
            sensor_events=watch.sensor_events,
            messages=watch.messages,
            world_hash=world.event_hash(),
            event_hash=watch.digest.hexdigest(),
            wall_s=time.perf_counter() - self._began,
            peak_rss_mib=peak_rss_mib(),
        )


def peak_rss_mib() -> int:
    """Return how much memory this process took at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MIB_KIB
