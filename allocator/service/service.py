"""The allocator as a service, in the order of the design: lease, check, connect, outbox, subscribe, birth, allocate."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from allocator.service.intake import SUBSCRIBED
from allocator.service.outbox import Outbox
from allocator.service.writer import Writer
from broker_bridge.collector import lasting
from broker_bridge.transport.base import ClientOptions, ConnectionLostError, OnConnect, Will
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import AllocatorStatus
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from allocator.service.settings import ServiceSettings
    from allocator.store.base import Store
    from broker_bridge.transport.base import Delivery, Transport

BATCH_MAX = 1_000
STATUS_EVERY_S = 5.0
IDLE_S = 1.0
STOP_GRACE_S = 10.0
FIRST_CLOCK_WAIT_S = 2.0
log = logging.getLogger("allocator.service")


class AllocatorService:
    """One allocator on one database and one broker."""

    def __init__(
        self,
        settings: ServiceSettings,
        store: Store,
        connect: Callable[[ClientOptions, OnConnect], Transport],
    ) -> None:
        self.settings, self._store = settings, store
        self.started_at = time.time_ns() // 1_000_000
        self._topic = topics.build(TopicKind.ALLOCATOR_STATUS, settings.city)
        will = AllocatorStatus(online=False, version=settings.version, started_at=self.started_at)
        self._transport = connect(
            ClientOptions(
                client_id=f"baybroker-allocator-{settings.city}",
                will=Will(self._topic, codec.encode(will)),
                persistent=True,
            ),
            self._on_connect,
        )
        self._outbox = Outbox(self._transport)
        self._writer = Writer(settings, store, self._outbox)
        self._status_at = 0.0
        self._status_tick: int | None = None
        self._clock_asked = asyncio.Event()
        self._kinds = (TopicKind.CLOCK, *SUBSCRIBED) if settings.simulated_clock else SUBSCRIBED
        self.serving = asyncio.Event()
        """Set once the allocator has subscribed and its birth is published."""

    @property
    def dropped(self) -> Counter[str]:
        """How many messages were dropped, by reason."""
        return self._writer.complaints.counters

    @property
    def published(self) -> int:
        """How many messages the broker has acknowledged."""
        return self._outbox.published

    @property
    def lag_ms(self) -> int:
        """How long the last batch took from being taken to being committed."""
        return self._writer.lag_ms

    def bay_counts(self) -> Counter[str]:
        """Return how many bays show each status."""
        return self._writer.bay_counts()

    async def drained(self) -> None:
        """Return when the broker has acknowledged everything that is committed."""
        await self._outbox.idle()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; raises LeaseHeldError, StoreError, RefusedError, InvariantError."""
        await self._store.open(self.settings.holder)
        try:
            await self._writer.restore()
            with lasting():
                async with self._transport:
                    await self._serve(stop)
            await self._writer.finish()
        finally:
            await self._store.close()

    async def _serve(self, stop: asyncio.Event) -> None:
        publishing = asyncio.create_task(self._outbox.run(), name="outbox")
        stopping = asyncio.create_task(stop.wait(), name="stop")
        receiving: asyncio.Task[list[Delivery]] | None = None
        try:
            await self._first_clock(stopping)
            while not stop.is_set():
                receiving = receiving or asyncio.create_task(self._transport.receive(BATCH_MAX), name="receive")
                await self._wait({receiving, stopping, publishing})
                deliveries = receiving.result() if receiving.done() else []
                receiving = None if receiving.done() else receiving
                if publishing.done():
                    publishing.result()
                if not self._transport.connected:
                    self._writer.connected()  # no news can come: silence is held against nobody
                await self._writer.work(deliveries)
                self._tell_status()
            await self._wind_down()
        finally:
            await _cancel(publishing, stopping, receiving)

    async def _first_clock(self, stopping: asyncio.Task[bool]) -> None:
        """Take the retained clock of a simulated world, if there is one, before anything that it dates."""
        if self.settings.simulated_clock and not self._writer.now:
            topic = topics.subscription(TopicKind.CLOCK, self.settings.city)
            subscribing = asyncio.create_task(self._transport.subscribe([topic]), name="subscribe-clock")
            await asyncio.wait({subscribing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            receiving = asyncio.create_task(self._transport.receive(BATCH_MAX), name="receive-clock")
            await asyncio.wait({receiving, stopping}, timeout=FIRST_CLOCK_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
            if receiving.done():
                await self._writer.work(receiving.result())
            await _cancel(subscribing, receiving)
        self._clock_asked.set()

    async def _wait(self, tasks: set[asyncio.Task[list[Delivery]] | asyncio.Task[bool] | asyncio.Task[None]]) -> None:
        """Wait until something arrives, a timer is due, or it is time for a sign of life."""
        due_s = self._writer.seconds_to_timer()
        timeout = IDLE_S if due_s is None else min(due_s, IDLE_S)
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    def _tell_status(self) -> None:
        """Publish the committed tick when it moved, and a sign of life every few seconds."""
        tick_no, now = self._writer.tick_no, time.monotonic()
        if tick_no != self._status_tick or now - self._status_at >= STATUS_EVERY_S:
            self._status_tick, self._status_at = tick_no, now
            self._outbox.add_bulletin(self._topic, codec.encode(self._status(online=True)))

    def _status(self, *, online: bool) -> AllocatorStatus:
        writer = self._writer
        return AllocatorStatus(
            online=online,
            version=self.settings.version,
            started_at=self.started_at,
            now=writer.now or None,
            lag_ms=writer.lag_ms,
            run_id=writer.run_id,
            tick_no=writer.tick_no,
            position=writer.position,
            dropped=self.dropped.total(),
        )

    async def _on_connect(self, transport: Transport) -> None:
        """After every connect: subscribe, the birth, then what the broker may have forgotten."""
        await self._clock_asked.wait()
        self._writer.connected()
        await transport.subscribe([topics.subscription(kind, self.settings.city) for kind in self._kinds])
        await transport.publish(self._topic, codec.encode(self._status(online=True)), retain=True)
        self.serving.set()
        self._outbox.wake()
        await self._outbox.republish()

    async def _wind_down(self) -> None:
        """Publish what is committed and say farewell, if the broker is there."""
        if not self._transport.connected:
            return
        with contextlib.suppress(TimeoutError, ConnectionLostError):
            await asyncio.wait_for(self._outbox.idle(), STOP_GRACE_S)
            await self._transport.publish(self._topic, codec.encode(self._status(online=False)), retain=True)


async def _cancel(*tasks: asyncio.Task[list[Delivery]] | asyncio.Task[bool] | asyncio.Task[None] | None) -> None:
    for task in tasks:
        if task is not None:
            task.cancel()
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
