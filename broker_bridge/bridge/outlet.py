"""The gateway that the bridge is: a connection for each city, with a birth, a will, and what holds at each connect."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

from broker_bridge.transport.base import ClientOptions, ConnectionLostError, Will
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import GatewayStatus
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from broker_bridge.bridge.translate import Outgoing
    from broker_bridge.transport.base import OnConnect, Transport

FAREWELL_S = 3.0


class Outlet:
    """Publishes what a city's bays say. `standing` yields what holds now; `bays` counts the mapped ones."""

    def __init__(
        self,
        city: str,
        gateway: str,
        started_at: int,
        connect: Callable[[ClientOptions, OnConnect | None], Transport],
        *,
        client_id: str,
        standing: Callable[[str], Iterable[Outgoing]],
        bays: Callable[[str], int],
    ) -> None:
        self.published = 0
        self._city, self._gateway, self._started_at = city, gateway, started_at
        self._standing, self._bays = standing, bays
        self._topic = topics.build(TopicKind.GATEWAY_STATUS, city, gateway=gateway)
        options = ClientOptions(client_id=client_id, will=Will(self._topic, self._status(online=False)))
        self.transport = connect(options, self._on_connect)

    async def __aenter__(self) -> Self:
        """Start connecting."""
        await self.transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Say that the gateway goes offline, and disconnect."""
        if self.transport.connected:
            with contextlib.suppress(TimeoutError, ConnectionLostError):
                async with asyncio.timeout(FAREWELL_S):
                    await self.transport.publish(self._topic, self._status(online=False), retain=True)
        await self.transport.__aexit__(kind, error, trace)

    async def publish(self, said: Iterable[Outgoing]) -> None:
        """Return when the broker has acknowledged all of it; sent again, in order, when the connection is lost."""
        packets = [self._packet(one) for one in said]
        while True:
            await self.transport.wait_connected()
            with contextlib.suppress(ConnectionLostError):
                await self._send(packets)
                self.published += len(packets)
                return

    async def birth(self) -> None:
        """Say that the gateway is online, and how many bays report through it."""
        with contextlib.suppress(ConnectionLostError):
            await self.transport.publish(self._topic, self._status(online=True), retain=True)

    async def _on_connect(self, transport: Transport) -> None:
        await transport.publish(self._topic, self._status(online=True), retain=True)
        await self._send(self._packet(one) for one in self._standing(self._city))

    async def _send(self, packets: Iterable[tuple[str, bytes, bool]]) -> None:
        """Send within the transport's window and wait for every acknowledgement."""
        sent: list[asyncio.Future[None]] = []
        for topic, payload, retain in packets:
            sent.append(await self.transport.send(topic, payload, retain=retain))
        await asyncio.gather(*sent)

    def _packet(self, one: Outgoing) -> tuple[str, bytes, bool]:
        _, zone, bay = one.place
        topic = topics.build(one.kind, self._city, gateway=self._gateway, zone=zone, bay=bay)
        return topic, codec.encode(one.message), one.retain

    def _status(self, *, online: bool) -> bytes:
        bays = self._bays(self._city)
        return codec.encode(GatewayStatus(online=online, started_at=self._started_at, bays=bays))
