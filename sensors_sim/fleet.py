"""The connections of a simulated city: one for each gateway, and one for drivers, residents and the clock."""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from broker_bridge.transport.base import ClientOptions, ConnectionLostError, TransportError, Will
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import GatewayStatus
from broker_bridge.wire.topics import RETAINED, TopicKind
from sensors_sim.engine.stage import FLEET
from sensors_sim.links import Link, Packet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType

    from broker_bridge.transport.base import OnConnect, Transport
    from sensors_sim.engine.stage import Outgoing
    from sensors_sim.engine.world import World

FAREWELL_S = 3.0
CONNECTING_AT_ONCE = 50


class Fleet:
    """Publishes what a world says, each message by its sender's connection. An async context manager."""

    def __init__(
        self,
        world: World,
        make_transport: Callable[[ClientOptions, OnConnect | None], Transport],
        again: Callable[[], Awaitable[None]],
    ) -> None:
        self._world, self._city = world, world.city.name
        self.links = {gateway: self._gateway(gateway, make_transport) for gateway in world.city.gateways}
        self.main = Link(ClientOptions(client_id=f"sim-{self._city}"), make_transport, again=again)
        self.links[FLEET] = self.main
        self.counts = {TopicKind.OCCUPANCY: 0, TopicKind.DEVICE: 0}
        self._stack = AsyncExitStack()
        self._touched: set[Link] = set()

    async def __aenter__(self) -> Self:
        """Connect everything; waits for the broker, raises RefusedError."""
        async with AsyncExitStack() as stack:
            links = list(self.links.values())
            for first in range(0, len(links), CONNECTING_AT_ONCE):
                some = links[first : first + CONNECTING_AT_ONCE]
                for link in some:
                    await stack.enter_async_context(link.transport)
                await asyncio.gather(*(link.transport.wait_connected() for link in some))
            self._stack = stack.pop_all()
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

    async def publish(self, said: Iterable[Outgoing]) -> None:
        """Send messages in order; waits where a window is full."""
        for one in said:
            link = self.links[one.sender]
            self._touched.add(link)
            if one.kind in self.counts:
                self.counts[one.kind] += 1
            topic = topics.build(one.kind, self._city, **one.names)
            await link.put(topic, codec.encode(one.message), retain=one.kind in RETAINED)

    async def flush(self) -> None:
        """Return once the broker has acknowledged everything that was published."""
        touched, self._touched = self._touched, set()
        for link in touched:
            await link.flush()

    def total(self, counter: str) -> int:
        """Return the sum of a counter over all connections."""
        return sum(getattr(link, counter) for link in self.links.values())

    def _gateway(self, gateway: str, make_transport: Callable[[ClientOptions, OnConnect | None], Transport]) -> Link:
        topic = topics.build(TopicKind.GATEWAY_STATUS, self._city, gateway=gateway)

        async def again() -> None:
            await self.publish(self._world.announce(gateway))

        return Link(
            ClientOptions(client_id=gateway, will=Will(topic, self._status(gateway, online=False))),
            make_transport,
            birth=Packet(topic, self._status(gateway, online=True), retain=True),
            again=again,
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
