"""Many listeners on the live stream, each cut off and resumed at random: does everyone see every event once?

    python examples/stream_clients.py [--clients 200] [--seconds 60] [--json]

It starts an allocator, a server and sensors that never rest, in one process on 127.0.0.1, and prints what was seen.
The exit code is 0 where every client saw every published event exactly once and in order.
"""  # noqa: INP001 - a program

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sqlite3
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from allocator.core import Settings
from allocator.domain.events import BaySpec
from allocator.service.service import AllocatorService
from allocator.service.settings import ServiceSettings
from allocator.store.aiosqlite_store import AioSqliteStore
from baybroker.web.service import WebService
from baybroker.web.settings import WebSettings
from broker_bridge.transport.base import ClientOptions
from broker_bridge.transport.memory import MemoryBroker, MemoryTransport
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import Occupancy
from broker_bridge.wire.topics import TopicKind

CITY, ZONES, BAYS = "seoul", 4, 200
EVENT_EVERY_S = 0.05
CUT_AFTER_S = (0.2, 6.0)
CUT_AFTER_BYTES = (200, 200_000)
BYTES_AT_ONCE = 4_096
CATCH_UP_S = 120.0


@dataclass(slots=True)
class Listener:
    """One client: where it is, what it saw, and whether that was once and in order."""

    began_at: int | None = None
    last: int = 0
    seen: list[int] = field(default_factory=list)
    cuts: int = 0
    cut_inside: int = 0
    """How often it was cut in the middle of a frame."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    clients: int
    seconds: float
    events: int
    resumed: int
    cut_inside_a_frame: int
    seen: int
    missed: int
    repeated: int
    out_of_order: int

    @property
    def good(self) -> bool:
        """Whether everyone saw everything once."""
        return not (self.missed or self.repeated or self.out_of_order) and self.events > 0


async def listen(url: str, listener: Listener, rng: Random, goal: list[int]) -> None:
    """Listen, be cut off at a random byte, and come again with the last id; in peace once there is a goal to reach."""
    while not (goal and listener.last >= goal[0]):
        cut_after_s = None if goal else rng.uniform(*CUT_AFTER_S)
        budget = sys.maxsize if goal else rng.randint(*CUT_AFTER_BYTES)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(cut_after_s):
                await _read(url, listener, budget, goal)
        listener.cuts += 1


async def _read(url: str, listener: Listener, budget: int, goal: list[int]) -> None:
    """Read so many bytes at most."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    resume = f"Last-Event-ID: {listener.last}\r\n" if listener.began_at is not None else ""
    rest = b""
    try:
        writer.write(f"GET /api/v1/stream HTTP/1.0\r\nHost: {parts.netloc}\r\n{resume}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        while piece := await reader.read(min(budget, BYTES_AT_ONCE)):
            budget -= len(piece)
            *whole, rest = (rest + piece).split(b"\n\n")
            for frame in whole:
                _take(frame, listener)
            if goal and listener.last >= goal[0]:
                return
    finally:
        listener.cut_inside += bool(rest)
        writer.transport.abort()


def _take(frame: bytes, listener: Listener) -> None:
    """Do what a browser does: a frame counts once it is whole, and its id is remembered then."""
    fields = dict(line.split(b": ", 1) for line in frame.split(b"\n") if b": " in line and not line.startswith(b":"))
    if fields.get(b"event") == b"events":
        listener.seen += [int(event["id"]) for event in json.loads(fields[b"data"])["events"]]
    if b"id" in fields:
        listener.last = int(fields[b"id"])
        if listener.began_at is None:
            listener.began_at = listener.last


async def sense(transport: MemoryTransport, stop: asyncio.Event) -> None:
    """Have sensors say something else, so many times a second, until `stop`."""
    boot_id, began_at, said = time.time_ns() // 1_000_000, time.monotonic(), 0
    while not stop.is_set():
        while said * EVENT_EVERY_S < time.monotonic() - began_at:
            number = said % BAYS
            topic = topics.build(TopicKind.OCCUPANCY, CITY, gateway="gw-1", zone=f"z{number % ZONES}", bay=f"b{number}")
            status: Any = "occupied" if said // BAYS % 2 else "free"
            now = time.time_ns() // 1_000_000
            word = Occupancy(boot_id=boot_id, seq=said // BAYS, observed_at=now, status=status)
            await transport.send(topic, codec.encode(word), retain=True)
            said += 1
        await asyncio.sleep(EVENT_EVERY_S)


async def run(clients: int, seconds: float, seed: int, folder: Path) -> Outcome:
    """Run it all for so long, let everyone catch up, and compare with the database."""
    database, broker = folder / "stream.db", MemoryBroker()
    connect = lambda options, on_connect: MemoryTransport(broker, options, on_connect=on_connect)  # noqa: E731
    specs = tuple(
        BaySpec(bay=f"b{n}", zone=f"z{n % ZONES}", lat=37.48, lon=126.95 + n / 10_000, gateway="gw-1")
        for n in range(BAYS)
    )
    rules = ServiceSettings(city=CITY, version="example", holder="example", rules=Settings(), register=specs)
    allocator = AllocatorService(rules, AioSqliteStore(str(database)), connect)
    settings = WebSettings(database=database, tokens=folder / "tokens.json", city=CITY, port=0, rate_per_s=0)
    web, stop, quiet = WebService(settings, connect), asyncio.Event(), asyncio.Event()
    listeners = [Listener() for _ in range(clients)]
    goal: list[int] = []

    async with asyncio.TaskGroup() as group:
        group.create_task(allocator.run(stop), name="allocator")
        await allocator.serving.wait()
        group.create_task(web.run(stop), name="web")
        await web.serving.wait()
        async with MemoryTransport(broker, ClientOptions(client_id="sensors")) as sensors:
            await sensors.wait_connected()
            sensing = asyncio.create_task(sense(sensors, quiet), name="sensors")
            listening = [
                asyncio.create_task(
                    listen(web.url, listener, Random(f"{seed}/{n}"), goal),  # noqa: S311 - seeded
                    name=f"listener-{n}",
                )
                for n, listener in enumerate(listeners)
            ]
            await asyncio.sleep(seconds)
            quiet.set()
            await sensing
            await allocator.drained()
            goal.append(published(database)[-1])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*listening), CATCH_UP_S)
        stop.set()
    return judge([position for position in published(database) if position <= goal[0]], listeners, seconds)


