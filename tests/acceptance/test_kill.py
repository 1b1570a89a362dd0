"""kill -9 at random moments under load, on a real Mosquitto, with the installed program as its own process."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import signal
import sqlite3
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deskwork import LAT, LON
from service_world import Client, request, wall

from baybroker.verify import verify_history
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.factory import create_transport

if TYPE_CHECKING:
    from brokers import EmbeddedBroker

PROGRAM = Path(sys.executable).with_name("baybroker")
KILLS, BROKER_KILLS = 20, 4
BAYS = 30
REPEAT_S = 0.5
BURST = 10


class Town(Client):
    """Sensors and drivers that never stop: every sensor's word is counted once the broker has it."""

    def __init__(self, connect: Any, seed: int) -> None:
        super().__init__(connect, "town")
        self.rng = random.Random(seed)
        self.numbers: dict[int, int] = defaultdict(int)
        self.sent: dict[int, list[tuple[int, str]]] = defaultdict(list)
        self.acknowledged: dict[int, list[tuple[int, str]]] = defaultdict(list)
        self.asked: dict[str, dict[str, Any]] = {}
        self.progress = 0

    def topic(self, bay: int) -> str:
        return f"gateways/gw-1/bays/z{bay % 3}/b{bay}/occupancy"

    async def register(self) -> None:
        bays = [
            {"bay": f"b{n}", "zone": f"z{n % 3}", "lat": LAT + n * 1e-5, "lon": LON, "gateway": "gw-1",
             "resident": f"res-b{n}"}
            for n in range(BAYS)
        ]  # fmt: skip
        command = {"type": "register", "request_id": "register", "bays": bays}
        await self.say("operators/op-1/command", command)
        await self.until(lambda: self.last("operators/op-1/reply"))
        for n in range(BAYS):
            offer = {"type": "weekly", "request_id": f"o{n}", "bay": f"b{n}", "rrule": "FREQ=DAILY",
                     "start": "00:00", "end": "24:00"}  # fmt: skip
            await self.say(f"residents/res-b{n}/offer", offer)
        await self.until(lambda: all(self.last(f"residents/res-b{n}/notice") for n in range(BAYS)))

    async def sense(self, bay: int, status: str) -> None:
        """Say it until the broker has it: the same message again is a duplicate that changes nothing."""
        number = self.numbers[bay]
        self.numbers[bay] += 1
        self.sent[bay].append((number, status))
        message = {"boot_id": self.boot_id, "seq": number, "observed_at": wall(), "status": status}
        await self.say(self.topic(bay), message, retain=True)
        self.acknowledged[bay].append((number, status))
        self.progress += 1

    async def ask(self, driver: str, message: dict[str, Any]) -> dict[str, Any]:
        """Ask until there is an answer, with the same request_id."""
        request_id = message["request_id"]
        self.asked[request_id] = message
        while True:
            await self.say(f"drivers/{driver}/request", message)
            with contextlib.suppress(TimeoutError):
                answer: dict[str, Any] = await self.until(lambda: self.answer(driver, request_id), REPEAT_S)
                self.progress += 1
                return answer

    async def sensors(self, stop: asyncio.Event) -> None:
        """Report changes in bursts, each after some sign of life, so that drivers are heard between them."""
        for burst in itertools.count():
            if stop.is_set():
                return
            if burst % BURST == 0:
                async with self._news:
                    await self._news.wait()
            bay = self.rng.randrange(BAYS)
            last = self.sent[bay][-1][1] if self.sent[bay] else "occupied"
            await self.sense(bay, "free" if last == "occupied" else "occupied")

    async def driver(self, name: str, stop: asyncio.Event) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            lead_s = self.rng.choice([0, 1800, 3600])
            asked = request(lead_s=lead_s, stay_min=10, request_id=f"{name}-{number}", vehicle_id=name)
            answer = await self.ask(name, asked)
            if answer["type"] == "accepted":
                said = {"type": "cancel", "reservation_id": answer["reservation_id"]}
                await self.ask(name, said | {"request_id": f"{name}-{number}-c"})

    async def past(self, progress: int) -> None:
        """Wait until so much has happened."""
        async with asyncio.timeout(60):
            while self.progress < progress:
                await asyncio.sleep(0)
                async with self._news:
                    await self._news.wait()


class Allocator:
    """The installed program as a process."""

    def __init__(self, broker: EmbeddedBroker, directory: Path) -> None:
        self.database = directory / "allocator.db"
        self.log = directory / "allocator.log"
        self._arguments = ["allocate", "--broker", broker.url, "--database", str(self.database), "--city", "seoul"]
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(PROGRAM, *self._arguments, stdout=log, stderr=log)

    async def kill(self) -> None:
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)


