"""The routes of the NGSI-LD entities: arrays of JSON-LD, in pages of `limit` and `offset` as NGSI-LD has them.

How many there are in all is in `NGSILD-Results-Count`, the next page in `Link`.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from fastapi.utils import generate_unique_id

from baybroker.web.feeds.ngsi import on_street_parking, parking_spot
from baybroker.web.feeds.places import count_places, read_places, read_zones
from baybroker.web.feeds.routes.asking import OFFSET_MAX, PAGE_DEFAULT, PAGE_MAX, PROBLEMS, Json, Source, address

MEDIA_TYPE = "application/ld+json"


class LdJson(JSONResponse):
    """JSON-LD."""

    media_type = MEDIA_TYPE


router = APIRouter(
    prefix="/feeds/ngsi-ld",
    tags=["feeds: NGSI-LD"],
    default_response_class=LdJson,
    responses=PROBLEMS,
    generate_unique_id_function=generate_unique_id,
)
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, description="How many at most")]
Offset = Annotated[int, Query(ge=0, le=OFFSET_MAX, description="How many to pass over")]


@router.get("/ParkingSpot")
def parking_spots(request: Request, source: Source, limit: Limit = PAGE_DEFAULT, offset: Offset = 0) -> LdJson:
    """Return the bays."""
    with source.open() as feed:
        spots = [parking_spot(place, feed) for place in read_places(feed, limit=limit, offset=offset)]
        return _page(request, spots, limit, offset, count_places(feed))


@router.get("/OnStreetParking")
def on_street_parkings(request: Request, source: Source, limit: Limit = PAGE_DEFAULT, offset: Offset = 0) -> LdJson:
    """Return the zones."""
    with source.open() as feed:
        zones = read_zones(feed)
        sites = [on_street_parking(zone, feed) for zone in zones[offset : offset + limit]]
        return _page(request, sites, limit, offset, len(zones))


def _page(request: Request, entities: list[Json], limit: int, offset: int, total: int) -> LdJson:
    headers = {"NGSILD-Results-Count": str(total)}
    if offset + limit < total:
        following = address(request, limit=limit, offset=offset + limit)
        headers["Link"] = f'<{following}>; rel="next"; type="{MEDIA_TYPE}"'
    return LdJson(entities, headers=headers)
