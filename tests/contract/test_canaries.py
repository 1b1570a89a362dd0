"""Private parts of libraries that we rely on: these tests say which one went away."""

from __future__ import annotations

import asyncio
import inspect

import aiomqtt
import gmqtt
from gmqtt.mqtt.connection import MQTTConnection
from gmqtt.mqtt.handler import MQTTConnectError, MqttPackageHandler
from gmqtt.mqtt.protocol import MQTTProtocol
from gmqtt.mqtt.utils import ConnectionState, IdGenerator
from paho.mqtt.client import Client as PahoClient

from broker_bridge.transport.aiomqtt import manual_paho


async def test_aiomqtt_private_attribute() -> None:
    paho = manual_paho(aiomqtt.Client("127.0.0.1"))
    assert isinstance(paho, PahoClient)
    assert list(inspect.signature(paho.ack).parameters) == ["mid", "qos"]
    assert paho.on_disconnect is not None, "aiomqtt learns of a disconnect here, and we behind it"
    assert paho.on_socket_close is not None


async def test_gmqtt_private_attributes() -> None:
    client = gmqtt.Client("one")
    assert client._connection is None
    assert inspect.iscoroutinefunction(gmqtt.Client._create_connection)
    protocol = MQTTProtocol(connection_state=ConnectionState(), id_generator=IdGenerator())
    assert protocol._read_loop_future is None
    assert inspect.iscoroutinefunction(protocol._read_loop)
    assert list(inspect.signature(protocol.read).parameters) == ["n"]
    assert list(inspect.signature(protocol.write_data).parameters) == ["data"]
    assert {"transport", "protocol"} <= set(inspect.signature(MQTTConnection.__init__).parameters)
    assert MQTTConnectError(5)._code == 5


async def test_gmqtt_acknowledges_late_in_mqtt_3_1_1_too() -> None:
    """It means to force early acknowledgement below MQTT 5, but looks before the version is known."""
    client = gmqtt.Client("one", optimistic_acknowledgement=False)
    handler = client._package_handler
    assert isinstance(handler, MqttPackageHandler)
    assert handler._optimistic_acknowledgement is False
    given = list(inspect.signature(handler._handle_qos_1_publish_packet).parameters)
    assert given == ["mid", "packet", "print_topic", "properties"]
    assert list(inspect.signature(handler._send_puback).parameters) == ["mid", "reason_code"]
    await asyncio.sleep(0)
