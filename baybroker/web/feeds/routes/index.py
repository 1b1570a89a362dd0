"""Where the feeds are, in the manner of GBFS 3: `last_updated` in RFC 3339, `ttl` in seconds, `version`, `data.feeds`.

The pattern is GBFS's and nothing else of it: the names are ours, and `standard` is added to each. The same index is at
`/.well-known/baybroker-feeds`, so that who knows the host alone finds it.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.utils import generate_unique_id

from baybroker.web.feeds.routes.asking import PROBLEMS, Json, Source
from broker_bridge.wire.times import format_rfc3339

router = APIRouter(tags=["feeds"], generate_unique_id_function=generate_unique_id)
VERSION = "1.0"
TTL_S = 60
CDS, APDS, NGSI_LD = "CDS 1.1", "APDS 4.0", "NGSI-LD, Smart Data Models dataModel.Parking"
FEEDS = {
    "cds_curbs_zones": ("/feeds/cds/curbs/zones", CDS),
    "cds_curbs_spaces": ("/feeds/cds/curbs/spaces", CDS),
    "cds_curbs_policies": ("/feeds/cds/curbs/policies", CDS),
    "cds_events": ("/feeds/cds/events/events", CDS),
    "cds_events_status": ("/feeds/cds/events/status", CDS),
    "cds_metrics_sessions": ("/feeds/cds/metrics/sessions", CDS),
    "cds_metrics_aggregates": ("/feeds/cds/metrics/aggregates", CDS),
    "apds_places": ("/feeds/apds/places", APDS),
    "apds_rights_specs": ("/feeds/apds/rights/specs", APDS),
    "apds_rights_assigned": ("/feeds/apds/rights/assigned", APDS),
    "apds_rates": ("/feeds/apds/rates", APDS),
    "apds_sessions": ("/feeds/apds/sessions", APDS),
    "ngsi_ld_parking_spot": ("/feeds/ngsi-ld/ParkingSpot", NGSI_LD),
    "ngsi_ld_on_street_parking": ("/feeds/ngsi-ld/OnStreetParking", NGSI_LD),
}


@router.get("/feeds/", responses=PROBLEMS)
@router.get("/.well-known/baybroker-feeds", responses=PROBLEMS)
def index(request: Request, source: Source) -> Json:
    """Tell which feeds there are, and how far they reach."""
    root = str(request.base_url).rstrip("/")
    with source.open() as feed:
        last_updated = format_rfc3339(feed.as_of)
    feeds = [{"name": name, "url": root + path, "standard": standard} for name, (path, standard) in FEEDS.items()]
    return {"last_updated": last_updated, "ttl": TTL_S, "version": VERSION, "data": {"feeds": feeds}}
