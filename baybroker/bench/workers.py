"""What is measured, each in its own process: `python -m baybroker.bench.workers ROLE SETTINGS`.

Ours is the allocator's service, or the simulator's connection, as they are; the peers are the plainest program on
paho-mqtt that does the same. Events are told on the standard output with the monotonic clock, which the processes
share.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from allocator.service.service import AllocatorService
from allocator.service.settings import ServiceSettings
from allocator.store.aiosqlite_store import AioSqliteStore
from allocator.store.database import open_writer
from baybroker.bench.world import CITY, occupancy_packets, rules
from broker_bridge.transport.base import BrokerAddress, ClientOptions, Delivery, OnConnect
from broker_bridge.transport.gmqtt import GmqttTransport
from broker_bridge.transport.link import turn
from sensors_sim.links import Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker_bridge.transport.base import Transport

WINDOW = 200
ECHO_SCHEMA = "CREATE TABLE echo (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL) STRICT;"


def tell(event: str) -> None:
    """Say that something has happened now."""
    sys.stdout.write(json.dumps({"event": event, "at": time.monotonic()}) + "\n")
    sys.stdout.flush()


# ---- ours


class _Observed(GmqttTransport):
    """Our transport, telling when it starts and when so many deliveries have been acknowledged.

    The service asks for the next deliveries after it has committed and acknowledged the last ones.
    """

    def __init__(self, address: BrokerAddress, options: ClientOptions, on_connect: OnConnect, expected: int) -> None:
        super().__init__(address, options, on_connect=self._settle)
        self._then, self._left = on_connect, expected
        self.settled = asyncio.Event()
        self.acknowledged = asyncio.Event()

    async def __aenter__(self) -> Self:
        tell("began")
        return await super().__aenter__()

    async def _settle(self, transport: Transport) -> None:
        await self._then(transport)
        self.settled.set()

    async def receive(self, limit: int) -> list[Delivery]:
        if self._left <= 0 and not self.acknowledged.is_set():
            await turn()  # an acknowledgement is written a few turns of the loop after it was given
            self.acknowledged.set()
        deliveries = await super().receive(limit)
        self._left -= len(deliveries)
        return deliveries


async def allocator(address: BrokerAddress, settings: dict[str, Any]) -> None:
    """Serve; with `expected` messages until they are acknowledged and the outbox is drained, else until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    transports: list[_Observed] = []

    def connect(options: ClientOptions, on_connect: OnConnect) -> Transport:
        transports.append(_Observed(address, options, on_connect, settings["expected"]))
        return transports[0]

    service = AllocatorService(
        ServiceSettings(city=CITY, version="bench", holder="bench", rules=rules()),
        AioSqliteStore(settings["database"]),
        connect,
    )
    serving = asyncio.create_task(service.run(stop), name="allocator")
    watching = asyncio.create_task(_watch(service, transports[0], settings["expected"], stop), name="watch")
    await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_EXCEPTION)
    watching.cancel()
    await serving


async def _watch(service: AllocatorService, transport: _Observed, expected: int, stop: asyncio.Event) -> None:
    if not expected:
        await transport.settled.wait()
        await service.drained()
        tell("serving")
        return
    await transport.acknowledged.wait()
    tell("acknowledged")
    await service.drained()
    tell("drained")
    stop.set()


async def publisher(address: BrokerAddress, settings: dict[str, Any]) -> None:
    """Publish with the simulator's connection."""
    packets, _ = occupancy_packets(settings["messages"], settings["bays"], time.time_ns() // 1_000_000)
    link = Link(
        ClientOptions(client_id="bench-publisher", publish_window=WINDOW),
        lambda options, on_connect: GmqttTransport(address, options, on_connect=on_connect),
    )
    async with link.transport:
        await link.transport.wait_connected()
        tell("began")
        for topic, payload in packets:
            await link.put(topic, payload, retain=True)
        await link.flush()
        tell("acknowledged")


# ---- the peers


def _paho(client_id: str, address: BrokerAddress, *, clean: bool = True) -> Client:
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean)
    client.max_inflight_messages_set(WINDOW)
    client.connect(address.host, address.port)
    connected = client.socket()
    if isinstance(connected, socket.socket):
        # Small packets would wait for the other side's TCP acknowledgement.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def bare_subscriber(address: BrokerAddress, settings: dict[str, Any]) -> None:
    """Take and acknowledge what waits, and store nothing."""
    left = settings["expected"]

    def on_message(client: Client, _data: object, _message: MQTTMessage) -> None:
        nonlocal left
        left -= 1
        if not left:
            client.disconnect()

    tell("began")
    client = _paho(settings["client_id"], address, clean=False)
    client.on_message = on_message
    client.loop_forever()
    tell("acknowledged")


def bare_publisher(address: BrokerAddress, settings: dict[str, Any]) -> None:
    """Publish with the window kept full, so that paho never has to queue what is over it."""
    packets, _ = occupancy_packets(settings["messages"], settings["bays"], time.time_ns() // 1_000_000)
    window = threading.Semaphore(WINDOW)
    client = _paho("bench-bare-publisher", address)
    client.on_publish = lambda *_: window.release()
    client.loop_start()
    tell("began")
    for topic, payload in packets:
        window.acquire()
        client.publish(topic, payload, qos=1, retain=True)
    for _ in range(WINDOW):
        window.acquire()
    tell("acknowledged")
    client.disconnect()
    client.loop_stop()


def echo(address: BrokerAddress, settings: dict[str, Any]) -> None:
    """Commit one row a message with our pragmas, then reply, until SIGTERM."""
    connection = open_writer(settings["database"], [ECHO_SCHEMA])

    def on_message(client: Client, _data: object, message: MQTTMessage) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO echo (topic, payload) VALUES (?, ?)", (message.topic, message.payload))
        connection.execute("COMMIT")
        client.publish(message.topic.replace("/request", "/reply"), message.payload, qos=1)

    client = _paho("bench-echo", address)
    client.on_message = on_message
    client.on_subscribe = lambda *_: tell("serving")
    signal.signal(signal.SIGTERM, lambda *_: client.disconnect())
    client.subscribe(settings["requests"], qos=1)
    client.loop_forever()
    connection.close()


ROLES: dict[str, Callable[[BrokerAddress, dict[str, Any]], Any]] = {
    "allocator": allocator,
    "publisher": publisher,
    "bare-subscriber": bare_subscriber,
    "bare-publisher": bare_publisher,
    "echo": echo,
}


def main() -> None:
    """Run in the role that was named."""
    role, settings = ROLES[sys.argv[1]], json.loads(sys.argv[2])
    address = BrokerAddress("127.0.0.1", settings.pop("port"))
    if asyncio.iscoroutinefunction(role):
        asyncio.run(role(address, settings))
    else:
        role(address, settings)


if __name__ == "__main__":
    main()
