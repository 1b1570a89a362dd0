"""The broker's side of the server: feeds the mirror, publishes commands, and hears what parties are told."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from typing import TYPE_CHECKING

from baybroker.web.mirror import SHOWN
from broker_bridge.transport.base import ClientOptions, ConnectionLostError
from broker_bridge.wire import codec, topics
from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from baybroker.web.mirror import Mirror
    from broker_bridge.transport.base import Delivery, OnConnect, Transport

TOLD = {
    TopicKind.DRIVER_REPLY: "drivers/{driver}",
    TopicKind.RESIDENT_NOTICE: "residents/{resident}",
    TopicKind.OPERATOR_REPLY: "operators/{operator}",
}
"""Where parties are told something, and how the store names the party."""
RECEIVED_AT_ONCE = 1_000


class Link:
    """One connection to the broker. `on_told` hears (party, payload) of every reply and notice."""

    def __init__(
        self,
        city: str,
        mirror: Mirror,
        connect: Callable[[ClientOptions, OnConnect | None], Transport],
    ) -> None:
        self.city, self._mirror = city, mirror
        self.on_told: Callable[[str, bytes], None] = lambda _party, _payload: None
        self.dropped: Counter[str] = Counter()
        self.subscribed = asyncio.Event()
        """Set once the broker has been reached."""
        self._transport = connect(ClientOptions(client_id=f"baybroker-web-{secrets.token_hex(6)}"), self._on_connect)
        self._waiting: dict[tuple[str, str], set[asyncio.Event]] = {}

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._transport.connected

    async def run(self) -> None:
        """Hear until cancelled; raises RefusedError where the broker does not want us."""
        async with self._transport:
            await self._transport.subscribe([topics.subscription(kind, self.city) for kind in (*SHOWN, *TOLD)])
            self.subscribed.set()
            while True:
                for delivery in await self._transport.receive(RECEIVED_AT_ONCE):
                    self._hear(delivery)
                    delivery.ack()

    async def publish(self, kind: TopicKind, payload: bytes, **names: str) -> None:
        """Publish a command; raises ConnectionLostError where the broker did not acknowledge it."""
        if not self.connected:
            raise ConnectionLostError
        await self._transport.publish(topics.build(kind, self.city, **names), payload)

    @contextlib.contextmanager
    def listening(self, party: str, request_id: str) -> Iterator[asyncio.Event]:
        """Yield an event that is set when the party is told something of the request, and after each reconnect."""
        heard, key = asyncio.Event(), (party, request_id)
        self._waiting.setdefault(key, set()).add(heard)
        try:
            yield heard
        finally:
            self._waiting[key].discard(heard)
            if not self._waiting[key]:
                del self._waiting[key]

    async def _on_connect(self, _transport: Transport) -> None:
        """What was told while we were away is in the database: have everyone look."""
        for waiting in self._waiting.values():
            for heard in waiting:
                heard.set()

    def _hear(self, delivery: Delivery) -> None:
        try:
            topic = topics.parse(delivery.topic)
            if not delivery.payload:
                self._mirror.forget(topic.names.get("bay", ""))
                return
            message = codec.decode(topic.kind, delivery.payload)
        except BadMessageError as error:
            self.dropped[error.reason] += 1
            return
        party = TOLD.get(topic.kind)
        if party is None:
            self._mirror.hear(topic, message)
            return
        named = party.format(**topic.names)
        for heard in self._waiting.get((named, message.request_id or ""), ()):
            heard.set()
        self.on_told(named, delivery.payload)
