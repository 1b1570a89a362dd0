"""Durable ingest: how fast waiting sensor messages are committed, acknowledged, and published as bay states.

Method. Two persistent sessions at one Mosquitto subscribe to the sensors' topics and go away; the messages are
published once and wait in both. Then each side connects alone, in turns: the allocator's service (its own process,
gmqtt, SQLite with synchronous=FULL on a file) and a paho-mqtt subscriber (its own process) that only counts. The
clock runs from just before the connect to the last acknowledgement, and for the allocator on until the broker has
acknowledged every message of the outbox: a zone event for each change, and the retained states, of which a newer one
replaces one that waits. What the allocator does at every start is within its time: subscribing, and publishing every
bay's state again. Afterwards its database must hold exactly the changes that were sent, and an empty outbox.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

from allocator.store.database import open_readonly
from baybroker.bench.compare import BenchError, Comparison, compare
from baybroker.bench.processes import worker
from baybroker.bench.world import CITY, Packet, filled_desk, occupancy_packets, write_database
from broker_bridge.transport.base import ClientOptions
from broker_bridge.transport.factory import create_transport
from broker_bridge.wire.topics import TopicKind, subscription
from sensors_sim.links import Link

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from broker_bridge.transport.base import BrokerAddress

OURS, PEER = f"baybroker-allocator-{CITY}", "bench-bare-subscriber"
PEER_IS = "a paho-mqtt subscriber that stores nothing"
ACKNOWLEDGED_TARGET, DRAINED_TARGET = 0.7, 0.5


async def ingest(
    address: BrokerAddress, directory: Path, *, messages: int, bays: int, repetitions: int, said: Callable[[str], None]
) -> list[Comparison]:
    """Measure so many times and return the two comparisons; raises BenchError."""
    now = time.time_ns() // 1_000_000
    fresh = directory / "fresh.db"
    await write_database(str(fresh), await asyncio.to_thread(filled_desk, bays, now, offered=False), now)
    acknowledged, drained, bare = [], [], []
    for number in range(repetitions):
        said(f"ingest: repetition {number + 1} of {repetitions}")
        packets, changes = await asyncio.to_thread(occupancy_packets, messages, bays, time.time_ns() // 1_000_000)
        await _put_in_line(address, packets)
        database = directory / f"ingest-{number}.db"
        shutil.copy(fresh, database)
        for side in ("ours", "peer") if number % 2 == 0 else ("peer", "ours"):
            if side == "ours":
                first_s, last_s = await _allocator(address, database, messages)
                acknowledged.append(messages / first_s)
                drained.append(messages / last_s)
            else:
                bare.append(messages / await _subscriber(address, messages))
        await _check(database, changes)
    unit = "messages/s"
    return [
        compare(
            f"ingest of {messages} messages until the last is acknowledged", unit, acknowledged, bare,
            peer_is=PEER_IS, bound="at least", target=ACKNOWLEDGED_TARGET,
        ),
        compare(
            f"ingest of {messages} messages until the outbox is drained", unit, drained, bare,
            peer_is=PEER_IS, bound="at least", target=DRAINED_TARGET,
        ),
    ]  # fmt: skip


async def _put_in_line(address: BrokerAddress, packets: list[Packet]) -> None:
    """Have both sessions subscribe and leave, and publish what they will find."""
    for client_id in (OURS, PEER):
        async with create_transport("gmqtt", address, ClientOptions(client_id=client_id, persistent=True)) as transport:
            await transport.subscribe([subscription(TopicKind.OCCUPANCY, CITY)])
    link = Link(
        ClientOptions(client_id="bench-source"),
        lambda options, on_connect: create_transport("gmqtt", address, options, on_connect=on_connect),
    )
    async with link.transport:
        await link.transport.wait_connected()
        for topic, payload in packets:
            await link.put(topic, payload)
        await link.flush()


async def _allocator(address: BrokerAddress, database: Path, messages: int) -> tuple[float, float]:
    async with worker("allocator", port=address.port, database=str(database), expected=messages) as ours:
        began, acknowledged = await ours.told("began"), await ours.told("acknowledged")
        drained = await ours.told("drained")
        await ours.ended()
    return acknowledged - began, drained - began


async def _subscriber(address: BrokerAddress, messages: int) -> float:
    async with worker("bare-subscriber", port=address.port, client_id=PEER, expected=messages) as peer:
        began, acknowledged = await peer.told("began"), await peer.told("acknowledged")
        await peer.ended()
    return acknowledged - began


async def _check(database: Path, changes: int) -> None:
    def count() -> tuple[int, int]:
        connection = open_readonly(database)
        try:
            (events,) = connection.execute("SELECT COUNT(*) FROM event WHERE type = 'occupancy_changed'").fetchone()
            (waiting,) = connection.execute("SELECT COUNT(*) FROM outbox").fetchone()
        finally:
            connection.close()
        return events, waiting

    events, waiting = await asyncio.to_thread(count)
    if (events, waiting) != (changes, 0):
        raise BenchError(f"{changes} changes were sent: {events} are in the database, {waiting} messages in its outbox")
