"""`baybroker doctor` tells brokers apart by trying them, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import re
import socket
import sqlite3

from brokers import need
from program import examine
from service_world import Client, running, service

from allocator.store.aiosqlite_store import AioSqliteStore
from allocator.store.database import open_writer
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.base import ClientOptions
from broker_bridge.transport.embedded import start_broker
from broker_bridge.transport.factory import create_transport

TRIED = ("retained", "wildcard", "persistent session", "redelivery", "will", "round trip", "bursts")

CAPABILITIES = ("qos", "session queue", "$share", "topic alphabet", "overlapping", "$SYS", "# hides $SYS")

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


def told(rows, *names):
    return [rows[name]["measured"] for name in names]


async def test_mosquitto_is_told_from_nats(private_mosquitto):
    rows = await examine("--broker", private_mosquitto.url)
    assert {rows[name]["result"] for name in (*TRIED, *CAPABILITIES)} == {"ok"}
    assert rows["mqtt 5"]["measured"] == "yes"
    assert rows["broker version"]["measured"].startswith("mosquitto version 2.")
    assert re.fullmatch(r"[1-9]\d+ topics", rows["$SYS"]["measured"])
    assert told(rows, "qos", "session queue", "$share", "topic alphabet", "overlapping") == [
        "0: yes, 1: yes, 2: yes",
        "3000 of 3000 messages kept while away: it may keep more",
        "4 of 4 messages delivered, once each",
        "delivers a full stop, a space, upper case, other scripts",
        "1 copy of a message that two subscriptions match",
    ]
    assert [rows[name]["advice"] for name in CAPABILITIES] == [""] * len(CAPABILITIES)
    assert await retained(private_mosquitto.url) == []


async def test_nats_is_told_from_mosquitto(private_nats):
    rows = await examine("--broker", private_nats.url)
    assert {rows[name]["result"] for name in TRIED} == {"ok"}
    assert rows["mqtt 5"]["measured"].startswith("no ")
    assert rows["broker version"]["measured"] == "not told"
    assert told(rows, "qos", "session queue", "$share", "topic alphabet", "overlapping", "$SYS", "# hides $SYS") == [
        "0: yes, 1: yes, 2: yes",
        "3000 of 3000 messages kept while away: it may keep more",
        "granted, but 0 of 4 messages delivered",
        "does not deliver a space",
        "2 copies of a message that two subscriptions match",
        "none",
        "no $SYS topics to hide",
    ]
    assert {name for name in CAPABILITIES if rows[name]["result"] == "warn"} == {"$share"}
    assert all("baybroker" in rows[name]["advice"] for name in ("mqtt 5", "$share", "topic alphabet", "$SYS"))
    assert "(boot_id, seq)" in rows["overlapping"]["advice"]
    assert await retained(private_nats.url) == []


async def test_mosquittos_own_settings_fall_short(tmp_path):
    defaults = "max_queued_messages 1000\nmax_inflight_messages 20\nset_tcp_nodelay false\n"
    need("mosquitto")
    async with start_broker(directory=tmp_path, prefer="mosquitto", settings=defaults) as broker:
        rows = await examine("--broker", broker.url)
    assert rows["session queue"]["result"] == "warn"
    kept = re.fullmatch(r"(\d+) of 3000 messages kept while away", rows["session queue"]["measured"])
    assert 1000 <= int(kept[1]) <= 1020
    assert "max_queued_messages" in rows["session queue"]["advice"]
    assert rows["bursts"]["result"] in {"ok", "warn"}, "on a busy machine Nagle's algorithm need not show"


async def test_an_unreachable_broker_is_one_failure():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        rows = await examine("--broker", f"mqtt://127.0.0.1:{taken.getsockname()[1]}", code=1)
    assert [name for name, row in rows.items() if row["result"] == "fail"] == ["broker reachable"]
    assert "Connection refused" in rows["broker reachable"]["measured"]
    assert {rows[name]["result"] for name in (*TRIED, *CAPABILITIES)} == {"skipped"}


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
