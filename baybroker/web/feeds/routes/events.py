"""The routes of CDS's Events API; what is chosen where CDS is silent stands in `cds` and `cds_events`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from allocator.domain.interval import HOUR_MS, Interval
from baybroker.web.feeds.cds_events import curb_event, curb_status
from baybroker.web.feeds.routes.asking import (
    FOREVER,
    PAGE_DEFAULT,
    Cursor,
    Json,
    Limit,
    Offset,
    Source,
    hour_of,
    named,
    not_served,
    numbers,
    offset_links,
)
from baybroker.web.feeds.routes.cds import LATE_MS, cds_router, envelope, next_link

router = cds_router("/events")


@router.get("")
@router.get("/events")
def events(
    request: Request,
    source: Source,
    event_time: Annotated[str | None, Query(max_length=20, description="An hour of UTC, YYYY-MM-DDTHH")] = None,
    curb_zone_id: UUID | None = None,
    curb_space_id: UUID | None = None,
    limit: Limit = PAGE_DEFAULT,
    after: Cursor = None,
) -> Json:
    """Return what happened at the bays in an hour, or in the last 60 minutes, newest first."""
    with source.open() as feed:
        span = hour_of(event_time) if event_time else Interval(feed.now - HOUR_MS, feed.now + 1)
        positions = feed.positions(Interval(span.from_at, span.until + LATE_MS))
        before_at, before = _two(after)
        found = list(
            feed.rows(
                "curb_events",
                first=positions.from_at,
                until=positions.until,
                from_at=span.from_at,
                until_at=span.until,
                zone=named(feed, "zone_of_id", "zone", curb_zone_id),
                bay=named(feed, "bay_of_id", "bay", curb_space_id),
                before_at=before_at,
                before=before,
                limit=limit + 1,
            )
        )
        more = f"{found[limit - 1]['event_time']}.{found[limit - 1]['position']}" if len(found) > limit else None
        listed = [curb_event(row, feed) for row in found[:limit]]
        return envelope(feed, {"events": listed}, next_link(request, more))


@router.get("/status")
def status(
    request: Request,
    source: Source,
    curb_zone_id: UUID | None = None,
    curb_space_id: UUID | None = None,
    limit: Limit = PAGE_DEFAULT,
    offset: Offset = 0,
) -> Json:
    """Return whether each bay's sensor is heard."""
    with source.open() as feed:
        zone = named(feed, "zone_of_id", "zone", curb_zone_id)
        bay = named(feed, "bay_of_id", "bay", curb_space_id)
        asked = {"zone": zone, "bay": bay}
        total = int(feed.one("count_sensors", **asked)["sensors"])
        listed = [curb_status(row, feed) for row in feed.rows("sensors", **asked, limit=limit, offset=offset)]
        return envelope(feed, {"status": listed}, offset_links(request, limit=limit, offset=offset, total=total))


@router.post("/event", include_in_schema=False)
@router.post("/events", include_in_schema=False)
def push() -> Json:
    """Answer for what CDS leaves to the server."""
    raise not_served()


def _two(cursor: str | None) -> tuple[int, int]:
    time_and_position = numbers(cursor)
    return (time_and_position[0], time_and_position[-1]) if time_and_position else (FOREVER, FOREVER)
