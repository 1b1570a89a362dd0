"""A transport and its broker under one handle: the contract suite sees only this."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from cables import Cable

from broker_bridge.transport.base import BrokerAddress, ClientOptions, Delivery, Transport, Will
from broker_bridge.transport.factory import create_transport
from broker_bridge.transport.memory import MemoryBroker, MemoryTransport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    from broker_bridge.transport.base import OnConnect
    from broker_bridge.transport.embedded import EmbeddedBroker
    from broker_bridge.transport.factory import TransportKind

WAIT_S = 15.0
"""NATS sends again after 5 s what was not acknowledged."""


class Connects:
    """An `on_connect` that counts, so that a test can wait for the nth connection."""

    def __init__(self, then: Callable[[Transport], Awaitable[None]] | None = None) -> None:
        self._then = then
        self._count = 0
        self._changed = asyncio.Condition()

    async def __call__(self, transport: Transport) -> None:
        if self._then is not None:
            await self._then(transport)
        async with self._changed:
            self._count += 1
            self._changed.notify_all()

    async def wait(self, count: int) -> None:
        """Return once `count` connections were made."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: self._count >= count)


class Lab(Protocol):
    """What a test may do to clients and broker."""

    can_kill: bool

    def transport(self, options: ClientOptions, on_connect: OnConnect | None = None) -> Transport: ...
    async def cable(self, client_id: str) -> None: ...
    def cut(self, client_id: str) -> None: ...
    def freeze(self, client_id: str) -> None: ...
    def thaw(self, client_id: str) -> None: ...
    async def kill(self) -> None: ...
    async def restart(self) -> None: ...


class MemoryLab:
    """The memory transport and its broker."""

    can_kill = True

    def __init__(self) -> None:
        self.broker = MemoryBroker()

    def transport(self, options: ClientOptions, on_connect: OnConnect | None = None) -> Transport:
        return MemoryTransport(self.broker, options, on_connect=on_connect)

    async def cable(self, client_id: str) -> None:
        pass

    def cut(self, client_id: str) -> None:
        self.broker.drop_connection(client_id)

    def freeze(self, client_id: str) -> None:  # noqa: ARG002 - the memory broker freezes as a whole
        self.broker.freeze()

    def thaw(self, client_id: str) -> None:  # noqa: ARG002 - likewise
        self.broker.thaw()

    async def kill(self) -> None:
        self.broker.kill()

    async def restart(self) -> None:
        self.broker.restart(empty=True)


class RealLab:
    """A real transport and broker, with a cable between them for each client."""

    def __init__(
        self, kind: TransportKind, address: BrokerAddress, stack: AsyncExitStack, broker: EmbeddedBroker | None
    ) -> None:
        self.can_kill = broker is not None
        self._kind: TransportKind = kind
        self._address = address
        self._stack = stack
        self._broker = broker
        self._cables: dict[str, Cable] = {}

    def transport(self, options: ClientOptions, on_connect: OnConnect | None = None) -> Transport:
        address = BrokerAddress(
            "127.0.0.1", self._cables[options.client_id].port, self._address.username, self._address.password
        )
        return create_transport(self._kind, address, options, on_connect=on_connect)

    async def cable(self, client_id: str) -> None:
        if client_id not in self._cables:
            cable = Cable(self._address.host, self._address.port)
            self._cables[client_id] = await self._stack.enter_async_context(cable)

    def cut(self, client_id: str) -> None:
        self._cables[client_id].cut()

    def freeze(self, client_id: str) -> None:
        self._cables[client_id].freeze()

    def thaw(self, client_id: str) -> None:
        self._cables[client_id].thaw()

    async def kill(self) -> None:
        assert self._broker is not None
        await self._broker.kill()

    async def restart(self) -> None:
        assert self._broker is not None
        await self._broker.restart()


def connected(
    lab: Lab,
    client_id: str,
    *filters: str,
    on_connect: OnConnect | None = None,
    will: Will | None = None,
    **options: int,
) -> AbstractAsyncContextManager[Transport]:
    """Yield a client that is connected and subscribed to `filters`."""

    @asynccontextmanager
    async def running() -> AsyncIterator[Transport]:
        await lab.cable(client_id)
        given = ClientOptions(client_id, will=will, **options)  # type: ignore[arg-type]
        async with lab.transport(given, on_connect) as transport:
            async with asyncio.timeout(WAIT_S):
                await transport.wait_connected()
                if filters:
                    await transport.subscribe(filters)
            yield transport

    return running()


async def take(transport: Transport, count: int, *, ack: bool = True) -> list[Delivery]:
    """Return the next `count` deliveries, taken one by one."""
    taken: list[Delivery] = []
    async with asyncio.timeout(WAIT_S):
        while len(taken) < count:
            for delivery in await transport.receive(count - len(taken)):
                taken.append(delivery)
                if ack:
                    delivery.ack()
    return taken