@pytest.fixture
async def world(private_mosquitto, tmp_path):
    address = parse_address(private_mosquitto.url)
    allocator = Allocator(private_mosquitto, tmp_path)
    await allocator.start()
    town = Town(lambda options, on: create_transport("gmqtt", address, options, on_connect=on), seed=7)
    async with town:
        try:
            await town.until(lambda: (town.last("allocator/status") or {}).get("online"))
            await town.register()
            yield town, allocator, private_mosquitto
        finally:
            if allocator.process and allocator.process.returncode is None:
                await allocator.kill()


@contextlib.asynccontextmanager
async def load(town: Town):
    """Keep everybody busy, and let everybody finish what they began."""
    stop = asyncio.Event()
    busy = [asyncio.create_task(town.sensors(stop), name="sensors")]
    busy += [asyncio.create_task(town.driver(f"drv-{n}", stop), name=f"drv-{n}") for n in range(6)]
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*busy), 100)


def answers_in(database: Path) -> dict[str, dict[str, Any]]:
    connection = sqlite3.connect(database)
    rows = connection.execute("select request_id, payload from answer where party like 'drivers/%'").fetchall()
    connection.close()
    return {request_id: json.loads(payload) for request_id, payload in rows}


def changes_in(database: Path) -> dict[int, list[tuple[int, str]]]:
    connection = sqlite3.connect(database)
    found: dict[int, list[tuple[int, str]]] = defaultdict(list)
    sql = "select bay, seq, status, late from occupancy_change order by position"
    for bay, number, status, late in connection.execute(sql):
        assert not late
        found[int(bay[1:])].append((number, status))
    connection.close()
    return found


async def settle(town: Town) -> None:
    """Wait until the allocator has dealt with all that came before."""
    for bay in range(BAYS):
        await town.sense(bay, "unknown")
    await town.until(lambda: all(shows(town, bay) == "unknown" for bay in range(BAYS)))


def shows(town: Town, bay: int) -> str | None:
    state = town.last(f"bays/z{bay % 3}/b{bay}/state")
    return state["status"] if state else None


def is_right(town: Town, bay: int, truth: str) -> bool:
    """A bay that was just left still shows its guest for a minute: the sensor may have flickered."""
    state = town.last(f"bays/z{bay % 3}/b{bay}/state") or {"status": None}
    expected = {"free": {"available", "reserved"}, "occupied": {"occupied", "contested"}, "unknown": {"unknown"}}
    just_left = truth == "free" and state["status"] == "occupied" and "reservation_id" in state
    return state["status"] in expected[truth] or just_left


def check_answers(town: Town, committed: dict[str, dict[str, Any]]) -> None:
    """Everything asked was answered, and what was heard is what was committed, each time it was said."""
    assert committed.keys() == town.asked.keys()
    for topic, said in town.heard:
        if topic.endswith("/reply") and topic.startswith("drivers/") and said["request_id"] in committed:
            answer = committed[said["request_id"]]
            if said["type"] in ("accepted", "rejected"):
                assert said == answer


@pytest.mark.timeout(240)
async def test_killing_the_allocator_loses_nothing(world):
    town, allocator, _ = world
    async with load(town):
        for _ in range(KILLS):
            await town.past(town.progress + town.rng.randrange(20, 200))
            await allocator.kill()
            await allocator.start()
    await settle(town)
    assert await allocator.stop() == 0, allocator.log.read_text()
    assert changes_in(allocator.database) == town.acknowledged == town.sent
    check_answers(town, answers_in(allocator.database))
    report = verify_history(allocator.database)
    assert report.violations == []
    assert report.counters.accepted > KILLS


@pytest.mark.timeout(240)
async def test_killing_the_broker_loses_no_answer_and_a_heartbeat_sets_every_bay_right(world):
    town, allocator, broker = world
    truth = {}
    async with load(town):
        for _ in range(BROKER_KILLS):
            await town.past(town.progress + town.rng.randrange(50, 200))
            await broker.kill()
            await broker.restart()
            await town.past(town.progress + 20)
    for bay in range(BAYS):
        truth[bay] = town.sent[bay][-1][1] if town.sent[bay] else "unknown"
        await town.sense(bay, truth[bay])
    await town.until(lambda: all(is_right(town, bay, truth[bay]) for bay in range(BAYS)))
    assert await allocator.stop() == 0, allocator.log.read_text()
    check_answers(town, answers_in(allocator.database))
    assert verify_history(allocator.database).violations == []
    with contextlib.closing(sqlite3.connect(allocator.database)) as connection:
        assert dict(connection.execute("select bay, occupancy from bay")) == {f"b{n}": truth[n] for n in range(BAYS)}


async def test_a_second_program_on_the_same_database_says_so_in_one_line(world, tmp_path):
    _, allocator, broker = world
    second = Allocator(broker, tmp_path)
    second.log = tmp_path / "second.log"
    await second.start()
    assert await asyncio.wait_for(second.process.wait(), 30) == 2
    lines = [line for line in second.log.read_text().splitlines() if line.startswith("baybroker:")]
    assert len(lines) == 1
    assert "another allocator" in lines[0].lower()
    assert allocator.process.returncode is None
