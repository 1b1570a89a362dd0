"""The data plane's transport: gmqtt, MQTT 3.1.1. Fast, and acknowledges when the handler returns."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

import gmqtt
from gmqtt.mqtt.constants import MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError
from gmqtt.storage import PersistentStorage

from broker_bridge.transport.link import CLOSE_TIMEOUT_S, Link, refusal, turn
from broker_bridge.transport.reconnecting import ReconnectingTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from random import Random

    from broker_bridge.transport.base import BrokerAddress, ClientOptions, OnConnect
    from broker_bridge.transport.inbox import Inbox

_PUBLISH_BYTES_MIN = 7
"""A QoS 1 PUBLISH with a topic of one letter and no payload."""
_DISCONNECT = 0xE0
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)


class _OnlyExceptions(logging.Filter):
    """Keeps gmqtt's tracebacks and drops its account of the connection, which is ours to tell."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None


_logger = logging.getLogger("gmqtt.client")
_logger.addFilter(_OnlyExceptions())
logging.getLogger("gmqtt").setLevel(logging.ERROR)


class _Acknowledgements(PersistentStorage):  # type: ignore[misc] # gmqtt has no types
    """Keeps no message, so nothing is replayed; tells the packet ids that gmqtt uses and frees."""

    def __init__(self, on_puback: Callable[[int], None]) -> None:
        super().__init__()
        self.mid = 0
        self._on_puback = on_puback

    def push_message(self, mid: int, raw_package: bytes) -> None:  # noqa: ARG002 - gmqtt's signature
        """Remember the packet id of the PUBLISH just written."""
        self.mid = mid

    def remove_message_by_mid(self, mid: int) -> None:
        """Pass a PUBACK on."""
        self._on_puback(mid)


