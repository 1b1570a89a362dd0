"""The routes of CDS's Curbs API; what is chosen where CDS is silent stands in `cds` and `cds_curbs`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from baybroker.web.feeds.cds_curbs import curb_space, curb_zone
from baybroker.web.feeds.cds_policies import Policies
from baybroker.web.feeds.places import count_places, nearest, read_places, read_zones
from baybroker.web.feeds.routes.asking import (
    PAGE_DEFAULT,
    Json,
    Limit,
    Ms,
    Offset,
    Source,
    Where,
    named,
    not_served,
    offset_links,
    unusable,
)
from baybroker.web.feeds.routes.cds import cds_router, envelope

router = cds_router("/curbs")


@router.get("/zones")
def zones(source: Source, where: Where, *, include_geometry: bool = True, time: Ms = None) -> Json:
    """Return every zone with its regulations."""
    if time is not None:
        raise unusable("availability is of now: `time` is not served")
    south, west, north, east = where.box
    with source.open() as feed:
        policies = Policies(feed)
        of_zone = policies.by_zone()
        found = [
            zone
            for zone in read_zones(feed)
            if zone.box[0] <= north and zone.box[2] >= south and zone.box[1] <= east and zone.box[3] >= west
        ]
        listed = [
            curb_zone(zone, feed, [*of_zone.get(zone.zone, ()), policies.permit], with_geometry=include_geometry)
            for zone in found
        ]
        return envelope(feed, {"zones": listed}, {"next": None})


@router.get("/spaces")
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
        raise unusable("availability is of now: `time` is not served")
    with source.open() as feed:
        name = named(feed, "zone_of_id", "zone", zone)
        if where.centre is None:
            total = count_places(feed, zone=name, box=where.box)
            page = read_places(feed, zone=name, box=where.box, limit=limit, offset=offset)
        else:
            total, page = nearest(feed, *where.centre, where.radius_m, zone=name, limit=limit, offset=offset)
        policies = Policies(feed)
        listed = [curb_space(place, feed, policies) for place in page]
        return envelope(feed, {"spaces": listed}, offset_links(request, limit=limit, offset=offset, total=total))


@router.get("/policies")
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


@router.get("/areas", include_in_schema=False)
@router.get("/objects", include_in_schema=False)
@router.get("/areas/{name}", include_in_schema=False)
@router.get("/objects/{name}", include_in_schema=False)
@router.get("/zones/{name}", include_in_schema=False)
@router.get("/spaces/{name}", include_in_schema=False)
@router.get("/policies/{name}", include_in_schema=False)
def optional() -> Json:
    """Answer for what CDS leaves to the server."""
    raise not_served()
