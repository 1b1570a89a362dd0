"""The transport to a broker in the process: for tests, and for simulation in virtual time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from broker_bridge.transport.link import Link, turn
from broker_bridge.transport.memory_broker import MemoryBroker, Message, Session
from broker_bridge.transport.reconnecting import ReconnectingTransport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from broker_bridge.transport.base import ClientOptions, OnConnect
    from broker_bridge.transport.inbox import Inbox

__all__ = ["MemoryBroker", "MemoryTransport"]


class _MemoryLink(Link):
    def __init__(self, broker: MemoryBroker, options: ClientOptions, inbox: Inbox) -> None:
        super().__init__(options, inbox)
        self.reading = True
        self._broker = broker
        self._session: Session | None = None
        self._mid = 0

    async def open(self) -> None:
        """Connect; a killed broker raises ConnectionLostError."""
        self._session = self._broker.connect(self, self._options)

    async def close(self) -> None:
        """Disconnect cleanly where the connection still stands."""
        if self._session is not None and not self.lost.is_set():
            self._broker.disconnect(self._session, self)
        self._on_lost()
        await turn()

    def abort(self) -> None:
        """Vanish: the broker notices at once."""
        if not self.lost.is_set():
            self._broker.drop_connection(self._options.client_id)

    def deliver(self, mid: int, message: Message) -> None:
        """Take a delivery from the broker."""
        acknowledge = partial(self._broker.acknowledge, self._opened(), mid)
        self._on_delivery(message.topic, message.payload, retained=message.retained, acknowledge=acknowledge)

    def hang_up(self) -> None:
        """Learn from the broker that the connection is gone."""
        self._on_lost()

    def _opened(self) -> Session:
        if self._session is None:
            msg = "the link was not opened"
            raise RuntimeError(msg)
        return self._session

    def _publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        self._mid += 1
        self._broker.publish(topic, payload, retain=retain, acknowledged=partial(self._on_puback, self._mid))
        return self._mid

    def _subscribe(self, filters: Sequence[str]) -> int:
        self._mid += 1
        granted = partial(self._on_suback, self._mid, [1] * len(filters))
        self._broker.subscribe(self._opened(), filters, granted)
        return self._mid

    def _pause(self) -> None:
        self.reading = False

    def _resume(self) -> None:
        self.reading = True
        self._broker.wake(self._opened())


class MemoryTransport(ReconnectingTransport):
    """A transport to a MemoryBroker."""

    def __init__(
        self,
        broker: MemoryBroker,
        options: ClientOptions,
        *,
        on_connect: OnConnect | None = None,
        rng: Random | None = None,
    ) -> None:
        super().__init__("memory", options, on_connect=on_connect, rng=rng)
        self._broker = broker

    def _new_link(self) -> Link:
        return _MemoryLink(self._broker, self._options, self._inbox)
