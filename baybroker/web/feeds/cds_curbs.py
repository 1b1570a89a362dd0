"""CDS 1.1 Curbs: the city's zones and bays.

What is chosen where CDS asks for what nobody measured, or says two things:
- A bay is registered as a point: its `geometry` is a square of a bay's width around it, `length` and `width` are those
  of a parallel bay in Korea's parking law. A zone is the box of its bays; boxes may touch, which CDS does not want.
- Bays have no policies in CDS, only zones do, and a zone has one regulation. Here every bay has its own windows:
  its policies' ids are in `custom_attributes`, and a zone lists those of all its bays.
- Values in `custom_attributes` are strings: 1.1 allows anything there, its examples are strings.
- `published_date` is when the history begins: nobody wrote down when a bay was first registered.
- A bay that nothing is known of has no `available` at all: unknown must not look like free, nor like taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocator.domain.lifecycle import BayStatus
from baybroker.web.feeds.places import BAY_LENGTH_CM, BAY_WIDTH_CM, outline, ring

if TYPE_CHECKING:
    from baybroker.web.feeds.cds_policies import Policies
    from baybroker.web.feeds.places import Place, Zone
    from baybroker.web.feeds.reading import Feed

Json = dict[str, Any]


def curb_space(place: Place, feed: Feed, policies: Policies) -> Json:
    """Return a bay as a Curb Space."""
    said = {"status": place.status.value, "curb_policy_ids": ",".join(policies.of(place))}
    space: Json = {
        "curb_space_id": feed.ids.of("space", place.bay),
        "geometry": {"type": "Polygon", "coordinates": [outline(place)]},
        "name": place.bay,
        "published_date": feed.began_at,
        "last_updated_date": max(place.observed_at, feed.began_at),
        "curb_zone_id": feed.ids.of("zone", place.zone),
        "length": BAY_LENGTH_CM,
        "width": BAY_WIDTH_CM,
        "custom_attributes": said | ({"needs": ",".join(place.needs)} if place.needs else {}),
    }
    if place.status is not BayStatus.UNKNOWN:
        space |= {"available": place.status is BayStatus.AVAILABLE, "availability_time": feed.now}
    return space


def curb_zone(zone: Zone, feed: Feed, policy_ids: list[str], *, with_geometry: bool) -> Json:
    """Return a zone as a Curb Zone."""
    geometry = {"geometry": {"type": "Polygon", "coordinates": [ring(zone.box)]}} if with_geometry else {}
    return {
        "curb_zone_id": feed.ids.of("zone", zone.zone),
        **geometry,
        "curb_policy_ids": policy_ids,
        "published_date": feed.began_at,
        "last_updated_date": max(zone.observed_at, feed.began_at),
        "start_date": feed.began_at,
        "name": zone.zone,
        "num_spaces": zone.bays,
        "available_spaces": zone.counts[BayStatus.AVAILABLE],
        "available_space_lengths": [BAY_LENGTH_CM] * zone.counts[BayStatus.AVAILABLE],
        "availability_time": feed.now,
    }
