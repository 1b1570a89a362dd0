"""`baybroker tap`, `bays`, `gateways` and `scenario`, run as programs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal

from program import TIMEOUT_S, baybroker, one_line, start
from service_world import ROOT, Client, running, service

from allocator.domain.events import BaySpec
from allocator.store.aiosqlite_store import AioSqliteStore
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.factory import create_transport

SPEC = BaySpec(bay="b-1", zone="z-1", lat=37.45, lon=126.9, gateway="gw-1", resident="res-1", needs=())
CSV = "bay,zone,lat,lon,gateway,resident,needs\nb-1,z-1,37.45,126.9,gw-1,res-1,ev large\nb-2,z-1,37.46,126.9,gw-2,,\n"


def connect_to(url: str):
    return lambda options, on_connect: create_transport("aiomqtt", parse_address(url), options, on_connect=on_connect)


@contextlib.asynccontextmanager
async def tapping(broker, *arguments: object):
    """Run a tap that has already shown a retained message, so that it surely listens."""
    async with Client(connect_to(broker.url)) as client:
        await client.sense(SPEC, "free")
        process = await start("tap", "--broker", broker.url, "--json", *arguments)
        try:
            first = json.loads(await asyncio.wait_for(process.stdout.readline(), TIMEOUT_S))
            yield client, process, first
            assert await asyncio.wait_for(process.wait(), TIMEOUT_S) == 0
            assert (await process.stderr.read()) == b""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_tap_shows_what_is_valid_and_what_is_not(private_mosquitto):
    async with tapping(private_mosquitto, "--count", 3) as (client, process, first):
        assert first["kind"] == "occupancy"
        assert first["names"] == {"gateway": "gw-1", "zone": "z-1", "bay": "b-1"}
        assert first["retained"] is True
        assert first["payload"]["status"] == "free"
        await client.sense(SPEC, "occupied")
        await client.say("clock", b"{")
        second, third = [json.loads(await process.stdout.readline()) for _ in range(2)]
        assert (second["retained"], second["payload"]["status"]) == (False, "occupied")
        assert third["kind"] == "clock"
        assert third["error"].startswith("not_json")
        assert "payload" not in third


async def test_tap_takes_a_filter_below_the_city(private_mosquitto):
    async with tapping(private_mosquitto, "gateways/+/bays/#", "--city", "seoul", "--count", 2) as (client, process, _):
        await client.say("clock", b"{")
        await client.sense(SPEC, "occupied")
        assert json.loads(await process.stdout.readline())["kind"] == "occupancy"


async def test_tap_ends_cleanly_on_ctrl_c(private_mosquitto):
    async with tapping(private_mosquitto) as (_, process, _first):
        process.send_signal(signal.SIGINT)


async def test_tap_ends_cleanly_when_nobody_reads_any_more(private_mosquitto):
    async with tapping(private_mosquitto) as (client, process, _):
        process._transport.get_pipe_transport(1).close()
        await client.sense(SPEC, "occupied")


async def test_the_register_is_filled_read_and_thinned(private_mosquitto, tmp_path):
    url, database, file = private_mosquitto.url, tmp_path / "city.db", tmp_path / "bays.csv"
    file.write_text(CSV)
    at = ("--broker", url)
    async with (
        running(service(AioSqliteStore(str(database)), connect_to(url))),
        Client(connect_to(url)) as client,
    ):
        added = await baybroker("bays", "add", file, *at, "--json")
        assert added.json() == {"city": "seoul", "registered": 2}, added
        listed = (await baybroker("bays", "list", "--database", database, "--json")).json()
        assert [(row["bay"], row["gateway"], row["resident"], row["needs"]) for row in listed] == [
            ("b-1", "gw-1", "res-1", ["ev", "large"]),
            ("b-2", "gw-2", None, []),
        ]
        assert {row["occupancy"] for row in listed} == {"unknown"}

        wild = BaySpec(bay="wild", zone="z-9", lat=37.45, lon=126.9, gateway="gw-9", resident=None, needs=())
        await client.sense(SPEC, "free")
        await client.sense(wild, "occupied")
        stray = await baybroker("bays", "list", "--database", database, *at, "--unregistered", "--json")
        assert [(row["bay"], row["gateway"], row["occupancy"]) for row in stray.json()] == [
            ("wild", "gw-9", "occupied")
        ]

        assert (await baybroker("bays", "retire", "b-2", *at)).out == "retired b-2 in seoul\n"
        assert "bay_unknown" in one_line(await baybroker("bays", "retire", "b-2", *at))
        gateways = (await baybroker("gateways", "list", "--database", database, "--json")).json()
        assert [(row["gateway"], row["bays"]) for row in gateways] == [("gw-1", 1)]


async def test_a_command_that_nobody_answers_is_one_clear_error(private_mosquitto):
    said = one_line(await baybroker("bays", "retire", "b-1", "--broker", private_mosquitto.url))
    assert f"no answer on {ROOT}/operators/op-cli/reply within 10 s" in said


async def test_scenarios_are_listed_shown_and_checked(tmp_path):
    listed = {row["name"]: row for row in (await baybroker("scenario", "list", "--json")).json()}
    assert listed["tiny"] == {
        "name": "tiny", "bays": 12, "zones": 1, "city": "tiny", "error": None,
        "start": "2026-03-02T09:00:00 Asia/Seoul",
    }  # fmt: skip
    assert "bays 12\n" in (await baybroker("scenario", "show", "tiny")).out
    shown = await baybroker("scenario", "show", "tiny", "--file")
    assert (await baybroker("scenario", "show", "tiny", "--json")).json()["squatters"]["stay_mean_min"] == 40.0

    own = tmp_path / "own.toml"
    own.write_text(shown.out)
    assert "right: 12 bays" in (await baybroker("scenario", "check", own)).out
    own.write_text(shown.out.replace("bays = 12\n", "bays = -1\n"))
    wrong = await baybroker("scenario", "check", own)
    assert (wrong.code, wrong.err) == (
        2, f"{own}:13: zones.0.bays: Input should be greater than or equal to 1\n",
    )  # fmt: skip
