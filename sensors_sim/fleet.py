"""The connections of a simulated city: one for each gateway, and one for drivers, residents and the clock."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from broker_bridge.transport.base import ClientOptions, ConnectionLostError, TransportError, Will
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import GatewayStatus, Reading
from broker_bridge.wire.topics import RETAINED, TopicKind
from sensors_sim.descriptors import make_room
from sensors_sim.engine.stage import FLEET
from sensors_sim.links import Link, Packet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from collections.abc import Set as AbstractSet
    from types import TracebackType

    from broker_bridge.transport.base import OnConnect, Transport
    from sensors_sim.engine.stage import Outgoing
    from sensors_sim.engine.world import World
    from sensors_sim.load.tally import LoadTally

FAREWELL_S = 3.0
CONNECTING_AT_ONCE = 50
CONNECTING_WARNED_S = 10.0
PUBLISHED_A_TURN = 50
log = logging.getLogger("sensors_sim")


class Fleet:
    """Publishes what a world says, each message by its sender's connection. An async context manager.

    After `limit` messages of sensors it is `full`, and publishes nothing more. A `tally` is told of these messages.
    """

    def __init__(
        self,
        world: World,
        make_transport: Callable[[ClientOptions, OnConnect | None], Transport],
        again: Callable[[], Awaitable[None]],
        *,
        tally: LoadTally | None = None,
        limit: int | None = None,
    ) -> None:
        self._world, self._city, self._tally, self._limit = world, world.city.name, tally, limit
        self.links = {gateway: self._gateway(gateway, make_transport) for gateway in world.city.gateways}
        self.main = Link(ClientOptions(client_id=f"sim-{self._city}"), make_transport, again=again)
        self.links[FLEET] = self.main
        self.counts = {TopicKind.OCCUPANCY: 0, TopicKind.DEVICE: 0}
        self.unflushed = 0
        self._stack = AsyncExitStack()
        self._touched: set[Link] = set()
        self._down: set[str] = set()

    async def __aenter__(self) -> Self:
        """Connect everything, some at a time; waits for the broker, raises RefusedError, SettingsError."""
        links = list(self.links.values())
        make_room(len(links))
        began_s = asyncio.get_running_loop().time()
        async with AsyncExitStack() as stack:
            for first in range(0, len(links), CONNECTING_AT_ONCE):
                some = links[first : first + CONNECTING_AT_ONCE]
                for link in some:
                    await stack.enter_async_context(link)
                await _connected(some, first, len(links))
            self._stack = stack.pop_all()
        log.info("%d connections in %.1f s", len(links), asyncio.get_running_loop().time() - began_s)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Have every gateway say that it goes offline, and disconnect."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                await asyncio.gather(*(self._farewell(gateway) for gateway in self._world.city.gateways))
        await self._stack.aclose()

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return self._limit is not None and sum(self.counts.values()) >= self._limit

    async def publish(self, said: Iterable[Outgoing]) -> None:
        """Send messages in order; waits where a window is full, and lets answers in.

        A gateway that is down is mute. Whether one is up is said by its connection, and not by the world.
        """
        for one in said:
            if self.full:
                return
            if one.sender in self._down or one.kind is TopicKind.GATEWAY_STATUS:
                continue
            link = self.links[one.sender]
            self._touched.add(link)
            reading = None
            if isinstance(one.message, Reading):
                self.counts[one.kind] += 1
                reading = (one.message.boot_id, one.message.seq)
            topic = topics.build(one.kind, self._city, **one.names)
            await link.put(topic, codec.encode(one.message), retain=one.kind in RETAINED, reading=reading)
            self.unflushed += 1
            if self.unflushed % PUBLISHED_A_TURN == 0:
                await asyncio.sleep(0)

    async def flush(self) -> None:
        """Return once the broker has acknowledged everything that was published."""
        self.unflushed = 0
        touched, self._touched = self._touched, set()
        for link in touched:
            await link.flush()

    async def take_down(self, gateways: AbstractSet[str]) -> None:
        """Have gateways lose their power, once what they said before is acknowledged: the broker publishes their wills.

        Those that are down already stay so.
        """
        for gateway in sorted(gateways - self._down):
            self._down.add(gateway)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self.links[gateway].flush()
            await self.links[gateway].cut()

    async def bring_back(self, still_down: AbstractSet[str]) -> None:
        """Connect all other gateways again, each with its birth; waits for the broker."""
        for gateway in sorted(self._down - still_down):
            await self.links[gateway].restore()
            self._down.discard(gateway)

    def total(self, counter: str) -> int:
        """Return the sum of a counter over all connections."""
        return sum(getattr(link, counter) for link in self.links.values())

    def _gateway(self, gateway: str, make_transport: Callable[[ClientOptions, OnConnect | None], Transport]) -> Link:
        topic = topics.build(TopicKind.GATEWAY_STATUS, self._city, gateway=gateway)

        async def again() -> None:
            await self.publish(self._world.announce(gateway))

        client_id = f"sim-{self._city}-gateway-{gateway}"  # two cities on a broker may name their gateways alike
        return Link(
            ClientOptions(client_id=client_id, user=gateway, will=Will(topic, self._status(gateway, online=False))),
            make_transport,
            birth=Packet(topic, self._status(gateway, online=True), retain=True),
            again=again,
            tally=self._tally,
        )

    def _status(self, gateway: str, *, online: bool) -> bytes:
        bays = len(self._world.city.gateways[gateway])
        return codec.encode(GatewayStatus(online=online, started_at=self._world.start_ms, bays=bays))

    async def _farewell(self, gateway: str) -> None:
        transport = self.links[gateway].transport
        if transport.connected:
            topic = topics.build(TopicKind.GATEWAY_STATUS, self._city, gateway=gateway)
            with contextlib.suppress(ConnectionLostError, TransportError):
                await transport.publish(topic, self._status(gateway, online=False), retain=True)


async def _connected(links: list[Link], before: int, count: int) -> None:
    """Return once these are connected; says so when they wait for long, although others before were let in."""
    waiting = [asyncio.create_task(link.transport.wait_connected(), name="fleet-connecting") for link in links]
    try:
        done, missing = await asyncio.wait(waiting, timeout=CONNECTING_WARNED_S, return_when=asyncio.FIRST_EXCEPTION)
        if missing and not any(task.exception() for task in done):
            made = before + len(done)
            log.warning(
                "%d of %d connections are made: does the broker allow more (max_connections, its ulimit -n)?",
                made,
                count,
            )
        await asyncio.gather(*waiting)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
