"""The simulator as a service: finds its run, connects the city, registers it if asked, and lets the world turn."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker_bridge.collector import lasting
from broker_bridge.wire import codec, topics
from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.messages import AllocatorStatus, OperatorReply, Pause, SetSpeed
from broker_bridge.wire.times import format_rfc3339
from broker_bridge.wire.topics import TopicKind
from sensors_sim.city import bay_records, build_city
from sensors_sim.engine.chance import streams
from sensors_sim.engine.world import World
from sensors_sim.fleet import Fleet
from sensors_sim.load.observer import Observer
from sensors_sim.pacer import Pacer
from sensors_sim.registration import Registration
from sensors_sim.runs import choose_run, look
from sensors_sim.session import Session
from sensors_sim.summary import SimulationSummary, summarise

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker_bridge.transport.base import ClientOptions, Delivery, OnConnect, Transport
    from sensors_sim.load.report import LoadReport
    from sensors_sim.scenario import Scenario

RECEIVED_AT_ONCE = 1_000
log = logging.getLogger("sensors_sim")
_HEARD = (
    TopicKind.DRIVER_REPLY,
    TopicKind.RESIDENT_NOTICE,
    TopicKind.ALLOCATOR_STATUS,
    TopicKind.SIMULATOR_COMMAND,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulateSettings:
    """How to simulate. `speed` 0: as fast as the allocator commits; `until_ms`: simulated; `duration_s`: real.

    At speed 0 a `flood` awaits no allocator: the sensors alone say all they can. `limit`: of sensors' messages.
    `measure`: have an observer see what the broker delivers. With an `operator`, the city's bays are first entered in
    the allocator's register under that name.
    """

    scenario: Scenario
    city: str | None = None
    seed: int | None = None
    speed: float = 60.0
    flood: bool = False
    limit: int | None = None
    measure: bool = False
    duration_s: float | None = None
    until_ms: int | None = None
    operator: str | None = None
    run_kind: str = "run"

    @property
    def effective(self) -> Scenario:
        """The scenario with the city and the seed that were asked for; in a flood nobody offers or asks for a bay."""
        scenario = self.scenario
        asked: dict[str, object] = {"city": self.city, "seed": self.seed}
        if self.flood:
            nobody = dict.fromkeys(("weekly_share", "auto_share", "once_share"), 0.0)
            asked["offers"] = scenario.offers.model_copy(update=nobody)
            asked["drivers"] = scenario.drivers.model_copy(update={"requests_per_hour": 0.0, "first_short": 0})
        return scenario.model_copy(update={name: value for name, value in asked.items() if value is not None})


def scenario_world(scenario: Scenario, start_ms: int) -> World:
    """Return the scenario's world, begun at that time."""
    city = build_city(scenario, streams(scenario.seed).city)
    return World(city, scenario, scenario.seed, start_ms=start_ms)


class Simulation:
    """One simulation on one broker. `summary()` may be read while `run()` goes on."""

    def __init__(
        self,
        settings: SimulateSettings,
        make_transport: Callable[[ClientOptions, OnConnect | None], Transport],
        make_world: Callable[[Scenario, int], World] = scenario_world,
    ) -> None:
        self._settings, self._make_transport, self._make_world = settings, make_transport, make_world
        self._scenario = settings.effective
        self._session: Session | None = None
        self._observer = Observer(self._scenario.city, make_transport) if settings.measure else None
        self._bad_messages = 0

    async def run(self, stop: asyncio.Event) -> SimulationSummary:
        """Simulate until `stop`, the duration or the end; raises RefusedError, OtherRunError, SettingsError."""
        work = asyncio.create_task(self._simulate(), name="simulation")
        stopping = asyncio.create_task(stop.wait(), name="simulation-stop")
        try:
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, stopping):
                task.cancel()
            await asyncio.wait({work, stopping})
        if not work.cancelled():
            work.result()
        return self.summary()

    def summary(self) -> SimulationSummary:
        """Return the counters as they are now; all zero before the broker was reached."""
        return summarise(self._session, self._settings.speed, self._bad_messages)

    def load_report(self) -> LoadReport | None:
        """Return what was measured so far, where that was asked for."""
        return self._observer.report() if self._observer is not None else None

    async def _simulate(self) -> None:
        scenario, settings = self._scenario, self._settings
        clock, status = await look(scenario.city, self._make_transport)
        run = choose_run(settings.run_kind, scenario.seed, scenario.start_ms, clock, status)
        log.info("run %s: from %s on", run.run_id, format_rfc3339(run.sim_ms))
        world = self._make_world(scenario, run.sim_ms)
        pacer = Pacer(asyncio.get_running_loop().time(), run.sim_ms, settings.speed)
        observer = self._observer
        tally = observer.tally if observer is not None else None
        fleet = Fleet(world, self._make_transport, self._again, tally=tally, limit=settings.limit)
        session = Session(world, run, fleet, pacer, until_ms=settings.until_ms, flood=settings.flood)
        self._session = session
        registration = Registration(fleet.main, scenario.city, settings.operator) if settings.operator else None
        async with observer or contextlib.nullcontext(), fleet:
            try:
                with lasting():  # a look through all of a city takes as long as a tick
                    await self._drive(session, registration)
            finally:
                if observer is not None:
                    await observer.settle(fleet.flush)

    async def _again(self) -> None:
        if self._session is not None:
            await self._session.tell_clock()

    async def _drive(self, session: Session, registration: Registration | None) -> None:
        """Turn and receive at once, to the end or for the duration; an error of either ends both."""
        tasks = {
            asyncio.create_task(self._turn(session, registration), name="simulation-turn"),
            asyncio.create_task(self._receive(session, registration), name="simulation-receive"),
        }
        try:
            limit_s = self._settings.duration_s
            done, _ = await asyncio.wait(tasks, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _turn(self, session: Session, registration: Registration | None) -> None:
        city, operator = self._scenario.city, self._settings.operator
        filters = [topics.subscription(kind, city) for kind in _HEARD]
        if operator is not None:
            filters.append(topics.subscription(TopicKind.OPERATOR_REPLY, city, operator=operator))
        await session.fleet.main.transport.subscribe(filters)
        await session.tell_clock()
        if registration is not None:
            await registration.register(bay_records(session.world.city), session.world.start_ms)
        await session.turn()

    async def _receive(self, session: Session, registration: Registration | None) -> None:
        while True:
            for delivery in await session.fleet.main.transport.receive(RECEIVED_AT_ONCE):
                self._take(delivery, session, registration)
                delivery.ack()

    def _take(self, delivery: Delivery, session: Session, registration: Registration | None) -> None:
        try:
            topic = topics.parse(delivery.topic)
            message = codec.decode(topic.kind, delivery.payload)
        except BadMessageError as error:
            self._bad_messages += 1
            log.warning("%s: %s", delivery.topic[:80], error)
            return
        if isinstance(message, AllocatorStatus):
            session.status(message)
        elif isinstance(message, SetSpeed | Pause):
            session.command(message)
        elif not isinstance(message, OperatorReply):
            session.answer(topic, message)
        elif registration is not None:
            registration.heard(message)


async def simulate(
    settings: SimulateSettings,
    make_transport: Callable[[ClientOptions, OnConnect | None], Transport],
    stop: asyncio.Event,
) -> SimulationSummary:
    """Simulate a scenario until `stop`, its duration or its end; return what it did."""
    return await Simulation(settings, make_transport).run(stop)
