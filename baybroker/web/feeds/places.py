"""Bays and zones as the feeds show them, with the status that the allocator shows on its topics."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocator.domain.geometry import EARTH_RADIUS_M, LocalPlane
from allocator.domain.lifecycle import BayStatus
from baybroker.web.feeds.reading import texts
from baybroker.web.feeds.windows import offer_of, open_at

if TYPE_CHECKING:
    from allocator.domain.model import Offer
    from baybroker.web.feeds.reading import Feed, Row

Ring = list[list[float]]
Box = tuple[float, float, float, float]
"""South, west, north, east, in degrees."""
EVERYWHERE: Box = (-90.0, -180.0, 90.0, 180.0)
BAY_LENGTH_CM, BAY_WIDTH_CM = 600, 200
"""A parallel bay of Korea's parking law; the register knows no bay's own measure."""
ALL = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bay and what it shows now. `held_until` is the end of the reservation that it is shown for."""

    bay: str
    zone: str
    lat: float
    lon: float
    needs: tuple[str, ...]
    tariff: str | None
    status: BayStatus
    observed_at: int
    lost: str | None
    held_until: int | None
    offers: tuple[Offer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A zone, the box of its bays, and how many of them show each status."""

    zone: str
    bays: int
    box: Box
    observed_at: int
    counts: Counter[BayStatus]
    places: tuple[Place, ...]

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box: latitude, longitude."""
        south, west, north, east = self.box
        return (south + north) / 2, (west + east) / 2


def read_places(
    feed: Feed, *, zone: str | None = None, box: Box = EVERYWHERE, limit: int = ALL, offset: int = 0
) -> list[Place]:
    """Return the bays of a zone, or of all, in a box, in a fixed order."""
    rows = list(feed.rows("bays", **_where(zone, box), limit=limit, offset=offset))
    names = None if limit == ALL else json.dumps([row["bay"] for row in rows])
    offers: dict[str, list[Offer]] = defaultdict(list)
    for row in feed.rows("offers", now=feed.now, bays=names):
        offers[row["bay"]].append(offer_of(row))
    return [_place(row, tuple(offers.get(row["bay"], ())), feed) for row in rows]


def count_places(feed: Feed, *, zone: str | None = None, box: Box = EVERYWHERE) -> int:
    """Return how many there are."""
    return int(feed.one("count_bays", **_where(zone, box))["bays"])


def read_zones(feed: Feed) -> list[Zone]:
    """Return every zone with its bays."""
    places: dict[str, list[Place]] = defaultdict(list)
    for place in read_places(feed):
        places[place.zone].append(place)
    return [
        Zone(
            zone=row["zone"],
            bays=row["bays"],
            box=grown((row["south"], row["west"], row["north"], row["east"]), BAY_WIDTH_CM / 200),
            observed_at=row["observed_at"],
            counts=Counter(place.status for place in places[row["zone"]]),
            places=tuple(places[row["zone"]]),
        )
        for row in feed.rows("zones")
    ]


def grown(box: Box, by_m: float) -> Box:
    """Return a box that reaches so many metres farther to every side."""
    south, west, north, east = box
    lat_by = math.degrees(by_m / EARTH_RADIUS_M)
    lon_by = lat_by / max(math.cos(math.radians(north)), 0.01)
    return south - lat_by, west - lon_by, north + lat_by, east + lon_by


def around(lat: float, lon: float, radius_m: float) -> Box:
    """Return the box of a circle."""
    return grown((lat, lon, lat, lon), radius_m)


def distance_m(lat: float, lon: float, place: Place) -> float:
    """Return how far a bay is from a point."""
    return math.hypot(*LocalPlane(lat, lon).metres(place.lat, place.lon))


def ring(box: Box) -> Ring:
    """Return the box as a closed ring of [longitude, latitude], anticlockwise as RFC 7946 wants it."""
    south, west, north, east = (round(edge, 7) for edge in box)
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def outline(place: Place) -> Ring:
    """Return a square of a bay's width around its point: nobody knows which way the bay lies."""
    return ring(around(place.lat, place.lon, BAY_WIDTH_CM / 200))


def _where(zone: str | None, box: Box) -> dict[str, object]:
    return {"zone": zone, **dict(zip(("south", "west", "north", "east"), box, strict=True))}


def _place(row: Row, offers: tuple[Offer, ...], feed: Feed) -> Place:
    return Place(
        bay=row["bay"],
        zone=row["zone"],
        lat=row["lat"],
        lon=row["lon"],
        needs=texts(row["needs"]),
        tariff=row["tariff"],
        status=_status(row, offers, feed),
        observed_at=row["observed_at"],
        lost=row["lost"],
        held_until=row["held_until"],
        offers=offers,
    )


def _status(row: Row, offers: tuple[Offer, ...], feed: Feed) -> BayStatus:
    """Return what the bay shows; the order is that of `allocator.core.State.bay_status`."""
    if row["closed"]:
        return BayStatus.CLOSED
    if row["lost"] is not None or row["occupancy"] == "unknown":
        return BayStatus.UNKNOWN
    if row["contested"] is not None:
        return BayStatus.CONTESTED
    if row["held"] == "active" or row["occupancy"] == "occupied":
        return BayStatus.OCCUPIED
    if row["held"] == "bound":
        return BayStatus.RESERVED
    return BayStatus.AVAILABLE if open_at(offers, feed.timezone, feed.now) else BayStatus.CLOSED