def published(database: Path) -> list[int]:
    """Return the positions of all published events, from the database."""
    with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        sql = "SELECT position FROM event WHERE event_no IS NOT NULL ORDER BY position"
        return [position for (position,) in connection.execute(sql)]


def judge(events: list[int], listeners: list[Listener], seconds: float) -> Outcome:
    """Compare what each saw with what was published after it began."""
    missed = repeated = out_of_order = 0
    for listener in listeners:
        began_at = listener.began_at if listener.began_at is not None else 0
        due = {position for position in events if position > began_at}
        missed += len(due - {*listener.seen}) if listener.began_at is not None else len(events)
        repeated += len(listener.seen) - len({*listener.seen})
        out_of_order += listener.seen != sorted(listener.seen)
    return Outcome(
        clients=len(listeners),
        seconds=seconds,
        events=len(events),
        resumed=sum(listener.cuts for listener in listeners),
        cut_inside_a_frame=sum(listener.cut_inside for listener in listeners),
        seen=sum(len(listener.seen) for listener in listeners),
        missed=missed,
        repeated=repeated,
        out_of_order=out_of_order,
    )


def main() -> None:
    """Run it as a program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="baybroker-stream-") as folder:
        outcome = asyncio.run(run(wanted.clients, wanted.seconds, wanted.seed, Path(folder)))
    if wanted.json:
        sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
    else:
        sys.stdout.writelines(f"{name:>20} {value}\n" for name, value in asdict(outcome).items())
    sys.exit(not outcome.good)


if __name__ == "__main__":
    main()
