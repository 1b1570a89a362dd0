"""The transport for modest traffic: aiomqtt on paho-mqtt, MQTT 3.1.1.

aiomqtt connects, disconnects and joins paho to the event loop. Messages and acknowledgements are taken from paho's
callbacks: aiomqtt acknowledges before the program has seen a message, its queue is unbounded or discards what was
acknowledged, and each of its publishes walks through all that are pending.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.enums import MQTTErrorCode

from broker_bridge.transport.base import ConnectionLostError
from broker_bridge.transport.link import CLOSE_TIMEOUT_S, Link, refusal, turn
from broker_bridge.transport.reconnecting import ReconnectingTransport

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from paho.mqtt.client import Client as PahoClient
    from paho.mqtt.client import MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

    from broker_bridge.transport.base import BrokerAddress, ClientOptions, OnConnect
    from broker_bridge.transport.inbox import Inbox

_QOS = 1
_CONNACK_OF_REASON = {132: 1, 133: 2, 134: 4, 135: 5}
"""paho reports MQTT 5 reasons for the return codes of 3.1.1."""


def manual_paho(client: aiomqtt.Client) -> PahoClient:
    """Return the paho client inside, with acknowledging left to us. The only use of a private attribute."""
    paho: PahoClient = client._client  # noqa: SLF001 - canary: test_aiomqtt_private_attribute
    paho.manual_ack_set(on=True)
    return paho


class _AiomqttLink(Link):
    def __init__(
        self, address: BrokerAddress, tls: ssl.SSLContext | None, options: ClientOptions, inbox: Inbox
    ) -> None:
        super().__init__(options, inbox)
        will = options.will
        self._client = aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            identifier=options.client_id,
            will=aiomqtt.Will(will.topic, will.payload, qos=_QOS, retain=True) if will else None,
            clean_session=not options.persistent,
            timeout=CLOSE_TIMEOUT_S,
            keepalive=options.keepalive_s,
            max_inflight_messages=options.publish_window,
            tls_context=tls,
            # Nagle's algorithm would hold a publish back for 40 ms behind an acknowledgement.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        self._entered = False
        self._paho = manual_paho(self._client)
        self._paho.on_message = self._handle
        self._paho.on_publish = lambda _client, _data, mid, *_: self._on_puback(mid)
        self._paho.on_subscribe = self._handle_suback
        self._hung_up = self._paho.on_disconnect
        self._paho.on_disconnect = self._handle_disconnect

    async def open(self) -> None:
        """Connect and wait for the CONNACK."""
        await self._unless_lost(self._connect())

    async def _connect(self) -> None:
        entering = asyncio.create_task(self._client.__aenter__(), name=f"aiomqtt {self._options.client_id}")
        try:
            await asyncio.shield(entering)
        except MqttConnectError as error:
            raise self._refusal(error) from None
        except aiomqtt.MqttError as error:
            raise ConnectionLostError(str(error)) from None
        except asyncio.CancelledError:
            # paho connects in a thread, which cannot be interrupted, and would leave its socket behind.
            if not self.lost.is_set():
                await asyncio.wait({entering}, timeout=CLOSE_TIMEOUT_S)
            entering.cancel()
            with contextlib.suppress(aiomqtt.MqttError, asyncio.CancelledError):
                await entering
                self._entered = True
            raise
        self._entered = True

    def _refusal(self, error: MqttConnectError) -> Exception:
        code: int = getattr(error.rc, "value", 0)
        return refusal(_CONNACK_OF_REASON.get(code, code), self._options.client_id)

    async def close(self) -> None:
        """Send DISCONNECT behind the acknowledgements that paho has not written yet."""
        if self._entered:
            self._entered = False
            with contextlib.suppress(aiomqtt.MqttError):
                await self._client.__aexit__(None, None, None)
            with contextlib.suppress(aiomqtt.MqttError):
                await anext(self._client.messages)  # takes the error of a lost connection out of aiomqtt's future
        sock = self._paho.socket()
        if sock is not None:
            if self._paho.on_socket_close is not None:
                self._paho.on_socket_close(self._paho, None, sock)
            asyncio.get_running_loop().remove_writer(sock)
            sock.close()
        self._on_lost()
        await turn()

    def abort(self) -> None:
        """Shut the socket; paho notices when it next reads or writes."""
        sock = self._paho.socket()
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self._on_lost()

    def _publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        info = self._paho.publish(topic, payload, _QOS, retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionLostError
        return info.mid

    def _subscribe(self, filters: Sequence[str]) -> int:
        _, mid = self._paho.subscribe([(name, _QOS) for name in filters])
        if mid is None:
            raise ConnectionLostError
        return mid

    def _pause(self) -> None:
        sock = self._paho.socket()
        if sock is not None:
            asyncio.get_running_loop().remove_reader(sock)

    def _resume(self) -> None:
        sock = self._paho.socket()
        if sock is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(sock, self._read)
            loop.call_soon(self._read)  # TLS may have decrypted what the socket no longer announces

    def _read(self) -> None:
        """Read packets; paho reports a broken connection through `on_disconnect`."""
        while not self._paused:
            self._paho.loop_read()
            sock = self._paho.socket()
            if not isinstance(sock, ssl.SSLSocket) or sock.pending() == 0:
                return

    def _handle(self, _client: PahoClient, _data: object, message: MQTTMessage) -> None:
        acknowledge = partial(self._acknowledge, message.mid, message.qos)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            acknowledge()
            return
        self._on_delivery(topic, bytes(message.payload), retained=message.retain, acknowledge=acknowledge)

    def _acknowledge(self, mid: int, qos: int) -> None:
        self._paho.ack(mid, qos)

    def _handle_suback(self, _client: PahoClient, _data: object, mid: int, codes: list[ReasonCode], *_: object) -> None:
        self._on_suback(mid, [code.value for code in codes])

    def _handle_disconnect(self, *reported: Any) -> None:
        if self._hung_up is not None:
            self._hung_up(*reported)
        self._on_lost()


class AiomqttTransport(ReconnectingTransport):
    """A transport on aiomqtt."""

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
        return _AiomqttLink(self._address, self._tls, self._options, self._inbox)