class _TurnWriter:
    """Joins what is written in a turn of the loop: sending a small packet costs more than making it."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._packets: list[bytes] = []

    def __call__(self, packet: bytes) -> None:
        if not self._packets:
            asyncio.get_running_loop().call_soon(self._flush)
        self._packets.append(packet)
        if packet[0] == _DISCONNECT:
            self._flush()  # the socket is closed in this turn

    def _flush(self) -> None:
        packets, self._packets = self._packets, []
        if packets:
            self._write(b"".join(packets))


class _Client(gmqtt.Client):  # type: ignore[misc] # gmqtt has no types
    """A client for one connection whose reading can be paused."""

    def __init__(self, *args: Any, read: Callable[..., Awaitable[bytes]], **kwargs: Any) -> None:
        super().__init__(*args, logger=_logger, **kwargs)
        self._read = read

    async def reconnect(self, delay: bool = False) -> None:  # noqa: FBT001, FBT002 - gmqtt's signature
        """Do nothing: a new connection is a new client."""

    async def _create_connection(self, *args: Any, **kwargs: Any) -> Any:
        connection = await super()._create_connection(*args, **kwargs)
        protocol = connection._protocol  # noqa: SLF001 - canary: test_gmqtt_private_attributes
        protocol.write_data = _TurnWriter(protocol.write_data)
        protocol.read = partial(self._read, protocol.read)
        # The loop already waits in the unbounded read; nothing has come yet, as CONNECT is not sent.
        protocol._read_loop_future.cancel()  # noqa: SLF001
        protocol._read_loop_future = asyncio.create_task(protocol._read_loop(), name="gmqtt read")  # noqa: SLF001
        return connection

    def on_delivery(self, handle: Callable[[str, bytes, bool, Callable[[], None]], None]) -> None:
        """Have `handle` called with each delivery's topic, payload, retained flag and acknowledgement.

        gmqtt would make a task of each, and acknowledge when that ends.
        """
        handler = self._package_handler

        def at_least_once(mid: int, payload: bytes, topic: str | bytes, properties: dict[str, Any]) -> None:
            acknowledge = partial(handler._send_puback, mid)  # noqa: SLF001 - canary
            if isinstance(topic, str):
                handle(topic, payload, bool(properties["retain"]), acknowledge)
            else:
                acknowledge()  # no UTF-8: it would only come again

        def at_most_once(_client: object, topic: str | bytes, payload: bytes, _qos: int, given: dict[str, Any]) -> None:
            if isinstance(topic, str):
                handle(topic, payload, bool(given["retain"]), _nothing)

        handler._handle_qos_1_publish_packet = at_least_once  # noqa: SLF001 - canary
        self.on_message = at_most_once

    def ack_quickly(self) -> None:
        """Have what was read acknowledged by TCP now.

        A broker without `set_tcp_nodelay` keeps a small packet back until then, up to 40 ms; Linux forgets the option
        after each use.
        """
        if _QUICK_ACK is not None and self._connection is not None:
            connected = self._connection._transport.get_extra_info("socket")  # noqa: SLF001
            if connected is not None and connected.fileno() >= 0:
                connected.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def abort(self) -> None:
        """Drop the socket without a word."""
        if self._connection is not None:
            self._connection._transport.abort()  # noqa: SLF001


class _GmqttLink(Link):
    def __init__(
        self, address: BrokerAddress, tls: ssl.SSLContext | None, options: ClientOptions, inbox: Inbox
    ) -> None:
        super().__init__(options, inbox)
        self._address = address
        self._tls = tls
        self._readable = asyncio.Event()
        self._readable.set()
        self._storage = _Acknowledgements(self._on_puback)
        will = options.will
        self._client = _Client(
            options.client_id,
            clean_session=not options.persistent,
            optimistic_acknowledgement=False,
            will_message=gmqtt.Message(will.topic, will.payload, qos=1, retain=True) if will else None,
            persistent_storage=self._storage,
            read=self._read,
        )
        self._client.on_delivery(self._handle)
        self._client.on_subscribe = lambda _client, mid, codes, _properties: self._on_suback(mid, codes)
        self._client.on_disconnect = lambda _client, _packet: self._on_lost()
        if address.username is not None:
            self._client.set_auth_credentials(address.username, address.password)

    async def open(self) -> None:
        """Connect and wait for the CONNACK."""
        await self._unless_lost(self._connect())

    async def _connect(self) -> None:
        try:
            await self._client.connect(
                self._address.host,
                self._address.port,
                ssl=self._tls or False,
                keepalive=self._options.keepalive_s,
                version=MQTTv311,
            )
        except MQTTConnectError as error:
            raise refusal(error._code, self._options.client_id) from None  # noqa: SLF001

    async def close(self) -> None:
        """Write what was acknowledged, then DISCONNECT."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._client.disconnect()
        except OSError:
            self._client.abort()
        except asyncio.CancelledError:
            self._client.abort()
            raise
        finally:
            self._on_lost()
            await turn()

    def abort(self) -> None:
        """Drop the socket, with what was not written to it yet."""
        self._client.abort()
        self._on_lost()

    def _on_lost(self) -> None:
        super()._on_lost()
        self._readable.set()

    def _publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        self._client.publish(topic, payload, qos=1, retain=retain)
        return self._storage.mid

    def _subscribe(self, filters: Sequence[str]) -> int:
        mid: int = self._client.subscribe([gmqtt.Subscription(name, qos=1) for name in filters])
        return mid

    def _pause(self) -> None:
        self._readable.clear()

    def _resume(self) -> None:
        self._readable.set()

    async def _read(self, read: Callable[..., Awaitable[bytes]], n: int) -> bytes:
        """Read no more than could fill the room that is left."""
        await asyncio.sleep(0)  # what the stream has buffered is read without a turn of the loop otherwise
        while not self._readable.is_set():
            await self._readable.wait()
        room = max(1, self._open_max - self._open - 1)
        try:
            data = await read(min(n, room * _PUBLISH_BYTES_MIN))
            self._client.ack_quickly()
        except OSError as error:
            # The only error that gmqtt's loop expects.
            raise ConnectionResetError from error
        return data

    def _handle(self, topic: str, payload: bytes, retained: bool, acknowledge: Callable[[], None]) -> None:  # noqa: FBT001
        self._on_delivery(topic, payload, retained=retained, acknowledge=acknowledge)


def _nothing() -> None:
    """QoS 0 has no acknowledgement."""


class GmqttTransport(ReconnectingTransport):
    """A transport on gmqtt."""

    def __init__(
        self,
        address: BrokerAddress,
        options: ClientOptions,
        *,
        on_connect: OnConnect | None = None,
        rng: Random | None = None,
    ) -> None:
        super().__init__(f"{address.host}:{address.port}", options, on_connect=on_connect, rng=rng)
        self._address = address
        self._tls = ssl.create_default_context() if address.tls else None

    def _new_link(self) -> Link:
        return _GmqttLink(self._address, self._tls, self._options, self._inbox)
