"""Every route, asked by everyone: who is let in, and who is not. A route that is missing here fails the test."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from fastapi.routing import iter_route_contexts
from service_world import request
from web_world import BAYS, town

from broker_bridge.transport.memory import MemoryBroker, MemoryTransport

LATER = {name: value for name, value in request(3600, vehicle_id="car-9").items() if name != "type"}
OPEN, REFUSED, FORBIDDEN, HIDDEN = 200, 401, 403, 404
LET_IN = {201: OPEN, 409: OPEN}
"""Who is let in may still be told no, by the allocator."""
ASKERS = ("nobody", "revoked", "reader", "driver", "other driver", "resident", "other resident", "operator")


class Route(NamedTuple):
    """A route, what to send, and the status for each of ASKERS. {own}: a reservation of `driver`."""

    method: str
    path: str
    expected: tuple[int, ...]
    url: str | None = None
    body: object = None


def public(path: str, url: str | None = None) -> Route:
    return Route("GET", path, (OPEN, REFUSED, OPEN, OPEN, OPEN, OPEN, OPEN, OPEN), url)


def unguarded(path: str, status: int = OPEN, url: str | None = None) -> Route:
    """A route that looks at no token."""
    return Route("GET", path, (status,) * len(ASKERS), url)


def of_driver(method: str, path: str, own: int, others: int, operator: int, url: str | None = None, body=None) -> Route:
    expected = (REFUSED, REFUSED, FORBIDDEN, own, others, FORBIDDEN, FORBIDDEN, operator)
    return Route(method, path, expected, url, body)


def of_operator(method: str, path: str, status: int, url: str | None = None, body=None) -> Route:
    return Route(method, path, (REFUSED, REFUSED, *([FORBIDDEN] * 5), status), url, body)


V1 = "/api/v1"
RESERVATION = f"{V1}/reservations/{{reservation_id}}"
OWN = f"{V1}/reservations/{{own}}"
WITHDRAW = {"type": "withdraw", "bay": "b0"}
ROUTES = (
    unguarded("/health"),
    unguarded("/ready"),
    unguarded("/", url="/"),
    unguarded("/drive"),
    unguarded("/home"),
    unguarded("/ops"),
    unguarded("/static/{name:path}", url="/static/index.html"),
    unguarded(f"{V1}/openapi.json"),
    public(f"{V1}/session"),
    public(f"{V1}/scenario"),
    public(f"{V1}/bays"),
    public(f"{V1}/bays/{{bay}}", f"{V1}/bays/b0"),
    public(f"{V1}/zones"),
    public(f"{V1}/zones/{{zone}}", f"{V1}/zones/z1"),
    public(f"{V1}/stream"),
    Route("GET", f"{V1}/offers", (REFUSED, REFUSED, FORBIDDEN, FORBIDDEN, FORBIDDEN, OPEN, OPEN, OPEN)),
    Route(
        "POST", f"{V1}/offers",
        (REFUSED, REFUSED, FORBIDDEN, FORBIDDEN, FORBIDDEN, OPEN, HIDDEN, FORBIDDEN), body=WITHDRAW,
    ),
    of_driver("POST", f"{V1}/requests", OPEN, OPEN, FORBIDDEN, body=LATER),
    of_driver("GET", f"{V1}/requests/{{request_id}}", OPEN, HIDDEN, OPEN, f"{V1}/requests/first"),
    of_driver("GET", f"{V1}/reservations", OPEN, OPEN, OPEN),
    of_driver("GET", RESERVATION, OPEN, HIDDEN, OPEN, OWN),
    of_driver("POST", f"{RESERVATION}/arrive", OPEN, HIDDEN, FORBIDDEN, f"{OWN}/arrive"),
    of_driver("POST", f"{RESERVATION}/extend", OPEN, HIDDEN, FORBIDDEN, f"{OWN}/extend", {"extend_min": 5}),
    of_driver("POST", f"{RESERVATION}/leave", OPEN, HIDDEN, FORBIDDEN, f"{OWN}/leave"),
    of_driver("POST", f"{RESERVATION}/cancel", OPEN, HIDDEN, FORBIDDEN, f"{OWN}/cancel"),
    of_operator("POST", f"{RESERVATION}/release", OPEN, f"{OWN}/release"),
    Route("GET", f"{V1}/statements", (REFUSED, REFUSED, FORBIDDEN, OPEN, OPEN, OPEN, OPEN, 422)),
    of_operator("GET", f"{V1}/statements/ledger", OPEN),
    of_operator("GET", f"{V1}/operations", OPEN),
    of_operator("POST", f"{V1}/bays/{{bay}}/{{what}}", OPEN, f"{V1}/bays/b3/close"),
    of_operator("POST", f"{V1}/scenario/clock", OPEN, body={"speed": 60}),
)  # fmt: skip


@pytest.fixture
def connect():
    broker = MemoryBroker()
    return lambda options, on_connect: MemoryTransport(broker, options, on_connect=on_connect)


def served(app) -> set[tuple[str, str]]:
    """Every method and path of the application, but HEAD."""
    contexts = iter_route_contexts(app.router.routes)
    return {(method, it.path) for it in contexts for method in it.methods or () if method != "HEAD"}


async def test_everyone_gets_what_is_for_them_and_nothing_else(connect, tmp_path):
    async with town(tmp_path / "web.db", connect) as all_of:
        assert served(all_of.web.app) == {(route.method, route.path) for route in ROUTES}
        await all_of.prepare(*BAYS[:3])
        own = (await all_of.book("driver", key="first"))["reservation_id"]
        await all_of.book("other driver", vehicle_id="car-2")
        wrong = []
        for route in ROUTES:
            for asker, expected in zip(ASKERS, route.expected, strict=True):
                url = (route.url or route.path).format(own=own)
                status = await _status(all_of, route, url, None if asker == "nobody" else asker)
                if status != expected:
                    wrong.append(f"{route.method} {url} by {asker}: {status}, expected {expected}")
        assert wrong == []


async def _status(all_of, route: Route, url: str, asker: str | None) -> int:
    headers = all_of.bearer(asker)
    async with all_of.http.stream(route.method, url, headers=headers, json=route.body) as answer:
        if not url.endswith("/stream"):
            await answer.aread()
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
        return LET_IN.get(answer.status_code, answer.status_code)
