"""The whole in one go: a broker, the allocator, a simulated city and the pages, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from allocator.service.service import AllocatorService
from allocator.store.aiosqlite_store import AioSqliteStore
from baybroker.verify import verify_history
from baybroker.web.service import WebService
from baybroker.web.settings import PORT_DEFAULT, WebSettings
from baybroker.web.tokens import TokenFile, TokenRole
from broker_bridge.transport.embedded import start_broker
from broker_bridge.wire.errors import BaybrokerError
from broker_bridge.wire.topics import TopicKind
from sensors_sim.city import build_city
from sensors_sim.engine.chance import streams
from sensors_sim.engine.world import World
from sensors_sim.local_time import MINUTE_MS
from sensors_sim.runner import SimulateSettings, Simulation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from allocator.service.settings import ServiceSettings
    from broker_bridge.transport.base import ClientOptions, OnConnect, Transport
    from sensors_sim.scenario import Scenario

START_TIMEOUT_S = 15.0


class BrokerSilentError(BaybrokerError):
    """The broker that was named does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """What to show. Without a `broker` one is started; without a `database` a temporary one is used.

    The pages are on `port`, or on the next one that is free.
    """

    allocator: ServiceSettings
    simulator: SimulateSettings
    broker: str | None = None
    database: Path | None = None
    port: int = PORT_DEFAULT


class Demo:
    """A demo under way; the live view reads `simulation` and `allocator`."""

    def __init__(
        self,
        settings: DemoSettings,
        connect_to: Callable[[str], Callable[[ClientOptions, OnConnect | None], Transport]],
    ) -> None:
        self._settings, self._connect_to = settings, connect_to
        self.broker = settings.broker or ""
        self.simulation: Simulation | None = None
        self.allocator: AllocatorService | None = None
        self.web: WebService | None = None
        self.started = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> dict[str, Any]:
        """Run until `stop` or the simulator's duration; return the result's fields."""
        with tempfile.TemporaryDirectory(prefix="baybroker-demo-") as directory:
            database = self._settings.database or Path(directory) / "demo.db"
            async with self._a_broker(Path(directory)):
                connect = self._connect_to(self.broker)
                allocator = AllocatorService(self._settings.allocator, AioSqliteStore(str(database)), connect)
                simulation = Simulation(self._settings.simulator, connect)
                web = WebService(self._web_settings(database, Path(directory) / "tokens.json"), connect)
                self.allocator, self.simulation, self.web = allocator, simulation, web
                await self._together(allocator, simulation, web, stop)
            report = await asyncio.to_thread(verify_history, database)
        counters, summary = report.counters, simulation.summary()
        return {
            "broker": self.broker,
            "http": web.url,
            "bays": summary.bays,
            "occupancy_messages": summary.occupancy_messages,
            "requests": counters.requests,
            "accepted": counters.accepted,
            "rejected": counters.rejected,
            "bound": counters.bound,
            "active": counters.active,
            "completed": counters.completed,
            "expired": counters.expired,
            "relocated": counters.substitutes,
            "double_bookings": report.double_bookings,
            "violations": [f"{found.rule}: {found.text}" for found in report.violations],
        }

    @contextlib.asynccontextmanager
    async def _a_broker(self, directory: Path) -> AsyncIterator[None]:
        if self._settings.broker is not None:
            yield
            return
        async with start_broker(directory=directory) as broker:
            self.broker = broker.url
            yield

    def _web_settings(self, database: Path, tokens: Path) -> WebSettings:
        """Return the server's settings, with tokens that are thrown away when the demo ends."""
        simulator, file = self._settings.simulator, TokenFile(tokens)
        resident = _away_and_sharing_nothing(simulator.effective)
        subjects: dict[TokenRole, str] = {"driver": "drv-demo", "resident": resident, "operator": "op-demo"}
        return WebSettings(
            database=database,
            tokens=tokens,
            demo_tokens={role: file.create(role, subject) for role, subject in subjects.items()},
            city=self._settings.allocator.city,
            port=self._settings.port,
            port_may_differ=True,
            seed=simulator.effective.seed,
        )

    async def _together(
        self, allocator: AllocatorService, simulation: Simulation, web: WebService, stop: asyncio.Event
    ) -> None:
        """Start the allocator before the world and stop it after; an error of any of the three ends all."""
        end = asyncio.Event()
        allocating = asyncio.create_task(allocator.run(end), name="demo-allocator")
        serving = asyncio.create_task(allocator.serving.wait(), name="demo-serving")
        stopping = asyncio.create_task(stop.wait(), name="demo-stop")
        ending = [allocating]
        try:
            begun = {allocating, serving, stopping}
            if not (await asyncio.wait(begun, timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED))[0]:
                raise BrokerSilentError(f"no broker answers at {self.broker}: start one there, or leave --broker out")
            if serving.done() and not allocating.done():
                self.started.set()
                simulating = asyncio.create_task(simulation.run(stop), name="demo-simulation")
                ending.append(asyncio.create_task(web.run(end), name="demo-web"))
                await asyncio.wait({simulating, *ending}, return_when=asyncio.FIRST_COMPLETED)
                stop.set()
                await simulating
        finally:
            serving.cancel()
            stopping.cancel()
            end.set()
            await asyncio.gather(*ending)


def _away_and_sharing_nothing(scenario: Scenario) -> str:
    """Return the resident to be: one for whom the simulation offers nothing, and whose bay is empty; else the first."""
    city = build_city(scenario, streams(scenario.seed).city)
    world = World(city, scenario, scenario.seed, quiet=True)
    said = world.advance(world.start_ms + MINUTE_MS)
    sharing = {one.names["resident"] for one in said if one.kind is TopicKind.RESIDENT_OFFER}
    residents = [bay.resident for bay in city.bays.values()]
    empty = (bay.resident for bay in city.bays.values() if not world.truth.occupied(bay.bay))
    return next((resident for resident in empty if resident not in sharing), residents[0])
