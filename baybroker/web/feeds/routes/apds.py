"""The routes of APDS 4.0 (Alliance for Parking Data Standards; ISO/TS 5206-1), to read.

APDS wants a token for everything; its own platform serves only known partners. Places, right specifications, rates
and sessions are open here, since they name nobody; assigned rights name their holder, and are an operator's alone: who
asks without a token is refused (401), who has another role too (403). Creating, changing and single objects, contacts
and webhooks are not served (501). Lists are in pages of `page` (from 1), with `meta`; every list is in the order in
which things came to be, so that pages stay as they are while more is added. `expand` is not needed: all is there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.utils import generate_unique_id

from baybroker.web.auth import needs
from baybroker.web.feeds.apds_places import PLACE_LAYER, SPACE_LAYER, campus, place, space
from baybroker.web.feeds.apds_rights import assigned_right, rate_table, right_specification
from baybroker.web.feeds.apds_sessions import session
from baybroker.web.feeds.places import count_places, read_places, read_zones
from baybroker.web.feeds.reading import Feed
from baybroker.web.feeds.routes.asking import (
    FOREVER,
    PAGE_DEFAULT,
    PROBLEMS,
    Json,
    Source,
    not_served,
    sliced,
)  # fmt: skip
from baybroker.web.feeds.windows import offer_of

router = APIRouter(
    prefix="/feeds/apds",
    tags=["feeds: APDS 4.0"],
    responses=PROBLEMS,
    generate_unique_id_function=generate_unique_id,
)
PAGES_MAX = 1_000_000
Page = Annotated[int, Query(ge=1, le=PAGES_MAX, description="From 1")]
Seconds = Annotated[int | None, Query(ge=0, le=FOREVER // 1000, description="Unix epoch seconds")]
Kind = Literal["campus", "place", "space"]


def listed(feed: Feed, page: int, total: int, data: list[Json]) -> Json:
    """Return a PaginatedList."""
    meta = {
        "referenceInstant": feed.now // 1000,
        "offset": (page - 1) * PAGE_DEFAULT,
        "pageSize": PAGE_DEFAULT,
        "total": total,
    }
    return {"meta": meta, "data": data}


@router.get("/places")
def places(
    source: Source,
    page: Page = 1,
    type: Annotated[str | None, Query(pattern=r"^[a-zA-Z]+(,[a-zA-Z]+)*$", max_length=200)] = None,  # noqa: A002 - APDS's name
    layer: Annotated[int | None, Query(ge=0, le=100, description="The most detailed layer wanted")] = None,
) -> Json:
    """Return the city, its zones and its bays."""
    wanted, deepest = (
        set(type.split(",")) if type else {"campus", "place", "space"},
        SPACE_LAYER if layer is None else layer,
    )
    with source.open() as feed:
        zones = read_zones(feed) if "place" in wanted and deepest >= PLACE_LAYER else []
        bays = count_places(feed) if "space" in wanted and deepest >= SPACE_LAYER else 0
        parts = [
            (int("campus" in wanted), lambda _limit, _offset: [campus(feed)]),
            (len(zones), lambda limit, offset: [place(zone, feed) for zone in zones[offset : offset + limit]]),
            (bays, lambda limit, offset: [space(it, feed) for it in read_places(feed, limit=limit, offset=offset)]),
        ]
        data = sliced(parts, limit=PAGE_DEFAULT, offset=(page - 1) * PAGE_DEFAULT)
        return listed(feed, page, sum(count for count, _ in parts), data)


@router.get("/rights/specs")
def rights_specs(source: Source, page: Page = 1) -> Json:
    """Return what residents offer."""
    with source.open() as feed:
        rows = list(feed.rows("offers_page", now=feed.now, limit=PAGE_DEFAULT, offset=(page - 1) * PAGE_DEFAULT))
        standing = defaultdict(list)
        for row in feed.rows("offers", now=feed.now, bays=json.dumps([row["bay"] for row in rows])):
            standing[row["bay"]].append(offer_of(row))
        total = int(feed.one("count_offers", now=feed.now)["offers"])
        return listed(feed, page, total, [right_specification(row, standing[row["bay"]], feed) for row in rows])


@router.get("/rates")
def rates(source: Source, page: Page = 1) -> Json:
    """Return the tariffs."""
    with source.open() as feed:
        tariffs = {source.tariff.name: source.tariff, **source.tariffs}
        tables = [rate_table(tariff, feed) for _, tariff in sorted(tariffs.items())]
        first = (page - 1) * PAGE_DEFAULT
        return listed(feed, page, len(tables), tables[first : first + PAGE_DEFAULT])


@router.get("/rights/assigned", dependencies=[Depends(needs("operator"))])
def rights_assigned(
    source: Source,
    page: Page = 1,
    start_after: Seconds = None,
    start_before: Seconds = None,
    end_after: Seconds = None,
    end_before: Seconds = None,
) -> Json:
    """Return the reservations whose bay was fixed, with the vehicle's pseudonym. For operators."""
    limits = _limits(start_after, start_before, end_after, end_before)
    with source.open() as feed:
        rows = list(feed.rows("rights", **limits, limit=PAGE_DEFAULT, offset=(page - 1) * PAGE_DEFAULT))
        offers = defaultdict(list)
        for row in feed.rows("offers_of_bays", bays=json.dumps([row["bay"] for row in rows])):
            offers[row["bay"]].append(offer_of(row))
        total = int(feed.one("count_rights", **limits)["rights"])
        return listed(feed, page, total, [assigned_right(row, offers[row["bay"]], feed) for row in rows])


@router.get("/sessions")
def sessions(
    source: Source,
    page: Page = 1,
    start_after: Seconds = None,
    start_before: Seconds = None,
    end_after: Seconds = None,
    end_before: Seconds = None,
) -> Json:
    """Return how bays were used by those who had reserved them."""
    limits = _limits(start_after, start_before, end_after, end_before)
    with source.open() as feed:
        rows = list(feed.rows("sessions", **limits, limit=PAGE_DEFAULT, offset=(page - 1) * PAGE_DEFAULT))
        events = defaultdict(list)
        for row in feed.rows("session_events", reservations=json.dumps([row["reservation_id"] for row in rows])):
            events[row["reservation_id"]].append(row)
        total = int(feed.one("count_sessions", **limits)["sessions"])
        return listed(feed, page, total, [session(row, events[row["reservation_id"]], feed) for row in rows])


@router.get("/contacts", include_in_schema=False)
@router.get("/places/{name}", include_in_schema=False)
@router.get("/rights/specs/{name}", include_in_schema=False)
@router.get("/rights/assigned/{name}", include_in_schema=False)
@router.get("/rates/{name}", include_in_schema=False)
@router.get("/sessions/{name}", include_in_schema=False)
@router.post("/webhooks", include_in_schema=False)
def optional() -> Json:
    """Answer for what is not served."""
    raise not_served()


def _limits(start_after: int | None, start_before: int | None, end_after: int | None, end_before: int | None) -> Json:
    """Return the limits in milliseconds; what is not given is no limit."""
    after = {"start_after": start_after, "end_after": end_after}
    before = {"start_before": start_before, "end_before": end_before}
    return {name: -1 if at is None else at * 1000 for name, at in after.items()} | {
        name: FOREVER if at is None else at * 1000 for name, at in before.items()
    }
