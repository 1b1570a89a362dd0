"""`baybroker doctor` tells brokers apart by trying them, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import re
import socket
import sqlite3

from program import examine
from service_world import Client, running, service

from allocator.store.aiosqlite_store import AioSqliteStore
from allocator.store.database import open_writer
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.base import ClientOptions
from broker_bridge.transport.factory import create_transport

TRIED = ("retained", "wildcard", "persistent session", "redelivery", "will", "round trip", "bursts")

NOWHERE = "mqtt://127.0.0.1:1"
"""Nothing listens on port 1, so that only the database is looked at."""


async def retained(url: str) -> list[str]:
    """What a new subscriber to everything gets before a message sent behind its subscription."""
    topics: list[str] = []
    async with create_transport("aiomqtt", parse_address(url), ClientOptions("after")) as client, asyncio.timeout(10):
        await client.wait_connected()
        await client.subscribe(["#"])
        await client.publish("mark", b"mark")
        while "mark" not in topics:
            topics += [delivery.topic for delivery in await client.receive(100)]
    return topics[:-1]


async def test_mosquitto_is_told_from_nats(private_mosquitto):
    rows = await examine("--broker", private_mosquitto.url)
    assert {rows[name]["result"] for name in TRIED} == {"ok"}
    assert rows["mqtt 5"]["measured"] == "yes"
    assert rows["broker version"]["measured"].startswith("mosquitto version 2.")
    assert await retained(private_mosquitto.url) == []


async def test_nats_is_told_from_mosquitto(private_nats):
    rows = await examine("--broker", private_nats.url)
    assert {rows[name]["result"] for name in TRIED} == {"ok"}
    assert rows["mqtt 5"]["measured"].startswith("no ")
    assert rows["broker version"]["measured"] == "not told"
    assert await retained(private_nats.url) == []


async def test_an_unreachable_broker_is_one_failure():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        rows = await examine("--broker", f"mqtt://127.0.0.1:{taken.getsockname()[1]}", code=1)
    assert [name for name, row in rows.items() if row["result"] == "fail"] == ["broker reachable"]
    assert "Connection refused" in rows["broker reachable"]["measured"]
    assert {rows[name]["result"] for name in TRIED} == {"skipped"}


async def test_the_clocks_of_a_running_city_are_compared(private_mosquitto, tmp_path):
    url = private_mosquitto.url

    def connect(options, on_connect):
        return create_transport("aiomqtt", parse_address(url), options, on_connect=on_connect)

    async with Client(connect) as client:
        async with running(service(AioSqliteStore(str(tmp_path / "city.db")), connect)):
            rows = await examine("--broker", url)
            assert rows["system clock"]["result"] == "ok"
            assert rows["world clock"]["measured"].startswith("wall: ")
            assert rows["allocator"]["result"] == "ok"
            assert re.fullmatch(
                r"seoul: online, [+-]\d{1,3} ms from this machine's clock", rows["allocator"]["measured"]
            )
        clock = {"run_id": "run-1", "tick_no": 1, "sim_time": "2026-03-02T09:01:00Z", "speed": 60, "published": 1}
        await client.say("clock", clock, retain=True)
        rows = await examine("--broker", url, "--city", "seoul")
        assert "seoul: run run-1 at 2026-03-02T09:01:00.000Z, speed 60" in rows["world clock"]["measured"]
        assert (rows["allocator"]["result"], rows["allocator"]["measured"]) == ("warn", "seoul: offline")


async def test_a_database_is_measured_and_left_alone(tmp_path):
    file = tmp_path / "city.db"
    open_writer(str(file)).close()
    before = file.read_bytes()
    rows = await examine("--broker", NOWHERE, "--database", file, code=1)
    assert rows["database"]["result"] == "ok"
    assert "journal_mode wal" in rows["database"]["measured"]
    assert rows["quick_check"]["measured"].startswith("ok in")
    assert "synchronous full, foreign_keys on" in rows["commit time"]["measured"]
    assert file.read_bytes() == before
    assert not list(tmp_path.glob(".baybroker-doctor-*"))


async def test_a_database_that_is_none_of_ours_fails(tmp_path):
    foreign, damaged, missing = (tmp_path / name for name in ("foreign.db", "damaged.db", "missing.db"))
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    damaged.write_bytes(b"not a database " * 1000)
    for file, said in ((foreign, "not an allocator's"), (damaged, "not a database"), (missing, "does not exist")):
        rows = await examine("--broker", NOWHERE, "--database", file, code=1)
        assert rows["database"]["result"] == "fail"
        assert said in rows["database"]["measured"]
