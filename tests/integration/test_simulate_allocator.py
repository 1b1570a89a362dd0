"""The simulator and the real allocator together: what is observed and asked ends up in the database."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections import Counter
from datetime import date

import pytest
from brokers import mosquitto, need  # noqa: F401 - a fixture
from service_world import running
from sim_world import HOUR, MINUTE, scenario

from allocator.service.service import AllocatorService
from allocator.service.settings import ServiceSettings
from allocator.store.sqlite3_store import Sqlite3Store
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.embedded import start_broker
from broker_bridge.transport.factory import create_transport
from broker_bridge.transport.memory import MemoryBroker, MemoryTransport
from sensors_sim.replay import Replay, ReplaySettings
from sensors_sim.runner import SimulateSettings, simulate

STAYS = """bay,arrived_at,departed_at
home-1,2022-10-02T20:00:00,2022-10-03T08:00:00
home-1,2022-10-03T18:30:00,2022-10-04T07:45:00
home-2,2022-10-03T10:15:00,2022-10-03T11:00:00
home-2,2022-10-03T11:00:00,2022-10-03T13:00:00
home-3,2022-11-03T09:15:00,2022-11-03T10:00:00
"""


@pytest.fixture
def in_process():
    broker = MemoryBroker()
    return lambda options, on_connect: MemoryTransport(broker, options, on_connect=on_connect)


@pytest.fixture
async def over_a_narrow_window(tmp_path):
    """A Mosquitto that sends a client no more than 20 messages before it acknowledges one, as it does by default."""
    need("mosquitto")
    async with start_broker(directory=tmp_path, prefer="mosquitto", settings="max_inflight_messages 20\n") as broker:
        address = parse_address(broker.url)
        yield lambda options, on_connect: create_transport("gmqtt", address, options, on_connect=on_connect)


@pytest.fixture
def over_tcp(mosquitto):  # noqa: F811 - the fixture
    address = parse_address(mosquitto.url)
    return lambda options, on_connect: create_transport("gmqtt", address, options, on_connect=on_connect)


def changes_in(database):
    """The committed changes of bays whose state was known before."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT payload FROM event WHERE type = 'occupancy_changed'").fetchall()
    return [change for (payload,) in rows if (change := json.loads(payload))["before"] != "unknown"]


def an_allocator(path, connect, city):
    settings = ServiceSettings(city=city, version="test", holder="test", simulated_clock=True)
    return AllocatorService(settings, Sqlite3Store(path), connect)


async def test_every_change_of_a_replay_is_in_the_database(tmp_path, in_process):
    file, database = tmp_path / "stays.csv", str(tmp_path / "a.db")
    file.write_text(STAYS)
    settings = ReplaySettings(file=file, from_day=date(2022, 10, 3), days=1, requests_per_day=60)
    async with running(an_allocator(database, in_process, "replay")):
        result = await Replay(settings, in_process).run(asyncio.Event())
    changes = changes_in(database)
    assert Counter(change["status"] for change in changes) == {"occupied": 3, "free": 3}
    assert not any(change.get("late") or change.get("clock_off") for change in changes)
    assert (result["occupied_at_start"], result["arrivals"], result["departures"]) == (1, 3, 3)
    assert result["offers"] == 3
    assert result["accepted"] > 5
    assert result["completed"] > 0
    assert result["requests"] == result["accepted"] + result["rejected"]


async def test_two_simulated_hours_over_mosquitto_bring_drivers_to_bays(tmp_path, over_tcp):
    rules = scenario(
        city="sim-over-tcp",
        bays=30,
        offers={"weekly_share": 1.0},
        drivers={"requests_per_hour": 20.0, "short_share": 0.7, "first_short": 3},
        squatters={"per_bay_day": 2.0},
    )
    async with running(an_allocator(str(tmp_path / "a.db"), over_tcp, rules.city)):
        settings = SimulateSettings(
            scenario=rules, speed=0.0, until_ms=rules.start_ms + 2 * HOUR + MINUTE, operator="op-sim"
        )
        summary = await simulate(settings, over_tcp, asyncio.Event())
    assert (summary.ticks, summary.bays, summary.given_up) == (121, 30, 0)
    assert summary.acknowledged == summary.published
    assert min(summary.accepted, summary.bound, summary.active, summary.completed) > 0


async def test_more_gateways_than_the_broker_sends_at_once_do_not_keep_the_clock_from_the_allocator(
    tmp_path, over_a_narrow_window
):
    """The allocator is there first: it hears of the gateways before it knows what time it is."""
    rules = scenario(city="narrow", bays=30, bays_per_gateway=1, offers={"weekly_share": 1.0})
    settings = SimulateSettings(
        scenario=rules, speed=0, until_ms=rules.start_ms + 10 * MINUTE, operator="op-sim", duration_s=20.0
    )
    async with running(an_allocator(str(tmp_path / "a.db"), over_a_narrow_window, "narrow")):
        summary = await simulate(settings, over_a_narrow_window, asyncio.Event())
    assert (summary.ticks, summary.offers) == (10, 30)
