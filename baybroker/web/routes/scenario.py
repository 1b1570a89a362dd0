"""Where and when, who asks, and how the parts are."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from baybroker.web import models
from baybroker.web.auth import Anyone
from baybroker.web.services import With
from baybroker.web.views import centre_of, clock_view
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    from baybroker.web.services import Services

router = APIRouter(prefix="/api/v1", tags=["scenario"])
health_router = APIRouter(tags=["health"])


@router.get("/session")
async def session(parts: With, caller: Anyone) -> models.Session:
    """Tell who asks, and in a demo the throw-away tokens."""
    tokens = dict(parts.settings.demo_tokens)
    return models.Session(demo=bool(tokens), role=caller.role, subject=caller.subject, tokens=tokens or None)


@router.get("/scenario")
async def scenario(parts: With) -> models.Scenario:
    """Tell where and when it is, and how the parts are."""
    mirror, settings = parts.mirror, parts.settings
    meta = await parts.database.meta()
    rows = mirror.register.values()
    lats, lons = [row["lat"] for row in rows], [row["lon"] for row in rows]
    return models.Scenario.model_validate(
        {
            "city": settings.city,
            "time_zone": meta.get("timezone", "UTC"),
            "now": format_rfc3339(mirror.now()),
            "clock": clock_view(mirror),
            "seed": settings.seed,
            "centre": centre_of(rows),
            "bounds": [min(lons), min(lats), max(lons), max(lats)] if lats else None,
            "outlines": None,
            "style_url": settings.style_url,
            "health": _health(parts),
        }
    )


@health_router.get("/health")
async def health() -> dict[str, bool]:
    """Tell that the server runs."""
    return {"ok": True}


@health_router.get("/ready")
async def ready(parts: With) -> Response:
    """Tell whether the database and the broker can be reached: 200, or 503."""
    await parts.database.rows("select_last")
    broker = parts.link.connected
    status = HTTPStatus.OK if broker else HTTPStatus.SERVICE_UNAVAILABLE
    return JSONResponse({"database": True, "broker": broker}, status)


def _health(parts: Services) -> dict[str, object]:
    mirror, status = parts.mirror, parts.mirror.status
    unknown = sum(mirror.state(bay).status == "unknown" for bay in mirror.register)
    return {
        "broker": parts.link.connected,
        "allocator_online": status is not None and status.online and parts.link.connected,
        "lag_ms": status.lag_ms if status is not None else 0,
        "unknown_share": round(unknown / len(mirror.register), 4) if mirror.register else 0.0,
        "dropped": status.dropped if status is not None else 0,
    }
