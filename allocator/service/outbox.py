"""Publishes what was committed, in order, and is the only place that ever sends anything again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from broker_bridge.transport.base import ConnectionLostError

if TYPE_CHECKING:
    from allocator.store.base import OutboxRow
    from broker_bridge.transport.base import Transport


@dataclass(frozen=True, slots=True)
class _Bulletin:
    """A message that is no row: the allocator's own status. Sent once, in its place in the order."""

    topic: str
    payload: bytes
    retain: bool = True


class Outbox:
    """Rows wait here from their commit to the broker's acknowledgement.

    A retained message that still waits is replaced by a newer one of its topic.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._waiting: OrderedDict[int, OutboxRow | _Bulletin] = OrderedDict()
        self._waiting_retained: dict[str, int] = {}
        self._in_flight: OrderedDict[int, OutboxRow] = OrderedDict()
        self._latest: dict[str, bytes] = {}
        self._bulletin_no = 0
        self._done: list[int] = []
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.published = 0

    @property
    def backlog(self) -> int:
        """How many rows are not acknowledged yet."""
        return len(self._waiting) + len(self._in_flight)

    def add(self, rows: list[OutboxRow]) -> None:
        """Take rows that have just been committed."""
        for row in rows:
            if row.retain:
                self._latest[row.topic] = row.payload
                older = self._waiting_retained.pop(row.topic, None)
                if older is not None:
                    del self._waiting[older]
                    self._done.append(older)
                self._waiting_retained[row.topic] = row.outbox_id
            self._waiting[row.outbox_id] = row
        self.wake()

    def add_bulletin(self, topic: str, payload: bytes) -> None:
        """Send a retained status after all rows that wait already; an older one that waits is dropped."""
        older = self._waiting_retained.pop(topic, None)
        if older is not None:
            del self._waiting[older]
        self._bulletin_no -= 1
        self._waiting[self._bulletin_no] = _Bulletin(topic, payload)
        self._waiting_retained[topic] = self._bulletin_no
        self.wake()

    def take_done(self) -> list[int]:
        """Return the rows that were acknowledged, for the next commit to delete."""
        done, self._done = self._done, []
        return done

    async def run(self) -> None:
        """Publish for ever; after each reconnect, first all that was not acknowledged."""
        while True:
            await self._transport.wait_connected()
            self._requeue()
            try:
                await self._drain()
            except ConnectionLostError:
                continue

    async def idle(self) -> None:
        """Return when nothing waits and everything is acknowledged."""
        await self._idle.wait()

    async def republish(self) -> None:
        """Publish every retained state again: after a reconnect the broker may have forgotten them."""
        for topic in list(self._latest):
            if topic not in self._waiting_retained:
                future = await self._transport.send(topic, self._latest[topic], retain=True)
                future.add_done_callback(_ignore_loss)

    def remember(self, topic: str, payload: bytes) -> None:
        """Keep a retained state for `republish` without publishing it now."""
        self._latest[topic] = payload

    async def _drain(self) -> None:
        connection = self._transport.connections
        while self._transport.connections == connection:
            while self._waiting:
                await self._send_next()
            self._work.clear()
            await self._work.wait()

    async def _send_next(self) -> None:
        key, item = next(iter(self._waiting.items()))
        future = await self._transport.send(item.topic, item.payload, retain=item.retain)
        if self._waiting.pop(key, None) is None:
            future.add_done_callback(_ignore_loss)  # replaced by a newer one while it waited for the window
            return
        if self._waiting_retained.get(item.topic) == key:
            del self._waiting_retained[item.topic]
        if isinstance(item, _Bulletin):
            future.add_done_callback(_ignore_loss)
            self._settle()
        else:
            self._in_flight[key] = item
            future.add_done_callback(partial(self._acknowledged, key))

    def _acknowledged(self, key: int, future: asyncio.Future[None]) -> None:
        if future.cancelled() or future.exception() is not None:
            self._work.set()
            return
        if self._in_flight.pop(key, None) is not None:
            self.published += 1
            self._done.append(key)
        self._settle()

    def _requeue(self) -> None:
        """Put what was in flight back to the front, in its order."""
        for key, row in reversed(self._in_flight.items()):
            self._waiting[key] = row
            self._waiting.move_to_end(key, last=False)
        self._in_flight.clear()

    def wake(self) -> None:
        """Look again: rows came, or a connection did."""
        self._idle.clear()
        self._work.set()
        self._settle()

    def _settle(self) -> None:
        if not self._waiting and not self._in_flight:
            self._idle.set()


def _ignore_loss(future: asyncio.Future[None]) -> None:
    if not future.cancelled():
        future.exception()
