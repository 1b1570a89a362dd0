"""The routes of CDS 1.1 (Open Mobility Foundation, October 2025): Curbs, Events and Metrics, to read.

Where the standard says two things, or nothing:
- `data` is an object with one list, as its text and its Events API have it; its OpenAPI of the Curbs API has a list of
  such objects.
- Events are at `/events/events`; `/events` answers the same. Pushing them is `POST /events/event` in its OpenAPI and
  `/events/events` in its change log: neither is served, this is a feed to read.
- `application/json` and `*/*` are accepted beside CDS's own media type; another version of that is refused (406).
- Optional endpoints that are not served answer 501, as CDS asks, and so does `time` for availability: it is of now.
- How many pages there are is told where they are counted by `page[offset]`; events and sessions go on by `page[after]`.
Errors are those of the whole server (RFC 9457), not CDS's `error` object.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse

from allocator.domain.interval import DAY_MS, HOUR_MS, Interval
from baybroker.web.feeds.cds_curbs import curb_space, curb_zone
from baybroker.web.feeds.cds_events import curb_event, curb_status
from baybroker.web.feeds.cds_metrics import AGGREGATE_COLUMNS, METRICS, SESSION_COLUMNS, aggregates, session
from baybroker.web.feeds.cds_policies import Policies
from baybroker.web.feeds.places import count_places, distance_m, read_places, read_zones
from baybroker.web.feeds.reading import Feed
from baybroker.web.feeds.routes.asking import (
    FOREVER,
    PAGE_DEFAULT,
    PROBLEMS,
    Cursor,
    Json,
    Limit,
    Ms,
    Offset,
    Source,
    Where,
    address,
    hour_of,
    named,
    not_served,
    numbers,
    offset_links,
    span_of,
    unusable,
)
from baybroker.web.problems import ProblemError

VERSION, CURRENCY = "1.1.0", "KRW"
MEDIA_TYPE = "application/vnd.cds+json;version=1.1"
CSV_TYPE = "application/vnd.cds+csv;version=1.1"
LATE_MS = HOUR_MS
"""How long after a time its events may still have been committed."""
METRICS_MAX_MS = DAY_MS


class CdsJson(JSONResponse):
    """JSON with CDS's media type."""

    media_type = MEDIA_TYPE


def acceptable(request: Request) -> None:
    """Refuse who does not take what CDS 1.1 answers with."""
    accept = request.headers.get("accept", "*/*").lower().replace(" ", "")
    for kind, _, parameters in (one.partition(";") for one in accept.split(",")):
        ours = kind in {"application/vnd.cds+json", "application/vnd.cds+csv"}
        version = next((one[8:] for one in parameters.split(";") if one.startswith("version=")), "1.1")
        if kind in {"*/*", "application/*", "application/json", "text/*", "text/csv"}:
            return
        if ours and (version == "1.1" or version.startswith("1.1.")):
            return
    raise ProblemError(HTTPStatus.NOT_ACCEPTABLE, f"this is {MEDIA_TYPE}, the metrics also {CSV_TYPE}")


router = APIRouter(
    prefix="/feeds/cds",
    tags=["feeds: CDS 1.1"],
    default_response_class=CdsJson,
    dependencies=[Depends(acceptable)],
    responses=PROBLEMS,
)


def envelope(feed: Feed, data: Json, links: dict[str, str | None]) -> Json:
    """Return what surrounds every answer in JSON."""
    return {
        "version": VERSION,
        "time_zone": feed.timezone,
        "last_updated": feed.as_of,
        "currency": CURRENCY,
        "data": data,
        "links": links,
    }


# ---- Curbs


@router.get("/curbs/zones")
def zones(source: Source, where: Where, *, include_geometry: bool = True, time: Ms = None) -> Json:
    """Return every zone with its regulations."""
    if time is not None:
        raise not_served("availability is of now")
    south, west, north, east = where.box
    with source.open() as feed:
        policies = Policies(feed)
        found = [
            zone
            for zone in read_zones(feed)
            if zone.box[0] <= north and zone.box[2] >= south and zone.box[1] <= east and zone.box[3] >= west
        ]
        listed = [curb_zone(zone, feed, policies, with_geometry=include_geometry) for zone in found]
        return envelope(feed, {"zones": listed}, {"next": None})


@router.get("/curbs/spaces")
def spaces(
    request: Request,
    source: Source,
    where: Where,
    zone: UUID | None = None,
    time: Ms = None,
    limit: Limit = PAGE_DEFAULT,
    offset: Offset = 0,
) -> Json:
    """Return the bays of a zone, or of all, with what can be taken now; around a point the nearest first."""
    if time is not None:
        raise not_served("availability is of now")
    with source.open() as feed:
        name = named(feed, "zone_of_id", "zone", zone)
        if where.centre is None:
            total = count_places(feed, zone=name, box=where.box)
            page = read_places(feed, zone=name, box=where.box, limit=limit, offset=offset)
        else:
            away = [(distance_m(*where.centre, it), it.bay, it) for it in read_places(feed, zone=name, box=where.box)]
            near = [it for by_m, _, it in sorted(away, key=lambda it: it[:2]) if by_m <= where.radius_m]
            total, page = len(near), near[offset : offset + limit]
        policies = Policies(feed)
        listed = [curb_space(place, feed, policies) for place in page]
        return envelope(feed, {"spaces": listed}, offset_links(request, limit=limit, offset=offset, total=total))


