"""The HTTP API beside a real allocator and its database: what it answers, and how it fails."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from service_world import request
from web_world import BAYS, WAIT_S, frames, serving, town, web_settings

from baybroker.web import commands
from baybroker.web.tokens import TokenFile
from broker_bridge.transport.memory import MemoryBroker, MemoryTransport

NEVER = "No bay is named 'nowhere'."


@pytest.fixture
def connect():
    broker = MemoryBroker()
    return lambda options, on_connect: MemoryTransport(broker, options, on_connect=on_connect)


@pytest.fixture
async def here(connect, tmp_path):
    async with town(tmp_path / "web.db", connect) as all_of:
        yield all_of


def body_of(**more):
    return {name: value for name, value in request(**more).items() if name != "type"}


async def test_every_error_is_a_problem(here):
    answer = await here.get("/api/v1/bays/nowhere")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank", "title": "Not Found", "status": 404, "detail": NEVER, "instance": "/api/v1/bays/nowhere",
    }  # fmt: skip
    for method, path, who, status in [
        ("GET", "/nothing", None, 404),
        ("DELETE", "/api/v1/bays", None, 405),
        ("GET", "/api/v1/bays?limit=0", None, 422),
        ("GET", "/api/v1/statements?month=0000-01", "driver", 422),
        ("GET", "/api/v1/statements?until=9999-12-31", "driver", 422),
        ("GET", "/api/v1/statements?from=0001-01-01", "driver", 422),
        ("GET", "/api/v1/statements?from=2026-03-02&until=2026-03-01", "driver", 422),
        ("GET", "/api/v1/operations", None, 401),
        ("GET", "/api/v1/operations", "driver", 403),
        ("GET", "/static/../app.py", None, 404),
        ("GET", "/static/%2e%2e/app.py", None, 404),
    ]:
        answer = await here.call(method, path, who)
        assert (answer.status_code, answer.json()["status"]) == (status, status), path
        assert answer.headers["content-type"] == "application/problem+json"


async def test_tells_which_fields_are_wrong(here):
    answer = await here.post("/api/v1/requests", "driver", body_of() | {"stay_min": 1, "max_walk_m": "far"})
    assert answer.status_code == 422
    assert {error["field"] for error in answer.json()["errors"]} == {"stay_min", "max_walk_m"}
    answer = await here.post("/api/v1/offers", "resident", {"type": "monthly", "bay": "b0"})
    assert answer.json()["errors"][0]["field"] == "body"
    for wrong in (b"{", b"[]", b"\xff", b"[" * 10_000):
        answer = await here.call("POST", "/api/v1/requests", "driver", content=wrong)
        assert answer.status_code == 422


async def test_a_driver_asks_arrives_and_leaves(here):
    await here.prepare(*BAYS)
    told = await here.book()
    assert told["type"] == "accepted"
    name = f"/api/v1/reservations/{told['reservation_id']}"
    held = (await here.get(name, "driver")).json()
    assert (held["status"], held["bay_zone"]) == ("bound", "z1")
    assert held["driver"] is None
    assert any("bays within the walk" in line for line in held["explanation"])
    assert (await here.get(name, "operator")).json()["driver"] == "drv-1"
    assert (await here.post(f"{name}/arrive", "driver")).json()["type"] == "active"
    assert (await here.post(f"{name}/leave", "driver")).json()["type"] == "completed"
    answer = await here.post(f"{name}/cancel", "driver")
    assert (answer.status_code, answer.json()["reason"]) == (409, "no_live_reservation")
    statement = (await here.get("/api/v1/statements", "driver")).json()
    assert statement["receipts"][0]["paid_won"] == (await here.get(name, "driver")).json()["price_won"]


async def test_a_repeated_key_gets_the_same_answer_and_one_reservation(here):
    await here.prepare(*BAYS)
    keys = {"Idempotency-Key": "a key: with spaces, too long for a request_id " + "x" * 60}
    asked = [here.post("/api/v1/requests", "driver", body_of(), headers=keys) for _ in range(5)]
    answers = [answer.json() for answer in await asyncio.gather(*asked)]
    assert answers[0]["type"] == "accepted"
    assert all(answer == answers[0] for answer in answers)
    listed = (await here.get("/api/v1/reservations", "driver")).json()["items"]
    assert [it["reservation_id"] for it in listed] == [answers[0]["reservation_id"]]


async def test_lists_come_in_pages(here):
    await here.prepare(*BAYS)
    seen, after = [], ""
    while after is not None:
        page = (await here.get(f"/api/v1/bays?limit=3{after and '&after=' + after}")).json()
        seen, after = seen + [bay["bay"] for bay in page["items"]], page["next"]
    assert seen == [bay.bay for bay in BAYS]
    for number in range(3):
        await here.book(vehicle_id=f"car-{number}")
    first = (await here.get("/api/v1/reservations?limit=2", "operator")).json()
    rest = (await here.get(f"/api/v1/reservations?limit=2&after={first['next']}", "operator")).json()
    assert [it["reservation_id"] for it in first["items"] + rest["items"]] == ["r-3", "r-2", "r-1"]
    assert rest["next"] is None


async def test_bays_are_found_by_zone_status_and_name(here):
    await here.prepare(*BAYS[:2])
    for query, found in [
        ("zone=z1", ["b0", "b2"]),
        ("status=available", ["b0", "b1"]),
        ("status=unknown", []),
        ("q=B3", ["b3"]),
        ("q=z2", ["b1", "b3"]),
    ]:
        items = (await here.get(f"/api/v1/bays?{query}")).json()["items"]
        assert [bay["bay"] for bay in items if bay["status"] != "unknown" or "status" not in query] == found, query


async def test_what_a_client_has_is_not_sent_again(here):
    await here.prepare(BAYS[0])
    for path in ("/api/v1/bays", "/api/v1/bays/b0"):
        first = await here.get(path)
        again = await here.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
    await here.client.sense(BAYS[0], "occupied")
    await here.shows({"b0": "contested"})
    changed = await here.get("/api/v1/bays", headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


async def test_a_resident_offers_the_own_bay_and_calls_it_back(here):
    weekly = {"type": "weekly", "bay": "b0", "rrule": "FREQ=DAILY", "start": "00:00", "end": "24:00"}
    assert (await here.post("/api/v1/offers", "resident", weekly)).json()["type"] == "offer_accepted"
    assert (await here.post("/api/v1/offers", "other resident", weekly)).status_code == 404
    (offer,) = (await here.get("/api/v1/offers", "resident")).json()["items"]
    assert (offer["kind"], offer["start"]) == ("weekly", "00:00")
    assert (await here.get("/api/v1/offers", "other resident")).json()["items"] == []
    answer = await here.post("/api/v1/offers", "resident", {"type": "recall", "bay": "b0"})
    assert answer.json()["type"] == "recall_answer"
    answer = await here.post("/api/v1/offers", "resident", weekly | {"rrule": "FREQ=NEVER"})
    assert (answer.status_code, answer.json()["reason"]) == (409, "rrule_unsupported")


async def test_an_operator_closes_a_bay_and_reads_the_ledger(here):
    await here.prepare(*BAYS)
    reservation = f"/api/v1/reservations/{(await here.book())['reservation_id']}"
    await here.post(f"{reservation}/arrive", "driver")
    await here.post(f"{reservation}/leave", "driver")
    assert (await here.post("/api/v1/bays/b3/close", "operator")).json()["type"] == "done"
    await here.shows({"b3": "closed"})
    entries = (await here.get("/api/v1/statements/ledger", "operator")).json()["items"]
    assert sum(entry["amount"] for entry in entries if entry["unit"] == "won") == 0
    table = await here.get("/api/v1/statements/ledger", "operator", headers={"Accept": "text/csv"})
    assert len(table.text.splitlines()) == len(entries) + 1
    figures = (await here.get("/api/v1/operations", "operator")).json()
    assert (figures["kpis"]["served"], figures["kpis"]["requests"], len(figures["series"])) == (1, 1, 24)


async def test_nothing_personal_is_public(here):
    await here.prepare(*BAYS)
    await here.book(vehicle_id="secret-car")
    public = [(await here.get(f"/api/v1/{path}")).text for path in ("bays", "bays/b0", "zones", "scenario")]
    async for _, _, data in frames(here.http, after=0):
        public.append(json.dumps(data))
        if "snapshot" in public[-1] or "reservation_bound" in public[-1]:
            break
    for secret in ("drv-", "res-b", "secret-car", "op-1"):
        assert secret not in "".join(public)


async def test_a_body_has_a_limit(here):
    large = b"x" * 20_000

    async def in_pieces():
        for at in range(0, len(large), 1_000):
            yield large[at : at + 1_000]

    for content in (large, in_pieces()):
        answer = await here.call("POST", "/api/v1/requests", "driver", content=content)
        assert answer.status_code == 413


async def test_a_revoked_token_is_refused_at_once_and_its_stream_ends(here):
    assert (await here.get("/api/v1/reservations", "driver")).status_code == 200
    listening = frames(here.http, headers=here.bearer("driver"))
    assert (await anext(listening))[0] == "snapshot"
    TokenFile(here.web.parts.settings.tokens).revoke("drv-1")
    answer = await here.get("/api/v1/reservations", "driver")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    await here.client.sense(BAYS[0], "free")
    async for name, _, _ in listening:
        assert name != "events"


async def test_whoever_is_told_something_hears_it_on_the_own_stream_only(here):
    await here.prepare(*BAYS)
    mine, others = (frames(here.http, headers=here.bearer(who)) for who in ("driver", "other driver"))
    for listening in (mine, others):
        assert (await anext(listening))[0] == "snapshot"
    told = await here.book()
    heard = [data async for name, _, data in _until(mine, "mine")]
    assert heard[0] == told
    await here.client.sense(BAYS[3], "occupied")
    assert [name async for name, _, _ in _until(others, "events", "b3")][-1] == "events"
    for listening in (mine, others):
        await listening.aclose()


async def _until(listening, wanted, text=""):
    """Yield frames up to the first of a name, with a text in it; only those of that name but the last."""
    async for name, position, data in listening:
        assert wanted == "mine" or name != "mine"
        if name == wanted and text in json.dumps(data):
            yield name, position, data
            return


async def _told_until_bound(http):
    """All that was ever published, up to the first bound reservation: replayed, or live where a server looks later."""
    told = []
    async with asyncio.timeout(WAIT_S):
        async for name, _, data in frames(http, after=0):
            told += data["events"] if name == "events" else []
            if told[-1:] and told[-1]["type"] == "baybroker.reservation_bound.v1":
                return told
    return None


async def test_too_many_requests_are_told_when_to_come_again(connect, tmp_path):
    async with town(tmp_path / "web.db", connect, rate_per_s=0.5) as here:
        answers = [await here.get("/api/v1/zones") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert (await here.get("/api/v1/zones", "reader")).status_code == 429  # a token must be verified first
        assert (await here.get("/health")).status_code == 200


async def test_several_servers_stand_beside_each_other(connect, tmp_path):
    path = tmp_path / "web.db"
    async with town(path, connect) as here, serving(web_settings(path), connect) as second:
        await here.prepare(*BAYS)
        keys = here.bearer("driver") | {"Idempotency-Key": "same"}
        async with httpx.AsyncClient(base_url=second.url, timeout=20) as other:
            both = await asyncio.gather(*(http.post("/api/v1/requests", json=body_of(), headers=keys)
                                          for http in (here.http, other)))  # fmt: skip
            assert both[0].json() == both[1].json()
            tags = [(await http.get("/api/v1/bays/b3")).headers["etag"] for http in (here.http, other)]
            assert tags[0] == tags[1]
            seen = [await _told_until_bound(http) for http in (here.http, other)]
            assert seen[0] == seen[1]


async def test_an_allocator_that_does_not_answer_is_waited_for_and_then_given_up(connect, tmp_path, monkeypatch):
    path = tmp_path / "web.db"
    async with town(path, connect) as here:
        await here.prepare(*BAYS)
    monkeypatch.setattr(commands, "ANSWER_WITHIN_S", 0.05)
    token = TokenFile(web_settings(path).tokens).create("driver", "drv-9")
    async with serving(web_settings(path), connect) as web, httpx.AsyncClient(base_url=web.url) as http:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "late"}
        answer = await http.post("/api/v1/requests", json=body_of(), headers=headers)
        assert (answer.status_code, "Idempotency-Key late" in answer.json()["detail"]) == (504, True)
        assert (await http.get("/api/v1/scenario")).json()["health"]["allocator_online"] is False


async def test_without_a_database_it_says_so_and_goes_on_when_it_comes(connect, tmp_path):
    path = tmp_path / "web.db"
    async with serving(web_settings(path), connect, wait=False) as web, httpx.AsyncClient(base_url=web.url) as http:
        answer = await http.get("/ready")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert (await http.get("/api/v1/stream")).status_code == 503
        assert (await http.get("/health")).status_code == 200
        async with town(path, connect) as here:
            await asyncio.wait_for(web.serving.wait(), 20)
            await here.prepare(BAYS[0])
            assert (await http.get("/ready")).status_code == 200
            assert len((await http.get("/api/v1/bays")).json()["items"]) == len(BAYS)


async def test_a_new_bay_is_on_the_map_at_once(here):
    new = {"bay": "b9", "zone": "z9", "lat": 37.4, "lon": 126.9, "gateway": "gw-1"}
    async with asyncio.timeout(20):
        listening = frames(here.http)
        assert "b9" not in (await anext(listening))[2]["bays"]
        await here.client.say("operators/op-1/command", {"type": "register", "request_id": "new", "bays": [new]})
        async for name, _, data in listening:
            if name == "bays" and any(change["bay"] == "b9" for change in data["changes"]):
                break
        await listening.aclose()
    assert (await here.get("/api/v1/zones/z9")).json()["zone"] == "z9"
