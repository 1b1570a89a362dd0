"""Latency: from a driver's request to the committed reply, over the broker, one request at a time.

Method. The allocator's service, with every bay registered and offered around the clock, and an MQTT echo that commits
one row to SQLite with the same pragmas (paho-mqtt, sqlite3), each in its own process, both running all the time. One
client sends a request, waits for the reply, sends the next; blocks of requests go to one side and the other in turns,
the first of each block uncounted. Every request asks for another place, time and vehicle, and must be accepted or
rejected: the share that is accepted is told. Percentiles are taken of each block.
"""

from __future__ import annotations

import asyncio
import json
import time
from random import Random
from typing import TYPE_CHECKING

from baybroker.bench.compare import BenchError, Comparison, compare, percentile
from baybroker.bench.processes import worker
from baybroker.bench.world import CITY, filled_desk, requests, write_database
from broker_bridge.transport.base import ClientOptions
from broker_bridge.transport.factory import create_transport
from broker_bridge.wire import codec
from broker_bridge.wire.topics import TopicKind, build, subscription

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from broker_bridge.transport.base import BrokerAddress, Transport
    from broker_bridge.wire.messages import RequestBay

ECHO_CITY = "echo"
PEER_IS = "an MQTT echo that commits one row"
REPLY_WITHIN_S = 30.0
WARM_UP = 20
SEED = 7
TARGETS: tuple[tuple[float, float | None], ...] = ((50.0, None), (99.0, 3.0))
"""Percentile and how many times the peer's it may be, where that is set."""


async def latency(
    address: BrokerAddress, directory: Path, *, asked: int, bays: int, repetitions: int, said: Callable[[str], None]
) -> tuple[list[Comparison], float]:
    """Measure so many times; return the comparisons and the share of requests accepted; raises BenchError."""
    now = time.time_ns() // 1_000_000
    said(f"latency: offering {bays} bays")
    database = directory / "latency.db"
    await write_database(str(database), await asyncio.to_thread(filled_desk, bays, now, offered=True), now)
    drivers = requests(repetitions * (asked + WARM_UP) * 2, bays, now, Random(SEED))  # noqa: S311 - repeatable
    echo = subscription(TopicKind.DRIVER_REQUEST, ECHO_CITY)
    taken: dict[str, list[list[float]]] = {CITY: [], ECHO_CITY: []}
    async with (
        worker("allocator", port=address.port, database=str(database), expected=0) as ours,
        worker("echo", port=address.port, database=str(directory / "echo.db"), requests=echo) as peer,
        create_transport("gmqtt", address, ClientOptions(client_id="bench-driver")) as transport,
    ):
        said("latency: starting the allocator")
        await peer.told("serving")
        await ours.told("began")
        await ours.told("serving")
        client = _Client(transport)
        await client.listen()
        for number in range(repetitions):
            said(f"latency: repetition {number + 1} of {repetitions}")
            for city in (CITY, ECHO_CITY) if number % 2 == 0 else (ECHO_CITY, CITY):
                block = [await client.ask(city, *next(drivers)) for _ in range(asked + WARM_UP)]
                taken[city].append(block[WARM_UP:])
    return [_compared(percent, target, taken, asked, bays) for percent, target in TARGETS], client.accepted


def _compared(
    percent: float, target: float | None, taken: dict[str, list[list[float]]], asked: int, bays: int
) -> Comparison:
    ours, peer = ([percentile(block, percent) for block in taken[city]] for city in (CITY, ECHO_CITY))
    what = f"p{percent:g} from request to committed reply, {bays} bays, {asked} requests"
    return compare(what, "ms", ours, peer, peer_is=PEER_IS, bound="at most", target=target)


class _Client:
    """A driver who asks and waits. `accepted` is the share of the allocator's answers that are."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._answers: dict[str, int] = {"accepted": 0, "rejected": 0}

    @property
    def accepted(self) -> float:
        return round(self._answers["accepted"] / max(1, sum(self._answers.values())), 3)

    async def listen(self) -> None:
        """Subscribe to the replies of both sides."""
        await self._transport.subscribe([subscription(TopicKind.DRIVER_REPLY, city) for city in (CITY, ECHO_CITY)])

    async def ask(self, city: str, driver: str, request: RequestBay) -> float:
        """Return how long the answer took, in milliseconds; raises BenchError where none comes."""
        topic, payload = build(TopicKind.DRIVER_REQUEST, city, driver=driver), codec.encode(request)
        try:
            async with asyncio.timeout(REPLY_WITHIN_S):
                began = time.perf_counter()
                sent = await self._transport.send(topic, payload)
                answer = await self._answer(request.request_id)
                taken_ms = (time.perf_counter() - began) * 1000
                await sent
        except TimeoutError:
            raise BenchError(f"no reply on {topic} within {REPLY_WITHIN_S:g} s") from None
        if city == CITY:
            if answer not in self._answers:
                raise BenchError(f"a request was answered {answer!r}")
            self._answers[answer] += 1
        return taken_ms

    async def _answer(self, request_id: str) -> str:
        """Return the type of the reply to a request; what else comes (a bay that is bound) is passed over."""
        while True:
            for delivery in await self._transport.receive(1):
                delivery.ack()
                said = json.loads(delivery.payload)
                if said["request_id"] == request_id:
                    return str(said["type"])
