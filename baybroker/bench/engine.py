"""The world alone: how many events a second the simulator plans, against a plain SimPy model of the same event mix.

Method. Both sides let the same number of bays live through the same days: residents leave and come back, squatters come
and go, sensors report changes after a delay, beat, fail and recover, and drivers want bays. Nobody answers, nothing is
published. Ours first; SimPy's rates are then those that ours turned out to have, so that it has as many events of each
kind; its draws are the cheapest there are, a few calls of `random` for each event. Building either world (for ours with
eight weeks in which residents settle in, for SimPy with all its processes started) is before the clock starts. The
garbage collector leaves alone what was built. Both sides are one thread that waits for nothing, so the time is the
processor's: other programs count for little.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from random import Random
from typing import TYPE_CHECKING, Any

from baybroker.bench.compare import BenchError, Comparison, compare
from baybroker.bench.machine import computer_facts
from broker_bridge.collector import lasting
from sensors_sim.city import build_city
from sensors_sim.engine.chance import streams
from sensors_sim.engine.plan import EventHash, Plan
from sensors_sim.engine.rows import What
from sensors_sim.local_time import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from sensors_sim.city import City
    from sensors_sim.scenario import Scenario

TARGET = 20.0
MIX_OFF_MOST = 0.1
"""The peer may have so many more or fewer events than ours, as a share."""
COUNTED = (
    What.RESIDENT_LEAVES, What.RESIDENT_RETURNS, What.SQUATTER_COMES, What.SQUATTER_LEAVES, What.REPORT, What.HEARTBEAT,
    What.REQUEST, What.FAULT, What.REPAIR,
)  # fmt: skip
"""What both sides have. Ours also plans offers and recalls, which are not counted."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A side's repetition: its events by kind, how long they took, and how long building took before that."""

    counts: Counter[What]
    run_s: float
    build_s: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.counts.total() / self.run_s


