"""APDS 4.0 Places: the city is a campus, its zones are places, its bays are spaces, with what each sensor says.

`version` is 1 for what is not versioned here: places, right specifications, rates. A `Reference` must have `id` and
`className` and may, by the same schema, have one property only; it has both here. The indicator of `occupancyLevel` is
from a list that the data's supplier defines: ours are the bay's statuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocator.domain.lifecycle import BayStatus
from baybroker.web.feeds.places import ring
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    from baybroker.web.feeds.places import Place, Zone
    from baybroker.web.feeds.reading import Feed

Json = dict[str, Any]
LANGUAGE = "en"
CAMPUS_LAYER, PLACE_LAYER, SPACE_LAYER = 0, 1, 2
TAKEN = (BayStatus.OCCUPIED, BayStatus.CONTESTED)


def text(string: str) -> list[Json]:
    """Return a MultilingualString."""
    return [{"language": LANGUAGE, "string": string}]


def versioned(uuid: str, class_name: str, version: int = 1) -> Json:
    """Return a VersionedReference."""
    return {"id": uuid, "version": version, "className": class_name}


def issuer(feed: Feed) -> Json:
    """Return the reference to the city's operator, who issues everything."""
    return versioned(feed.ids.of("operator", feed.city), "Organisation")


def campus(feed: Feed) -> Json:
    """Return the city."""
    return _element(feed, "campus", feed.city, CAMPUS_LAYER)


def place(zone: Zone, feed: Feed) -> Json:
    """Return a zone with how many of its bays are taken."""
    at, taken = format_rfc3339(feed.now), sum(zone.counts[status] for status in TAKEN)
    demand = {
        "count": taken,
        "occupancyCalculation": "counted",
        "percentage": round(100 * taken / zone.bays, 1),
        "recordDateTime": at,
    }
    lat, lon = zone.centre
    return _element(feed, "place", zone.zone, PLACE_LAYER) | {
        "parentId": versioned(feed.ids.of("campus", feed.city), "Campus"),
        "timeZone": feed.timezone,
        "characteristics": {
            "spacesTotal": zone.bays,
            "structureType": "onStreet",
            "structureGrade": "groundLevel",
            "accessControlled": False,
            "operatingModes": ["app"],
        },
        "placeBoundedZone": [{"type": "MultiPolygon", "coordinates": [[ring(zone.box)]]}],
        "indicativePlacePointLocation": [{"type": "Point", "coordinates": [lon, lat]}],
        "hierarchyElementReference": {
            "elementId": versioned(feed.ids.of("place", zone.zone), "Place"),
            "supply": [{"supplyViewType": "spaceView", "supplyQuantity": zone.bays}],
            "demandTable": [{"timestamp": at, "demandType": [demand]}],
        },
    }


def space(bay: Place, feed: Feed) -> Json:
    """Return a bay with what its sensor said last."""
    uuid = feed.ids.of("space", bay.bay)
    reference: Json = {
        "elementId": versioned(uuid, "Space"),
        "supply": [{"supplyViewType": "spaceView", "supplyQuantity": 1}],
    }
    if bay.observed_at:
        demand: Json = {
            "detectionUpdateTime": format_rfc3339(bay.observed_at),
            "spaceId": {"id": uuid, "className": "Space"},
            "occupancyLevel": _level(bay),
        }
        if bay.status in TAKEN:
            demand["occupancyStartTime"] = format_rfc3339(bay.observed_at)
        reference["demandTable"] = [{"timestamp": format_rfc3339(feed.now), "demandSpaceType": [demand]}]
    return _element(feed, "space", bay.bay, SPACE_LAYER) | {
        "parentId": versioned(feed.ids.of("place", bay.zone), "Place"),
        "spaceId": {"id": uuid, "className": "Space"},
        "detection": "spaceSensor",
        "indicativePointLocation": {"type": "Point", "coordinates": [bay.lon, bay.lat]},
        "occupancyLevel": _level(bay),
        "hierarchyElementReference": reference,
    }


def _level(bay: Place) -> Json:
    return {"occupancyIndicator": {"entryDefinedValue": bay.status.value}}


def _element(feed: Feed, kind: str, name: str, layer: int) -> Json:
    return {
        "id": feed.ids.of(kind, name),
        "version": 1,
        "type": kind,
        "name": text(name),
        "layer": layer,
        "hierarchyElementRecord": {"creationTime": format_rfc3339(feed.began_at)},
    }
