"""NGSI-LD entities of Smart Data Models' dataModel.Parking: ParkingSpot 0.1.0 and OnStreetParking 0.1.3, normalised.

What is chosen:
- The models have four statuses for a spot. `reserved` is `closed`: nothing stands there, but nobody else may take it,
  and a reader who knows only the standard must not send somebody. `contested` is `occupied`.
- They have no reservation and no share window: `reservedUntil` and `shareWindow` are ours, in a context of our own. A
  window is local time, such as `MO,TU 09:00-18:00`, as a `bays_file` writes it; an automatic one is `auto`.
- `observedAt` is when the sensor said it; of what is counted and of what follows from the clock it is now.
- `@context` has the two addresses that the models name, ETSI's last, as NGSI-LD wants the core context.
- Lengths are metres. A site does not list its spots (`refParkingSpot`): each spot names its site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocator.domain.lifecycle import BayStatus
from baybroker.web.feeds.places import BAY_LENGTH_CM, BAY_WIDTH_CM, ring
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    from baybroker.web.feeds.places import Place, Zone
    from baybroker.web.feeds.reading import Feed

Json = dict[str, Any]
MODEL_CONTEXT = "https://raw.githubusercontent.com/smart-data-models/dataModel.Parking/master/context.jsonld"
CORE_CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"
CONTEXT: list[Any] = [
    {"reservedUntil": "urn:baybroker:reservedUntil", "shareWindow": "urn:baybroker:shareWindow"},
    MODEL_CONTEXT,
    CORE_CONTEXT,
]
_SPOT_STATUS = {
    BayStatus.CLOSED: "closed",
    BayStatus.AVAILABLE: "free",
    BayStatus.RESERVED: "closed",
    BayStatus.OCCUPIED: "occupied",
    BayStatus.CONTESTED: "occupied",
    BayStatus.UNKNOWN: "unknown",
}


def parking_spot(place: Place, feed: Feed) -> Json:
    """Return a bay as a ParkingSpot."""
    seen_at = format_rfc3339(place.observed_at or feed.began_at)
    spot = {
        "id": f"urn:ngsi-ld:ParkingSpot:{feed.city}:{place.bay}",
        "type": "ParkingSpot",
        "name": _property(place.bay),
        "category": _property(["onStreet"]),
        "location": _located({"type": "Point", "coordinates": [place.lon, place.lat]}),
        "status": _property(_SPOT_STATUS[place.status], seen_at),
        "length": _property(BAY_LENGTH_CM / 100),
        "width": _property(BAY_WIDTH_CM / 100),
        "refDevice": _related([f"urn:ngsi-ld:Device:{feed.city}:{place.bay}"]),
        "refParkingSite": _related(_site(place.zone, feed)),
    }
    now = format_rfc3339(feed.now)
    if place.status is BayStatus.RESERVED and place.held_until is not None:
        spot["reservedUntil"] = _property(_datetime(place.held_until), now)
    windows = list(dict.fromkeys(_window(offer) for offer in place.offers if offer.kind in ("weekly", "auto")))
    if windows:
        spot["shareWindow"] = _property(windows)
    return {**spot, "@context": CONTEXT}


def on_street_parking(zone: Zone, feed: Feed) -> Json:
    """Return a zone as an OnStreetParking."""
    now = format_rfc3339(feed.now)
    taken = zone.counts[BayStatus.OCCUPIED] + zone.counts[BayStatus.CONTESTED]
    return {
        "id": _site(zone.zone, feed),
        "type": "OnStreetParking",
        "name": _property(zone.zone),
        "location": _located({"type": "Polygon", "coordinates": [ring(zone.box)]}),
        "category": _property(["feeCharged", "forResidents"]),
        "allowedVehicleType": _property("car"),
        "chargeType": _property(["firstIntervalPrice", "additionalIntervalPrice"]),
        "occupancyDetectionType": _property(["singleSpaceDetection"]),
        "areBordersMarked": _property(value=True),
        "averageSpotLength": _property(BAY_LENGTH_CM / 100),
        "averageSpotWidth": _property(BAY_WIDTH_CM / 100),
        "totalSpotNumber": _property(zone.bays),
        "availableSpotNumber": _property(zone.counts[BayStatus.AVAILABLE], now),
        "occupiedSpotNumber": _property(taken, now),
        "outOfServiceSlotNumber": _property(zone.counts[BayStatus.UNKNOWN], now),
        "observationDateTime": _property(_datetime(feed.now)),
        "@context": CONTEXT,
    }


def _site(zone: str, feed: Feed) -> str:
    return f"urn:ngsi-ld:OnStreetParking:{feed.city}:{zone}"


def _property(value: Any, observed_at: str | None = None) -> Json:
    return {"type": "Property", "value": value} | ({"observedAt": observed_at} if observed_at else {})


def _located(geometry: Json) -> Json:
    return {"type": "GeoProperty", "value": geometry}


def _related(target: str | list[str]) -> Json:
    return {"type": "Relationship", "object": target}


def _datetime(at_ms: int) -> Json:
    return {"@type": "DateTime", "@value": format_rfc3339(at_ms)}


def _window(offer: Any) -> str:
    if offer.kind == "auto":
        return "auto"
    days = offer.rrule.upper().partition("BYDAY=")[2].partition(";")[0] or "MO,TU,WE,TH,FR,SA,SU"
    return f"{days} {offer.start}-{offer.end}"