def engine(
    scenario: Scenario, *, days: int, repetitions: int, said: Callable[[str], None]
) -> tuple[Comparison, dict[str, Any]]:
    """Measure so many times; return the comparison, and the facts. Raises BenchError."""
    machine = computer_facts()
    city = build_city(scenario, streams(scenario.seed).city)
    ours, peers, rss_mib, event_hash = [], [], 0, ""
    for number in range(repetitions):
        said(f"engine: repetition {number + 1} of {repetitions}: ours")
        ran, hashed = _ours(city, scenario, days)
        if event_hash not in {"", hashed}:
            raise BenchError("two runs of one seed differ")
        event_hash, rss_mib = hashed, rss_mib or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        ours.append(ran)
        said(f"engine: repetition {number + 1} of {repetitions}: SimPy")
        peers.append(
            _peer(len(city.bays), days, scenario.sensors.heartbeat_s, scenario.sensors.detection_ms, ran.counts)
        )
    mix = peers[-1].counts.total() / ours[-1].counts.total()
    if abs(mix - 1) > MIX_OFF_MOST:
        raise BenchError(f"SimPy had {mix:.3f} times as many events as ours: the mix is not the same")
    what = f"the world alone, {len(city.bays)} bays, {days} days"
    rates = ([ran.rate for ran in side] for side in (ours, peers))
    row = compare(what, "events/s", *rates, peer_is="a plain SimPy model", bound="at least", target=TARGET)
    return row, {
        "bays": len(city.bays),
        "days": days,
        "repetitions": repetitions,
        "events": {what.name.lower(): [ours[-1].counts[what], peers[-1].counts[what]] for what in COUNTED},
        "build_s": [round(sorted(ran.build_s for ran in side)[len(side) // 2], 2) for side in (ours, peers)],
        "peak_rss_mib": rss_mib,
        "event_hash": event_hash,
        "machine": machine | {name: version(name) for name in ("numpy", "simpy")},
    }


def _ours(city: City, scenario: Scenario, days: int) -> tuple[Ran, str]:
    began = time.process_time()
    plan = Plan(city, scenario, streams(scenario.seed, scenario.start_ms), scenario.start_ms)
    end_ms, pages = scenario.start_ms + days * DAY_MS, []
    with lasting():
        built = time.process_time()
        for page in plan.pages():
            pages.append(page)
            if page.until_ms >= end_ms:
                break
        ended = time.process_time()
    hashed, counts = EventHash(), Counter[What]()
    for page in pages:
        hashed.add(page)
        counts.update({what: int((page.rows.what == what).sum()) for what in COUNTED})
    return Ran(counts, ended - built, built - began), hashed.hexdigest()


def _peer(bays: int, days: int, heartbeat_s: int, detection_ms: int, mix: Counter[What]) -> Ran:
    try:
        import simpy  # noqa: PLC0415 - a dependency of the tests, not of the program
    except ImportError:
        raise BenchError("SimPy, the peer, is not installed: pip install simpy") from None
    began = time.process_time()
    env, model = simpy.Environment(), _Model(bays, days, heartbeat_s, detection_ms, mix)
    for process in model.processes(env):
        env.process(process)
    env.run(until=0.001)
    model.counts.clear()
    with lasting():
        built = time.process_time()
        env.run(until=days * DAY_MS)
        ended = time.process_time()
    return Ran(model.counts, ended - built, built - began)


class _Model:
    """The peer: a process for each resident, sensor and stay; times in milliseconds."""

    def __init__(self, bays: int, days: int, heartbeat_s: int, detection_ms: int, mix: Counter[What]) -> None:
        self.counts: Counter[What] = Counter()
        self._bays, self._heartbeat_ms, self._detection_ms = bays, heartbeat_s * 1000, detection_ms
        self._length_ms, self._mix = days * DAY_MS, mix
        self._random = Random(1)  # noqa: S311 - a simulation, no secret
        self._occupied = [False] * bays

    def processes(self, env: Any) -> Iterator[Generator[Any, Any, Any]]:
        """Yield all that goes on from the start."""
        for bay in range(self._bays):
            yield self._resident(env, bay)
            if self._mix[What.HEARTBEAT]:
                yield self._sensor(env)
        yield self._squatters(env)
        yield self._drivers(env)
        yield self._failures(env)

    def _mean_ms(self, what: What) -> float:
        """Return how long after another something happens, so that it is as often as in ours."""
        return self._length_ms / max(self._mix[what], 0.5)

    def _resident(self, env: Any, bay: int) -> Generator[Any, Any, Any]:
        draw = self._random.expovariate
        # half of the time at home, half away
        mean_ms = self._mean_ms(What.RESIDENT_LEAVES) * self._bays / 2
        self._occupied[bay] = self._random.random() < 1 / 2
        if not self._occupied[bay]:
            yield env.timeout(draw(1 / mean_ms))
            self._changed(env, bay, What.RESIDENT_RETURNS, occupied=True)
        while True:
            yield env.timeout(draw(1 / mean_ms))
            self._changed(env, bay, What.RESIDENT_LEAVES, occupied=False)
            yield env.timeout(draw(1 / mean_ms))
            self._changed(env, bay, What.RESIDENT_RETURNS, occupied=True)

    def _changed(self, env: Any, bay: int, what: What, *, occupied: bool) -> None:
        self.counts[what] += 1
        self._occupied[bay] = occupied
        env.process(self._notice(env))

    def _notice(self, env: Any) -> Generator[Any, Any, Any]:
        yield env.timeout(self._detection_ms)
        self.counts[What.REPORT] += 1

    def _sensor(self, env: Any) -> Generator[Any, Any, Any]:
        yield env.timeout(self._random.random() * self._heartbeat_ms)
        while True:
            self.counts[What.HEARTBEAT] += 1
            yield env.timeout(self._heartbeat_ms)

    def _squatters(self, env: Any) -> Generator[Any, Any, Any]:
        while True:
            yield env.timeout(self._random.expovariate(1 / self._mean_ms(What.SQUATTER_COMES)))
            bay = next((bay for bay in self._random.choices(range(self._bays), k=8) if not self._occupied[bay]), None)
            if bay is not None:
                self._changed(env, bay, What.SQUATTER_COMES, occupied=True)
                env.process(self._squatter(env, bay))

    def _squatter(self, env: Any, bay: int) -> Generator[Any, Any, Any]:
        yield env.timeout(self._random.expovariate(1 / HOUR_MS))
        self._changed(env, bay, What.SQUATTER_LEAVES, occupied=False)

    def _drivers(self, env: Any) -> Generator[Any, Any, Any]:
        draw = self._random
        while True:
            yield env.timeout(draw.expovariate(1 / self._mean_ms(What.REQUEST)))
            self.counts[What.REQUEST] += 1
            # where to, for how long, when, how far, and what becomes of it
            draw.gauss(0, 1), draw.gauss(0, 1), draw.lognormvariate(3, 1), draw.expovariate(1), draw.random()

    def _failures(self, env: Any) -> Generator[Any, Any, Any]:
        while True:
            yield env.timeout(self._random.expovariate(1 / self._mean_ms(What.FAULT)))
            self.counts[What.FAULT] += 1
            env.process(self._repair(env))

    def _repair(self, env: Any) -> Generator[Any, Any, Any]:
        yield env.timeout(self._random.expovariate(1 / HOUR_MS))
        self.counts[What.REPAIR] += 1
