"""A made-up city behind the routes that the map reads: many bays, and updates at a steady rate."""  # noqa: INP001

from __future__ import annotations

import asyncio
import itertools
import json
import random
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse

from baybroker.web.guards import SecurityHeaders
from baybroker.web.routes import pages

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

STATUSES = ("closed", "available", "reserved", "occupied", "contested", "unknown")
WEIGHTS = (20, 30, 8, 38, 1, 3)
ZONES, STREETS = 20, 20
WEST, SOUTH, ZONE_DEG, STREET_DEG, BAY_DEG = 126.90, 37.45, 0.012, 0.0005, 0.000125
FRAME_S = 0.1
NOW = "2026-03-02T00:00:00.000Z"
BARE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>bare</title>
<link rel="stylesheet" href="/static/maplibre/maplibre-gl.css">
<script defer src="/static/maplibre/maplibre-gl.js"></script>
<script type="module" src="/bare.js"></script></head><body style="margin:0"><div id="map"></div></body></html>"""


def made_up_bays(count: int) -> list[dict[str, Any]]:
    """Return so many bays along parallel streets in zones that lie in rows."""
    chance = random.Random(11)  # noqa: S311 - no secret
    bays = []
    for number in range(count):
        zone, at = number % ZONES, number // ZONES
        street, along = at % STREETS, at // STREETS
        row, column = divmod(zone, 5)
        bays.append(
            {
                "bay": f"z{zone:02}-{at:05}",
                "zone": f"zone-{zone:02}",
                "lat": round(SOUTH + row * ZONE_DEG + street * STREET_DEG, 6),
                "lon": round(WEST + column * ZONE_DEG + along * BAY_DEG, 6),
                "needs": [],
                "tariff": None,
                "status": chance.choices(STATUSES, WEIGHTS)[0],
                "until": None,
                "position": 1,
            }
        )
    return bays


def bounds_of(bays: list[dict[str, Any]]) -> list[float]:
    """Return west, south, east, north."""
    lons, lats = [bay["lon"] for bay in bays], [bay["lat"] for bay in bays]
    return [min(lons), min(lats), max(lons), max(lats)]


async def updates(bays: list[dict[str, Any]], per_s: int) -> AsyncIterator[bytes]:
    """Yield the snapshot, and then ten frames a second with as many changes as make `per_s`."""
    chance = random.Random(12)  # noqa: S311 - no secret
    yield _frame("snapshot", {"position": 1, "bays": {bay["bay"]: bay["status"] for bay in bays}})
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    for number in itertools.count(1):
        changes = [
            {"bay": chance.choice(bays)["bay"], "status": chance.choice(STATUSES), "until": None}
            for _ in range(int(per_s * FRAME_S))
        ]
        yield _frame("bays", {"position": number, "changes": changes})
        await asyncio.sleep(max(0.0, began_at + number * FRAME_S - loop.time()))


def made_up_city(bays: list[dict[str, Any]], per_s: int, bare: dict[str, Any], folder: Path) -> FastAPI:
    """Return the pages on these bays, and the bare page on the same points."""
    app = FastAPI()
    health = {"broker": True, "allocator_online": True, "lag_ms": 3, "unknown_share": 0.03, "dropped": 0}
    scenario = {
        "city": "made-up", "time_zone": "Asia/Seoul", "now": NOW, "clock": None, "seed": None, "centre": None,
        "bounds": bounds_of(bays), "outlines": None, "style_url": None, "health": health,
    }  # fmt: skip
    points = [
        {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [bay["lon"], bay["lat"]]}}
        for bay in bays
    ]
    answers: dict[str, Any] = {
        "/api/v1/session": {"demo": False, "role": "public", "subject": None},
        "/api/v1/scenario": scenario,
        "/api/v1/bays": {"items": bays, "next": None},
        "/api/v1/zones": {"items": [], "next": None},
        "/bare.geojson": {"type": "FeatureCollection", "features": points},
    }
    for path, answer in answers.items():
        app.add_route(path, _constant(json.dumps(answer).encode()))
    app.add_route("/bare.json", lambda _request: JSONResponse({"bounds": scenario["bounds"], **bare}))
    app.add_route("/bare", lambda _request: HTMLResponse(BARE))
    app.add_route("/bare.js", lambda _request: FileResponse(folder / "bare.js"))
    app.add_route(
        "/api/v1/stream", lambda _request: StreamingResponse(updates(bays, per_s), media_type="text/event-stream")
    )
    app.include_router(pages.router)
    app.add_middleware(SecurityHeaders)
    return app


def _constant(body: bytes) -> Any:
    async def answer(_request: object) -> Response:
        return Response(body, media_type="application/json")

    return answer


def _frame(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
