"""An MQTT client under full control: no thread, any protocol version, its own acknowledgements, an abrupt end.

The transports heal what a doctor wants to see, so this one speaks through paho-mqtt directly.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from broker_bridge.transport.base import TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker_bridge.transport.base import BrokerAddress, Will

ANSWER_WITHIN_S = 5.0
_TURN_S = 0.5
_QOS = 1
_FIRST_FAILURE = 0x80


class ProbeError(TransportError):
    """The broker does not answer."""


class RefusedConnectError(ProbeError):
    """The broker answers the CONNECT with a refusal."""


class Probe:
    """One connection, used as a context manager that disconnects. Driven only while one of its methods runs."""

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        clean: bool = True,
        version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
        will: Will | None = None,
        manual_ack: bool = False,
    ) -> None:
        self.messages: list[paho.MQTTMessage] = []
        self.session_present = False
        self._where = f"{address.host}:{address.port}"
        self._address = address
        self._clean = clean
        self._answer: Any = None
        self._acked: dict[int, int] = {}
        self._granted: dict[int, int] = {}
        self._paho = self._client(client_id, version, manual_ack=manual_ack)
        if will is not None:
            self._paho.will_set(will.topic, will.payload, _QOS, retain=True)

    def _client(self, client_id: str, version: MQTTProtocolVersion, *, manual_ack: bool) -> paho.Client:
        five = version is MQTTProtocolVersion.MQTTv5
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if five else self._clean,
            protocol=version,
            manual_ack=manual_ack,
            reconnect_on_failure=False,
        )
        client.connect_timeout = ANSWER_WITHIN_S
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        if self._address.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_connect = self._on_connect
        client.on_message = lambda *said: self.messages.append(said[2])
        client.on_publish = lambda *said: self._acked.update({said[2]: said[3].value})
        client.on_subscribe = lambda *said: self._granted.update({said[2]: said[3][0].value})
        client.on_socket_open = _without_delay
        return client

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> None:
        """Connect; raises RefusedConnectError, or ProbeError where nothing answers in time."""
        try:
            self._paho.connect(self._address.host, self._address.port)
        except OSError as error:
            raise ProbeError(f"{self._where}: {error.strerror or error}") from None
        with contextlib.suppress(ProbeError):  # a broker may hang up right behind its refusal
            self.wait(lambda: self._answer is not None)
        if self._answer is None:
            raise ProbeError(f"{self._where} takes the connection but does not answer: is it an MQTT broker?")
        if self._answer.is_failure:
            raise RefusedConnectError(f"the broker refuses: {self._answer}")

    def wait(self, done: Callable[[], bool], timeout_s: float = ANSWER_WITHIN_S) -> bool:
        """Drive the connection until `done()`; tell whether it came true. Raises ProbeError when it is lost."""
        until = time.monotonic() + timeout_s
        while not done():
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            if self._paho.loop(min(left_s, _TURN_S)) is not MQTTErrorCode.MQTT_ERR_SUCCESS and not done():
                raise ProbeError(f"{self._where} closed the connection")
        return True

    def wait_messages(self, count: int, timeout_s: float = ANSWER_WITHIN_S) -> bool:
        """Wait until `count` messages have come; tell whether they did."""
        return self.wait(lambda: len(self.messages) >= count, timeout_s)

    def subscribe(self, topic: str, *, qos: int = _QOS) -> bool:
        """Subscribe; tell whether the broker grants it."""
        _, mid = self._paho.subscribe(topic, qos)
        if mid is None or not self.wait(lambda: mid in self._granted):
            raise ProbeError(f"{self._where} does not answer a subscription")
        return self._granted.pop(mid) < _FIRST_FAILURE

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = _QOS) -> bool:
        """Publish and wait for the acknowledgement; tell whether it is a good one (3.1.1 knows no other)."""
        mid = self.send(topic, payload, retain=retain, qos=qos)
        if not self.wait(lambda: mid in self._acked):
            raise ProbeError(f"{self._where} does not acknowledge a message")
        return self._acked.pop(mid) < _FIRST_FAILURE

    def send(self, topic: str, payload: bytes, *, retain: bool = False, qos: int = _QOS) -> int:
        """Publish without waiting; return the packet id."""
        return self._paho.publish(topic, payload, qos, retain).mid

    def wait_acknowledged(self, packet_ids: list[int], timeout_s: float = ANSWER_WITHIN_S) -> bool:
        """Wait until the broker has acknowledged all that was sent under these ids; tell whether it did."""
        waiting = set(packet_ids)
        done = self.wait(lambda: self._acked.keys() >= waiting, timeout_s)
        for packet_id in packet_ids:
            self._acked.pop(packet_id, None)
        return done

    def acknowledge(self, message: paho.MQTTMessage) -> None:
        """Acknowledge one message of a probe that was made with `manual_ack`."""
        self._paho.ack(message.mid, message.qos)

    def abort(self) -> None:
        """Close the socket without a DISCONNECT, as a crash does."""
        sock = self._paho.socket()
        if sock is not None:
            sock.close()
        self.close()

    def close(self) -> None:
        """Disconnect; may be called twice."""
        self._paho.disconnect()

    def _on_connect(self, _client: paho.Client, _data: object, flags: Any, reason: Any, _properties: object) -> None:
        self._answer, self.session_present = reason, flags.session_present


def _without_delay(_client: paho.Client, _data: object, sock: Any) -> None:
    """Nagle's algorithm on our side would be measured as the broker's."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
