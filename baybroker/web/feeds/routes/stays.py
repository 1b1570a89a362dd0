"""The routes of CDS's Metrics API; what is chosen where CDS is silent stands in `cds` and `cds_metrics`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query, Request, Response

from allocator.domain.interval import DAY_MS, Interval
from baybroker.web.feeds.cds_metrics import AGGREGATE_COLUMNS, METRICS, SESSION_COLUMNS, aggregates, session
from baybroker.web.feeds.reading import Feed
from baybroker.web.feeds.routes.asking import (
    FOREVER,
    PAGE_DEFAULT,
    Cursor,
    Json,
    Limit,
    Ms,
    Source,
    named,
    numbers,
    span_of,
    unusable,
)
from baybroker.web.feeds.routes.cds import CSV_TYPE, LATE_MS, MEDIA_TYPE, CdsJson, cds_router, envelope, next_link

router = cds_router("/metrics")
METRICS_MAX_MS = DAY_MS


@router.get("/sessions", response_class=Response, responses={200: {"content": {CSV_TYPE: {}, MEDIA_TYPE: {}}}})
def sessions(
    request: Request,
    source: Source,
    curb_place_type: Literal["zone", "space"] | None = None,
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
        links = next_link(request, str(found[limit - 1]["position"]) if len(found) > limit else None)
        listed = [session(row, feed) for row in found[:limit]]
        return _table(request, feed, "session", SESSION_COLUMNS, listed, links)


@router.get("/aggregates", response_class=Response, responses={200: {"content": {CSV_TYPE: {}, MEDIA_TYPE: {}}}})
def hourly(
    request: Request,
    source: Source,
    curb_place_type: Literal["zone", "space"] | None = None,
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
        return _table(request, feed, "aggregate", AGGREGATE_COLUMNS, found, next_link(request, None))


def _place(feed: Feed, kind: str | None, uuid: UUID | None) -> tuple[str | None, str | None]:
    """Return the zone and the bay that a place is; '' finds nothing."""
    if (kind is None) != (uuid is None):
        raise unusable("curb_place_type and curb_place_id come together")
    zone = named(feed, "zone_of_id", "zone", uuid) if kind == "zone" else None
    bay = named(feed, "bay_of_id", "bay", uuid) if kind == "space" else None
    return zone, bay


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
