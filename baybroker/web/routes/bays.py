"""Bays and zones: what anyone may see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from baybroker.web import models
from baybroker.web.auth import Anyone
from baybroker.web.lists import LIMIT_DEFAULT, After, Limit, page, tagged
from baybroker.web.problems import ProblemError
from baybroker.web.routes.kinds import NOT_FOUND, NOT_MODIFIED
from baybroker.web.services import With
from baybroker.web.stories import bay_history
from baybroker.web.views import View, bay_view, offer_view, when, zones_view
from broker_bridge.wire.messages import BayStatus, Name

if TYPE_CHECKING:
    from baybroker.web.database import Row

BAYS_MAX = 20_000
router = APIRouter(prefix="/api/v1", tags=["bays"])


@router.get("/bays", response_model=models.Bays, responses=NOT_MODIFIED)
async def bays(
    request: Request,
    parts: With,
    zone: Annotated[Name | None, Query()] = None,
    status: Annotated[BayStatus | None, Query()] = None,
    q: Annotated[str | None, Query(max_length=64, description="Part of the bay's or the zone's name")] = None,
    limit: Annotated[int, Query(ge=1, le=BAYS_MAX)] = LIMIT_DEFAULT,
    after: After = None,
) -> Response:
    """List the bays of the register with what they show."""
    mirror = parts.mirror
    found = (
        bay_view(row, mirror.state(name))
        for name, row in mirror.register.items()
        if (after is None or name > after)
        and zone in (None, row["zone"])
        and status in (None, mirror.state(name).status)
        and (q is None or q.lower() in name or q.lower() in row["zone"])
    )
    first = [view for view, _ in zip(found, range(limit + 1), strict=False)]
    return tagged(request, page(first, limit, "bay"))


@router.get("/bays/{bay}", response_model=models.BayStory, responses=NOT_MODIFIED | NOT_FOUND)
async def bay_story(request: Request, parts: With, caller: Anyone, bay: Name) -> Response:
    """Tell a bay's story: its sensor, offers, bookings, and what happened there."""
    row = parts.mirror.register.get(bay)
    if row is None:
        raise ProblemError(404, f"No bay is named {bay!r}.")
    sensor, offers, bookings, history = await asyncio.gather(
        parts.database.row("select_sensor", bay),
        parts.database.rows("select_bay_offers", bay),
        parts.database.rows("select_bay_bookings", bay),
        bay_history(parts.database, bay),
    )
    operator = caller.role == "operator"
    story = bay_view(row, parts.mirror.state(bay)) | {
        "sensor": _sensor(sensor or {}),
        "offers": [offer_view(offer) for offer in offers],
        "bookings": [_booking(booking, operator=operator) for booking in bookings],
        "history": history,
    }
    return tagged(request, story)


@router.get("/zones")
async def zones(parts: With, limit: Limit = LIMIT_DEFAULT, after: After = None) -> models.Zones:
    """List the zones with their counts."""
    rows = [zone for zone in zones_view(parts.mirror) if after is None or zone["zone"] > after]
    return models.Zones.model_validate(page(rows, limit, "zone"))


@router.get("/zones/{zone}", responses=NOT_FOUND)
async def one_zone(parts: With, zone: Name) -> models.Zone:
    """Return a zone's counts."""
    found = next((view for view in zones_view(parts.mirror) if view["zone"] == zone), None)
    if found is None:
        raise ProblemError(404, f"No zone is named {zone!r}.")
    return models.Zone.model_validate(found)


def _sensor(row: dict[str, Any]) -> View:
    return {
        "occupancy": row.get("occupancy", "unknown"),
        "observed_at": when(row.get("observed_at") or None),
        "last_heard_at": when(row.get("last_heard_at")),
        "heartbeat_ms": row.get("heartbeat_ms"),
        "lost": row.get("lost"),
        "contested": row.get("contested"),
    }


def _booking(row: Row, *, operator: bool) -> View:
    view: View = {"from": when(row["from_at"]), "until": when(row["until"]), "status": row["status"]}
    return view | ({"reservation_id": row["reservation_id"]} if operator else {})
