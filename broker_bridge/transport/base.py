"""What the programs need of MQTT: connect with a will, subscribe, publish, take deliveries and acknowledge them.

A transport connects by itself, again and again with backoff and jitter, until it is closed. After every connect
it subscribes again and then calls `on_connect`, where births and retained state are published.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

from broker_bridge.wire.errors import BaybrokerError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence
    from types import TracebackType

PUBLISH_WINDOW = 200
RECEIVE_WINDOW = 1_000
PACKET_BYTES_MAX = 32 * 1024


class TransportError(BaybrokerError):
    """The broker cannot be used."""


class ConnectionLostError(TransportError):
    """The connection to the broker was lost before it acknowledged the message."""


class RefusedError(TransportError):
    """The broker refuses this user: check the user and the password of --broker."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is: `mqtt[s]://[user:password@]host:port`."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained and at QoS 1, when the connection dies."""

    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that came in. `ack` may be called once it needs no redelivery.

    `ack` belongs to the connection that the message came by: after a reconnect it does nothing.
    """

    topic: str
    payload: bytes
    retained: bool
    ack: Callable[[], None]


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a client presents itself. A `persistent` session keeps its subscriptions and queue at the broker.

    `user` is who it logs in as where it is one of several with passwords of their own.
    """

    client_id: str
    will: Will | None = None
    persistent: bool = False
    publish_window: int = PUBLISH_WINDOW
    receive_window: int = RECEIVE_WINDOW
    keepalive_s: int = 60
    user: str | None = None


OnConnect = Callable[["Transport"], Awaitable[None]]


class Transport(Protocol):
    """One MQTT 3.1.1 connection that heals itself. Used as an async context manager."""

    connections: int
    """How many connections were established so far; a changed number means a reconnect."""

    async def __aenter__(self) -> Self:
        """Start connecting in a named background task; does not wait for the broker."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect cleanly: the will is not published, what was not acknowledged comes again."""
        ...

    async def abort(self) -> None:
        """Disconnect as by a power cut: without a DISCONNECT, so that the broker publishes the will.

        The transport is closed then; a client that comes back is a new one.
        """
        ...

    @property
    def waiting(self) -> int:
        """How many deliveries wait to be taken."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection and it is not known to be lost."""
        ...

    async def wait_connected(self) -> None:
        """Return once connected and subscribed again; raises what `receive` raises."""
        ...

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe at QoS 1 now and after every reconnect; returns once the broker has granted it.

        Raises RefusedError where the broker does not let this user subscribe.
        """
        ...

    async def send(self, topic: str, payload: bytes, *, retain: bool = False) -> asyncio.Future[None]:
        """Publish at QoS 1 and return a future that is done when the broker acknowledges.

        Waits for a place in the window (back-pressure). Raises ConnectionLostError when not connected; the future
        fails with it when the connection dies first. Nothing is ever sent again by the transport.
        """
        ...

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1 and return when the broker has acknowledged; raises ConnectionLostError."""
        ...

    async def receive(self, limit: int) -> list[Delivery]:
        """Wait for deliveries and return between 1 and `limit` of them, in order of arrival.

        Every delivery must be acknowledged. At most 2 x `receive_window` may be open, that is, wait to be taken or
        acknowledged; past that the socket is not read until one window is left. While an own publish waits for its
        acknowledgement, which comes behind those deliveries, the bound is 8,000. A socket not read for twice
        `keepalive_s` counts as lost. Deliveries of a lost connection that were not taken yet are dropped: the broker
        sends them again. Raises what stopped the transport: RefusedError, an error of `on_connect`, or
        ConnectionLostError once it was closed.
        """
        ...
