"""A broker in the process, honest about MQTT: retained messages, wills, sessions, windows, QoS 1 redelivery.

Everything it does to a client happens in a later turn of the event loop, in an order that depends on nothing but the
calls and the fault plan: two runs with one seed are the same. It can be killed, frozen, and lose connections.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from broker_bridge.transport.base import RECEIVE_WINDOW, ConnectionLostError
from broker_bridge.transport.faults import Fate
from broker_bridge.wire.topics import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from broker_bridge.transport.base import ClientOptions, Will
    from broker_bridge.transport.faults import FaultPlan

_PACKET_IDS = 65_535
_FAULTLESS = Fate()


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way to a subscriber."""

    topic: str
    payload: bytes
    retained: bool


class Client(Protocol):
    """The client's end of a connection, as the broker sees it."""

    reading: bool

    def deliver(self, mid: int, message: Message) -> None:
        """Take a delivery."""

    def hang_up(self) -> None:
        """Learn that the connection is gone."""


@dataclass(slots=True, eq=False)
class Session:
    """What the broker knows of a client."""

    client_id: str
    persistent: bool
    client: Client | None = None
    will: Will | None = None
    filters: dict[str, None] = field(default_factory=dict)
    queue: deque[Message] = field(default_factory=deque)
    held_back: Message | None = None
    unacknowledged: dict[int, Message] = field(default_factory=dict)
    last_mid: int = 0

    def next_mid(self) -> int:
        """Return a packet id that is not in use."""
        while True:
            self.last_mid = self.last_mid % _PACKET_IDS + 1
            if self.last_mid not in self.unacknowledged:
                return self.last_mid


class MemoryBroker:
    """A broker without a socket. `window`: deliveries to one client that are not acknowledged."""

    def __init__(self, *, faults: FaultPlan | None = None, window: int = RECEIVE_WINDOW) -> None:
        self.running = True
        self._faults = faults
        self._window = window
        self._sessions: dict[str, Session] = {}
        self._retained: dict[str, bytes] = {}
        self._frozen: list[Callable[[], None]] | None = None

    def kill(self) -> None:
        """Die as by SIGKILL: every connection is lost and no will is published."""
        self.running = False
        self._frozen = None
        for session in self._sessions.values():
            self._lose(session)

    def restart(self, *, empty: bool = True) -> None:
        """Come back; `empty`: without sessions and retained messages."""
        self.running = True
        if empty:
            self._sessions.clear()
            self._retained.clear()
        self._sessions = {name: session for name, session in self._sessions.items() if session.persistent}

    def drop_connection(self, client_id: str) -> None:
        """Lose a client's connection: its will is published."""
        session = self._sessions.get(client_id)
        if session is not None and session.client is not None:
            self._end(session, clean=False)

    def freeze(self) -> None:
        """Hang: from now on nothing is answered or delivered."""
        self._frozen = []

    def thaw(self) -> None:
        """Answer and deliver again, beginning with what was held up."""
        held, self._frozen = self._frozen or [], None
        for action in held:
            self._soon(action)

    def connect(self, client: Client, options: ClientOptions) -> Session:
        """Open a session, taking it over from an older connection; raises ConnectionLostError when killed."""
        if not self.running:
            raise ConnectionLostError("The memory broker is not running")
        self.drop_connection(options.client_id)
        session = self._sessions.get(options.client_id)
        if session is None or not options.persistent:
            session = Session(options.client_id, options.persistent)
        self._sessions[options.client_id] = session
        session.client, session.will, session.persistent = client, options.will, options.persistent
        self._soon(partial(self._pump, session))
        return session

    def disconnect(self, session: Session, client: Client) -> None:
        """End a connection cleanly: its will is forgotten."""
        if session.client is client:
            self._end(session, clean=True)

    def subscribe(self, session: Session, filters: Sequence[str], granted: Callable[[], None]) -> None:
        """Add filters, answer, and deliver the retained messages that they take in."""
        session.filters.update(dict.fromkeys(filters))
        self._soon(granted)
        for topic, payload in self._retained.items():
            if any(matches(name, topic) for name in filters):
                session.queue.append(Message(topic, payload, retained=True))
        self._soon(partial(self._pump, session))

    def publish(self, topic: str, payload: bytes, *, retain: bool, acknowledged: Callable[[], None]) -> None:
        """Take a message for all who subscribed, and acknowledge it."""
        if retain:
            self._retained.pop(topic, None)
            if payload:
                self._retained[topic] = payload
        self._soon(acknowledged)
        for session in self._sessions.values():
            if any(matches(name, topic) for name in session.filters):
                self._route(session, Message(topic, payload, retained=False))

    def acknowledge(self, session: Session, mid: int) -> None:
        """Forget a delivery."""
        session.unacknowledged.pop(mid, None)
        self._soon(partial(self._pump, session))

    def wake(self, session: Session) -> None:
        """Deliver on: the client reads again."""
        self._soon(partial(self._pump, session))

    def _route(self, session: Session, message: Message) -> None:
        fate = self._faults.draw() if self._faults else _FAULTLESS
        loop = asyncio.get_running_loop()
        for _ in range(fate.copies):
            if fate.delay_s:
                loop.call_later(fate.delay_s, self._enqueue, session, message)
            elif fate.overtaken and session.held_back is None and self._faults:
                session.held_back = message
                loop.call_later(self._faults.delay_s_max, self._release, session, message)
            else:
                self._enqueue(session, message)

    def _enqueue(self, session: Session, message: Message) -> None:
        session.queue.append(message)
        if session.held_back is not None:
            self._release(session, session.held_back)
        self._soon(partial(self._pump, session))

    def _release(self, session: Session, message: Message) -> None:
        if session.held_back is message:
            session.held_back = None
            self._enqueue(session, message)

    def _pump(self, session: Session) -> None:
        client = session.client
        while (
            client is not None
            and client is session.client
            and client.reading
            and session.queue
            and len(session.unacknowledged) < self._window
        ):
            message = session.queue.popleft()
            mid = session.next_mid()
            session.unacknowledged[mid] = message
            client.deliver(mid, message)

    def _end(self, session: Session, *, clean: bool) -> None:
        will = None if clean else session.will
        self._lose(session)
        if not session.persistent:
            del self._sessions[session.client_id]
        if will is not None:
            self.publish(will.topic, will.payload, retain=True, acknowledged=_nobody)

    def _lose(self, session: Session) -> None:
        client, session.client = session.client, None
        session.queue.extendleft(reversed(session.unacknowledged.values()))
        session.unacknowledged.clear()
        if client is not None:
            client.hang_up()

    def _soon(self, action: Callable[[], None]) -> None:
        if self._frozen is None:
            asyncio.get_running_loop().call_soon(action)
        else:
            self._frozen.append(action)


def _nobody() -> None:
    """No one waits for a will's acknowledgement."""
