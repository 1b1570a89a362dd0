"""The server on a real broker that goes away and comes back; and the programs `serve` and `token`."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from program import baybroker, one_line, start
from service_world import Client, request, running, service
from web_world import BAYS, Town, made_tokens, serving, web_settings

from allocator.store.aiosqlite_store import AioSqliteStore
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.factory import create_transport

WAIT_S = 30


def connector(broker):
    address = parse_address(broker.url)
    return lambda options, on_connect: create_transport("aiomqtt", address, options, on_connect=on_connect)


@pytest.mark.timeout(180)
async def test_a_broker_that_goes_away_and_comes_back(private_mosquitto, tmp_path):
    connect, path = connector(private_mosquitto), tmp_path / "web.db"
    settings = web_settings(path)
    content, tokens = made_tokens()
    settings.tokens.write_bytes(content)
    allocator = service(AioSqliteStore(str(path)), connect, *BAYS)
    async with (
        running(allocator),
        Client(connect) as client,
        serving(settings, connect) as web,
        httpx.AsyncClient(base_url=web.url, timeout=WAIT_S) as http,
    ):
        here = Town(web, client, http, tokens)
        await here.prepare(*BAYS)
        assert (await here.book(vehicle_id="car-1"))["type"] == "accepted"
        await private_mosquitto.kill()
        await _until_ready(here, 503)
        answer = await here.post("/api/v1/requests", "driver", {**request(), "vehicle_id": "car-2"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert (await here.get("/api/v1/bays")).status_code == 200
        await private_mosquitto.restart()
        await _until_ready(here, 200)
        assert (await here.book(vehicle_id="car-2"))["type"] == "accepted"
        await here.client.sense(BAYS[3], "occupied")
        await here.shows({"b3": "contested"})


async def _until_ready(here: Town, status: int) -> None:
    async with asyncio.timeout(WAIT_S):
        answer = await here.get("/ready")
        while answer.status_code != status:
            answer = await here.get("/ready")


async def test_serve_and_token_as_programs(mosquitto, tmp_path):
    tokens = tmp_path / "tokens.json"
    made = await baybroker("token", "create", "operator", "op-1", "--tokens", tokens, "--json")
    token = made.json()["token"]
    listed = (await baybroker("token", "list", "--tokens", tokens, "--json")).json()
    assert [(row["role"], row["subject"]) for row in listed] == [("operator", "op-1")]
    assert token not in tokens.read_text()
    server = await start(
        "serve", "--broker", mosquitto.url, "--database", tmp_path / "none.db", "--tokens", tokens, "--port", 0
    )
    try:
        line = (await asyncio.wait_for(server.stderr.readline(), WAIT_S)).decode()
        url = next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http:
            assert (await http.get("/api/v1/session")).json()["subject"] == "op-1"
            assert (await http.get("/api/v1/operations")).status_code == 503
            revoked = await baybroker("token", "revoke", listed[0]["token_id"], "--tokens", tokens)
            assert (revoked.code, revoked.out.strip()) == (0, f"revoked {listed[0]['token_id']}")
            assert (await http.get("/api/v1/session")).status_code == 401
        taken = await baybroker("serve", "--broker", mosquitto.url, "--port", url.rsplit(":", 1)[1])
        assert "is taken" in one_line(taken)
    finally:
        server.terminate()
        await asyncio.wait_for(server.wait(), WAIT_S)
    assert server.returncode == 0


async def test_bad_tokens_are_told_in_one_line(tmp_path):
    tokens = tmp_path / "tokens.json"
    assert "begin with drv-" in one_line(await baybroker("token", "create", "driver", "res-1", "--tokens", tokens))
    assert "no token has" in one_line(await baybroker("token", "revoke", "drv-1", "--tokens", tokens))


@pytest.mark.timeout(180)
async def test_the_demo_shows_its_pages_and_ends_with_one_object(mosquitto):
    first = await start("demo", "--headless", "--json", "--broker", mosquitto.url, "--duration", "5s", "--port", 0)
    out, err = await asyncio.wait_for(first.communicate(), 120)
    result = json.loads(out)
    assert (first.returncode, result["double_bookings"]) == (0, 0), err.decode()
    assert f"The map is at {result['http']}/" in err.decode()
    assert "Throw-away tokens" in err.decode()
