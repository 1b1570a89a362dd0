"""A connection of the simulated world: what it sends is kept until the broker has acknowledged it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from broker_bridge.transport.base import ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from broker_bridge.transport.base import ClientOptions, OnConnect, Transport
    from sensors_sim.load.tally import LoadTally, ReadingId

KEPT_MAX = 20_000


@dataclass(slots=True)
class Packet:
    """A message on its way; `sent_on` is the connection it was last sent by, at `sent_s`. A sensor's has an id."""

    topic: str
    payload: bytes
    retain: bool
    reading: ReadingId | None = None
    sent_on: int = 0
    sent_s: float = 0.0


class Link:
    """One connection. After each connect: the birth, then what was not acknowledged, then `again` from the second on.

    At most `KEPT_MAX` messages wait for an acknowledgement; past that the oldest is given up and counted.
    An async context manager. A `tally` is told of sensors' messages.
    """

    def __init__(
        self,
        options: ClientOptions,
        make_transport: Callable[[ClientOptions, OnConnect | None], Transport],
        *,
        birth: Packet | None = None,
        again: Callable[[], Awaitable[None]] | None = None,
        tally: LoadTally | None = None,
    ) -> None:
        self.published = 0
        self.acknowledged = 0
        self.given_up = 0
        self._options, self._make_transport = options, make_transport
        self.transport = make_transport(options, self._on_connect)
        self._birth, self._again, self._tally = birth, again, tally
        self._greeted = asyncio.Event()
        self._kept: dict[int, Packet] = {}
        self._numbered = 0
        self._turn = asyncio.Lock()
        self._settled = asyncio.Event()
        self._settled.set()

    async def __aenter__(self) -> Self:
        """Start connecting; does not wait for the broker."""
        await self.transport.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect cleanly."""
        await self.transport.__aexit__(kind, error, trace)

    async def put(self, topic: str, payload: bytes, *, retain: bool = False, reading: ReadingId | None = None) -> None:
        """Send a message, now or after the next connect; waits for a place in the window."""
        number, packet = self._keep(Packet(topic, payload, retain, reading))
        async with self._turn:
            await self._send(number, packet)

    async def flush(self) -> None:
        """Return once everything that was put is acknowledged."""
        await self._settled.wait()

    async def cut(self) -> None:
        """Go away without a farewell, so that the broker publishes the will; what was not acknowledged is given up."""
        await self.transport.abort()
        self.given_up += len(self._kept)
        self._kept.clear()
        self._settled.set()

    async def restore(self) -> None:
        """Come back after a `cut` as if for the first time; waits for the broker, and until the birth is on its way."""
        self._greeted.clear()
        self.transport = self._make_transport(self._options, self._on_connect)
        await self.transport.__aenter__()
        await self.transport.wait_connected()
        await self._greeted.wait()

    def _keep(self, packet: Packet) -> tuple[int, Packet]:
        if len(self._kept) >= KEPT_MAX:
            del self._kept[next(iter(self._kept))]
            self.given_up += 1
        self._numbered += 1
        self.published += 1
        self._kept[self._numbered] = packet
        self._settled.clear()
        return self._numbered, packet

    async def _send(self, number: int, packet: Packet) -> None:
        """Send it unless this connection has it already; a lost connection leaves it to the next one."""
        if number not in self._kept or packet.sent_on == self.transport.connections:
            return
        connection = self.transport.connections
        try:
            future = await self.transport.send(packet.topic, packet.payload, retain=packet.retain)
        except ConnectionLostError:
            return
        now_s = asyncio.get_running_loop().time()
        if self._tally is not None and packet.reading is not None:
            self._tally.on_sent(packet.topic, packet.reading, now_s, again=packet.sent_on > 0)
        packet.sent_on, packet.sent_s = connection, now_s
        future.add_done_callback(partial(self._done, number))

    def _done(self, number: int, future: asyncio.Future[None]) -> None:
        if future.cancelled() or future.exception() is not None:
            return
        packet = self._kept.pop(number, None)
        if packet is not None:
            self.acknowledged += 1
            if self._tally is not None and packet.reading is not None:
                self._tally.on_acknowledged(packet.sent_s, asyncio.get_running_loop().time())
        if not self._kept:
            self._settled.set()

    async def _on_connect(self, transport: Transport) -> None:
        async with self._turn:
            if self._birth is not None:
                await transport.send(self._birth.topic, self._birth.payload, retain=self._birth.retain)
            for number, packet in list(self._kept.items()):
                await self._send(number, packet)
        if self._greeted.is_set() and self._again is not None:
            await self._again()
        self._greeted.set()
