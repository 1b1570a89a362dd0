"""`baybroker simulate` as a load test: what a person and another program get to read."""

from __future__ import annotations

import asyncio

import pytest
from brokers import private_mosquitto  # noqa: F401 - a fixture
from program import TIMEOUT_S, baybroker, one_line, start

SCENARIO = """
city = "load"
start = 2026-03-02T09:00:00
[[zones]]
name = "street"
lat = 37.4842
lon = 126.9296
bays = 40
[drivers]
background_share = 1.0
requests_per_hour = 60
short_share = 1.0
[sensors]
duplicate_share = 0.02
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "load.toml"
    path.write_text(SCENARIO)
    return path


async def test_a_flood_needs_only_a_broker_and_ends_with_a_report(private_mosquitto, scenario):  # noqa: F811
    flood = ("simulate", "--broker", private_mosquitto.url, "--scenario", scenario, "--speed", "flood", "--limit", 900)
    told = (await baybroker(*flood, "--json")).json()
    load = told["load"]
    assert (load["sent"], load["acknowledged"], load["delivered"]) == (900, 900, 900)
    assert (load["lost"], load["duplicates"], load["reordered"], load["resent"], load["others"]) == (0, 0, 0, 0, 0)
    assert load["sent_twice"] > 0
    assert 0 < load["to_deliver"]["p50_ms"] <= load["to_deliver"]["p90_ms"] <= load["to_deliver"]["max_ms"]
    assert load["rate_per_s"] > 0 < load["busiest_second"] <= 900
    assert told["occupancy_messages"] + told["device_messages"] == 900
    assert (told["requests"], told["offers"]) == (0, 0), "nobody is there to answer"

    table = (await baybroker(*flood)).out
    for line in ("sent                 900", "acknowledged         900", "lost                 0", "p99"):
        assert line in table, table


async def test_beside_an_allocator_the_lag_is_told(private_mosquitto, scenario, tmp_path):  # noqa: F811
    at = ("--broker", private_mosquitto.url, "--scenario", scenario)
    allocator = await start("allocate", *at, "--clock", "mqtt", "--database", tmp_path / "load.db")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not (await allocator.stderr.readline()).startswith(b"ready"):
                pass
        told = (await baybroker("simulate", *at, "--speed", 300, "--duration", "6s", "--json")).json()
    finally:
        allocator.terminate()
        await allocator.communicate()
    assert told["lag_max_ms"] >= told["lag_ms"] >= 0
    assert told["ticks"] > 0 < told["accepted"]
    assert told["load"]["sent"] == told["load"]["delivered"] == told["occupancy_messages"] + told["device_messages"]


async def test_without_an_end_nothing_is_measured_and_bad_values_are_one_line(scenario):
    for arguments, reason in (
        (("--speed", "fast"), "--speed 'fast': write a number up to 3600, or max"),
        (("--credentials", scenario), "line 2 is no user:password"),
        (("--duration", "soon"), "'soon' is no duration"),
    ):
        assert reason in one_line(await baybroker("simulate", "--scenario", scenario, *arguments))
    assert (await baybroker("simulate", "--limit", 0)).code == 2
