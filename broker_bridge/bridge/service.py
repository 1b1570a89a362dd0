"""The bridge as a service: takes uplinks, publishes what they say, writes down where each device stands, acknowledges.

In this order: a network that delivers at QoS 1 delivers again what a crash cut off, and the same uplink becomes the
same `(boot_id, seq)`, which the allocator takes once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from broker_bridge.bridge.device_map import read_map
from broker_bridge.bridge.outlet import Outlet
from broker_bridge.bridge.translate import Translator
from broker_bridge.bridge.uplink import UplinkError
from broker_bridge.transport.base import ClientOptions
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from broker_bridge.bridge.record import Spot
    from broker_bridge.bridge.registry import Registry
    from broker_bridge.bridge.settings import BridgeSettings, Source
    from broker_bridge.bridge.translate import Outgoing
    from broker_bridge.bridge.uplink import Uplink
    from broker_bridge.devices import Profile
    from broker_bridge.transport.base import BrokerAddress, Delivery, OnConnect, Transport

    Parse = Callable[[str, bytes], Uplink | None]

BATCH_MAX = 1_000
LOOK_EVERY_S = 1.0
FINISH_S = 5.0
TOLD_EVERY_MS = 60_000
_log = logging.getLogger("bridge")


@dataclass(slots=True)
class Load:
    """How the bridge keeps up. The lag is from taking an uplink to the target's acknowledgement."""

    batches: int = 0
    not_understood: int = 0
    lag_max_ms: int = 0
    waiting_max: int = 0


