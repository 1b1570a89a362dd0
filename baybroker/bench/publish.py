"""Publishing: the simulator's connection against bare paho-mqtt, QoS 1, retained, at most 200 not acknowledged.

Method. Each side is a process of its own that publishes the same messages to one Mosquitto, in turns. Topics and
payloads are ready before the clock starts; it runs, connected, from the first message to the last acknowledgement.
The peer's program keeps its window full by itself, so that paho never has to queue what is over the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from baybroker.bench.compare import Comparison, compare
from baybroker.bench.processes import worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker_bridge.transport.base import BrokerAddress

ROLES = ("publisher", "bare-publisher")
TARGET = 2.0


async def publish(
    address: BrokerAddress, *, messages: int, bays: int, repetitions: int, said: Callable[[str], None]
) -> list[Comparison]:
    """Measure so many times and return the comparison; raises BenchError."""
    rates: dict[str, list[float]] = {role: [] for role in ROLES}
    for number in range(repetitions):
        said(f"publish: repetition {number + 1} of {repetitions}")
        for role in ROLES if number % 2 == 0 else reversed(ROLES):
            async with worker(role, port=address.port, messages=messages, bays=bays) as side:
                began, acknowledged = await side.told("began"), await side.told("acknowledged")
                await side.ended()
            rates[role].append(messages / (acknowledged - began))
    ours, peer = (rates[role] for role in ROLES)
    what = f"publishing {messages} retained messages, window 200"
    return [
        compare(what, "messages/s", ours, peer, peer_is="bare paho-mqtt", bound="at least", target=TARGET),
    ]