@router.get("/curbs/policies")
def policies(
    request: Request,
    source: Source,
    ids: Annotated[str | None, Query(max_length=40_000, description="UUIDs, separated by commas")] = None,
    limit: Limit = PAGE_DEFAULT,
    offset: Offset = 0,
) -> Json:
    """Return the regulations: who may park when, and at what price."""
    with source.open() as feed:
        found = Policies(feed).all()
        if ids is not None:
            wanted = {one.strip().lower() for one in ids.split(",")}
            found = [policy for policy in found if policy["curb_policy_id"] in wanted]
        links = offset_links(request, limit=limit, offset=offset, total=len(found))
        return envelope(feed, {"policies": found[offset : offset + limit]}, links)


@router.get("/curbs/areas")
@router.get("/curbs/objects")
@router.get("/curbs/areas/{name}")
@router.get("/curbs/objects/{name}")
@router.get("/curbs/zones/{name}")
@router.get("/curbs/spaces/{name}")
@router.get("/curbs/policies/{name}")
@router.post("/events/event")
@router.post("/events/events")
def optional() -> Json:
    """Answer for what CDS leaves to the server."""
    raise not_served()


# ---- Events


@router.get("/events")
@router.get("/events/events")
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
        return envelope(feed, {"events": listed}, _next(request, more))


@router.get("/events/status")
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


# ---- Metrics


@router.get("/metrics/sessions", response_class=Response, responses={200: {"content": {CSV_TYPE: {}, MEDIA_TYPE: {}}}})
def sessions(
    request: Request,
    source: Source,
    curb_place_type: Literal["area", "zone", "space"] | None = None,
    curb_place_id: UUID | None = None,
    start_time: Ms = None,
    end_time: Ms = None,
    limit: Limit = PAGE_DEFAULT,
    after: Cursor = None,
) -> Response:
    """Return stays of cars by the sensors' word, newest first: those that began in `[start_time, end_time)`."""
    with source.open() as feed:
        zone, bay = _place(feed, curb_place_type, curb_place_id)
        span = Interval(start_time or 0, FOREVER if end_time is None else end_time)
        positions = feed.positions(Interval(span.from_at, span.until + LATE_MS))
        found = list(
            feed.rows(
                "stays",
                first=positions.from_at,
                until=positions.until,
                before=(numbers(after) or [FOREVER])[0],
                from_at=span.from_at,
                until_at=span.until,
                zone=zone,
                bay=bay,
                limit=limit + 1,
            )
        )
        links = _next(request, str(found[limit - 1]["position"]) if len(found) > limit else None)
        listed = [session(row, feed) for row in found[:limit]]
        return _table(request, feed, "session", SESSION_COLUMNS, listed, links)


@router.get(
    "/metrics/aggregates", response_class=Response, responses={200: {"content": {CSV_TYPE: {}, MEDIA_TYPE: {}}}}
)
def hourly(
    request: Request,
    source: Source,
    curb_place_type: Literal["area", "zone", "space"] | None = None,
    curb_place_id: UUID | None = None,
    metric_type: Annotated[str | None, Query(pattern=f"^({'|'.join(METRICS)})$")] = None,
    start_time: Ms = None,
    end_time: Ms = None,
) -> Response:
    """Return what the stays of each hour come to, of every zone, of one, or of one bay; the last day if not asked."""
    with source.open() as feed:
        zone, bay = _place(feed, curb_place_type, curb_place_id)
        span = span_of(start_time, end_time, Interval(max(feed.now - METRICS_MAX_MS, 0), feed.now), METRICS_MAX_MS)
        found = [it for it in aggregates(feed, span, zone, bay) if metric_type in (None, it["metric_type"])]
        return _table(request, feed, "aggregate", AGGREGATE_COLUMNS, found, _next(request, None))


def _place(feed: Feed, kind: str | None, uuid: UUID | None) -> tuple[str | None, str | None]:
    """Return the zone and the bay that a place is; '' finds nothing."""
    if (kind is None) != (uuid is None):
        raise unusable("curb_place_type and curb_place_id come together")
    if kind == "area":
        raise not_served("areas are not served")
    zone = named(feed, "zone_of_id", "zone", uuid) if kind == "zone" else None
    bay = named(feed, "bay_of_id", "bay", uuid) if kind == "space" else None
    return zone, bay


def _two(cursor: str | None) -> tuple[int, int]:
    time_and_position = numbers(cursor)
    return (time_and_position[0], time_and_position[-1]) if time_and_position else (FOREVER, FOREVER)


def _next(request: Request, cursor: str | None) -> dict[str, str | None]:
    return {"next": None if cursor is None else address(request, **{"page[after]": cursor})}


def _table(
    request: Request, feed: Feed, name: str, columns: Sequence[str], rows: list[Json], links: dict[str, str | None]
) -> Response:
    """Return rows as CSV, or as JSON to who asks for it; where CSV goes on stands in its `Link` header."""
    if "json" in request.headers.get("accept", ""):
        return CdsJson(envelope(feed, {name: rows}, links))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    headers = {"Link": f'<{links["next"]}>; rel="next"'} if links["next"] else {}
    return Response(text.getvalue(), media_type=CSV_TYPE, headers=headers)