class Bridge:
    """Runs the sources of its settings.

    `serving` is set once every source is subscribed; setting `look_now` reads the map again; `reloads` counts the maps
    taken, and `refused` is why the newest one was not.
    """

    def __init__(
        self,
        settings: BridgeSettings,
        profiles: Mapping[str, Profile],
        registry: Registry,
        make_transport: Callable[[BrokerAddress, ClientOptions, OnConnect | None], Transport],
        environment: Mapping[str, str],
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.serving = asyncio.Event()
        self.look_now = asyncio.Event()
        self.reloads = 0
        self.refused: str | None = None
        self._settings, self._profiles, self._registry, self._now = settings, profiles, registry, now
        self._make_transport = make_transport
        self._target = settings.target.address(environment)
        self._addresses = {source.name: source.address(environment) for source in settings.sources}
        self._translator = Translator(profiles, registry.load())
        self._load = Load()
        self._outlets: dict[str, Outlet] = {}
        self._stack = AsyncExitStack()
        self._turn = asyncio.Lock()
        self._started_at = now()
        self._told_at: dict[str, int] = {}
        self._map_seen: tuple[int, int] | None = None
        self._mapped = asyncio.Event()
        self._subscribed: set[str] = set()
        self._bays: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop`; raises RefusedError where a broker does, SettingsError where a file is of no use."""
        spots, self._map_seen = await asyncio.to_thread(self._read_map)
        async with self._stack:
            tasks = [asyncio.create_task(self._watch(spots), name="bridge map")]
            tasks += [
                asyncio.create_task(self._listen(one), name=f"bridge source {one.name}")
                for one in self._settings.sources
            ]
            stopping = asyncio.create_task(stop.wait(), name="bridge stop")
            try:
                done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
                await self._finish()
            finally:
                for task in (*tasks, stopping):
                    task.cancel()
                await asyncio.gather(*tasks, stopping, return_exceptions=True)

    def summary(self) -> dict[str, Any]:
        """Return the figures of this run."""
        published = sum(outlet.published for outlet in self._outlets.values())
        return asdict(self._translator.figures) | {"published": published} | asdict(self._load)

    async def _finish(self) -> None:
        """Let the batch at hand be published and written: at QoS 0 it would not come again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_S):
                await self._turn.acquire()

    async def _watch(self, spots: Mapping[str, Spot]) -> None:
        """Use the map, and again whenever its file changes; a bad one is refused and the one before stays."""
        await self._use(spots)
        self._mapped.set()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self.look_now.wait()
            is_asked = self.look_now.is_set()
            self.look_now.clear()
            seen = await asyncio.to_thread(self._look)
            if seen == self._map_seen and not is_asked:
                continue
            self._map_seen = seen
            try:
                spots, self._map_seen = await asyncio.to_thread(self._read_map)
            except SettingsError as error:
                self.refused = str(error)
                _log.warning("the new device map is refused, the one before stays: %s", error)
                continue
            self.refused = None
            await self._use(spots)
            _log.info("%d devices are mapped", len(spots))

    async def _use(self, spots: Mapping[str, Spot]) -> None:
        async with self._turn:
            said = self._translator.use(spots, self._now())
            places = {spot.place for spot in spots.values()}
            self._bays = Counter(city for city, _, _ in places)
            for city in sorted({self._settings.city, *self._bays, *(one.place[0] for one in said)}):
                await self._open(city)
            await self._publish(said)
            for outlet in self._outlets.values():
                await outlet.birth()
            self.reloads += 1

    async def _open(self, city: str) -> None:
        if city in self._outlets:
            return
        gateway = self._settings.gateway
        is_own = city == self._settings.city
        outlet = Outlet(
            city,
            gateway,
            self._started_at,
            lambda options, on_connect: self._make_transport(self._target, options, on_connect),
            client_id=gateway if is_own else f"{gateway}-{city}",
            standing=lambda of: self._translator.standing(of, self._now()),
            bays=lambda of: self._bays[of],
        )
        self._outlets[city] = await self._stack.enter_async_context(outlet)

    async def _listen(self, source: Source) -> None:
        """Take a source's messages for ever, in batches that grow with the load."""
        await self._mapped.wait()
        address, parse = self._addresses[source.name], source.parser()
        client_id = f"{self._settings.gateway}-{source.name}"
        options = ClientOptions(client_id=client_id, persistent=source.is_persistent)
        async with self._make_transport(address, options, None) as transport:
            await transport.subscribe(source.filters(address.username))
            self._subscribed.add(source.name)
            if len(self._subscribed) == len(self._settings.sources):
                self.serving.set()
            while True:
                batch = await transport.receive(BATCH_MAX)
                taken_at = self._now()
                self._load.waiting_max = max(self._load.waiting_max, transport.waiting)
                async with self._turn:
                    await self._pass_on(source, parse, batch)
                self._load.batches += 1
                self._load.lag_max_ms = max(self._load.lag_max_ms, self._now() - taken_at)

    async def _pass_on(self, source: Source, parse: Parse, batch: list[Delivery]) -> None:
        """Publish what a batch says, write the devices down, then acknowledge."""
        said: list[Outgoing] = []
        now = self._now()
        for delivery in batch:
            try:
                uplink = parse(delivery.topic, delivery.payload)
            except UplinkError as error:
                self._not_understood(source, delivery, error)
                continue
            if uplink is not None:
                said += self._translator.take(uplink, source.name, now, retained=delivery.retained)
        await self._publish(said)
        for delivery in batch:
            delivery.ack()

    async def _publish(self, said: list[Outgoing]) -> None:
        by_city: dict[str, list[Outgoing]] = {}
        for one in said:
            by_city.setdefault(one.place[0], []).append(one)
        for city, some in by_city.items():
            await self._outlets[city].publish(some)
        touched, self._translator.touched = self._translator.touched, set()
        if touched:
            devices = self._translator.devices
            await asyncio.to_thread(self._registry.save, [devices[name] for name in touched])

    def _not_understood(self, source: Source, delivery: Delivery, error: UplinkError) -> None:
        """Count, and say once a minute what a source sends that is not of its network."""
        self._load.not_understood += 1
        now = self._now()
        if now - self._told_at.get(source.name, -TOLD_EVERY_MS) >= TOLD_EVERY_MS:
            self._told_at[source.name] = now
            _log.warning("%s: %s: not understood: %s", source.name, delivery.topic[:120], error)

    def _look(self) -> tuple[int, int] | None:
        try:
            stat = self._settings.device_map.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size

    def _read_map(self) -> tuple[dict[str, Spot], tuple[int, int] | None]:
        """Return the map's spots and what the file looked like; no file is an empty map. Raises SettingsError."""
        seen = self._look()
        if seen is None and self._mapped.is_set():
            raise SettingsError(f"{self._settings.device_map}: the file is gone")
        return read_map(self._settings.device_map, self._profiles), seen
