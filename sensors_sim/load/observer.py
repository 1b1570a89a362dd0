"""A subscriber of its own that sees what the broker delivers of the sensors' messages."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from broker_bridge.transport.base import ClientOptions
from broker_bridge.wire import codec, topics
from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.topics import TopicKind
from sensors_sim.load.report import LoadReport, report
from sensors_sim.load.tally import LoadTally

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from broker_bridge.transport.base import Delivery, OnConnect, Transport

READINGS = (TopicKind.OCCUPANCY, TopicKind.DEVICE)
QUIET_S = 2.0
SETTLE_MOST_S = 60.0
RECEIVED_AT_ONCE = 1_000


class Observer:
    """Fills the deliveries into its `tally`, while others fill in what was sent. An async context manager."""

    def __init__(self, city: str, make_transport: Callable[[ClientOptions, OnConnect | None], Transport]) -> None:
        self.tally = LoadTally()
        self._city = city
        self._transport = make_transport(ClientOptions(client_id=f"sim-{city}-observer"), None)
        self._task: asyncio.Task[None] | None = None
        self._complete = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Connect and subscribe; raises RefusedError where this user may not see the sensors' messages."""
        await self._transport.__aenter__()
        try:
            await self._transport.subscribe([topics.subscription(kind, self._city) for kind in READINGS])
        except BaseException:
            await self._transport.__aexit__(None, None, None)
            raise
        self._task = asyncio.create_task(self._observe(), name="observer")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop looking; raises what ended the look before."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._transport.__aexit__(kind, error, trace)
        if self._task is not None and not self._task.cancelled():
            self._task.result()

    async def settle(self, flush: Callable[[], Awaitable[None]]) -> None:
        """Return once all that was sent is acknowledged and delivered, or nothing more has come for `QUIET_S`.

        What never ends (a connection that is lost again and again) ends after `SETTLE_MOST_S`.
        """
        waiting = {
            asyncio.ensure_future(flush()),
            asyncio.create_task(self._complete.wait(), name="observer-complete"),
        }
        try:
            self._look()
            ends_at = asyncio.get_running_loop().time() + SETTLE_MOST_S
            while asyncio.get_running_loop().time() < ends_at:
                moves = self.tally.moves
                done, _ = await asyncio.wait(waiting, timeout=QUIET_S, return_when=asyncio.ALL_COMPLETED)
                if done == waiting or self.tally.moves == moves:
                    return
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)

    def report(self) -> LoadReport:
        """Return what was measured so far."""
        return report(self.tally, max(self._transport.connections - 1, 0))

    async def _observe(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            deliveries = await self._transport.receive(RECEIVED_AT_ONCE)
            now_s = loop.time()
            for delivery in deliveries:
                self._count(delivery, now_s)
                delivery.ack()
            self._look()

    def _count(self, delivery: Delivery, now_s: float) -> None:
        """Count a delivery; what the broker retained from before tells nothing of it now."""
        if delivery.retained:
            return
        try:
            kind = topics.parse(delivery.topic).kind
            message = codec.decode(kind, delivery.payload)
        except BadMessageError:
            self.tally.others += 1
        else:
            self.tally.on_delivered(delivery.topic, (message.boot_id, message.seq), now_s)

    def _look(self) -> None:
        if self.tally.lost == 0:
            self._complete.set()
        else:
            self._complete.clear()
