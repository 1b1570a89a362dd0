"""Bays and zones as the feeds show them, with the status that the allocator shows on its topics."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from allocator.domain.geometry import EARTH_RADIUS_M, LocalPlane
from allocator.domain.lifecycle import BayStatus
from baybroker.web.feeds.reading import texts
from baybroker.web.feeds.windows import offer_of, open_at

if TYPE_CHECKING:
    from collections.abc import Callable

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

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box: latitude, longitude."""
        south, west, north, east = self.box
        return (south + north) / 2, (west + east) / 2


def read_places(
    feed: Feed, *, zone: str | None = None, box: Box = EVERYWHERE, limit: int = ALL, offset: int = 0
) -> list[Place]:
    """Return the bays of a zone, or of all, in a box, in a fixed order."""
    return _places(feed, list(feed.rows("bays", **_where(zone, box), names=None, limit=limit, offset=offset)))


def nearest(
    feed: Feed, lat: float, lon: float, radius_m: float, *, zone: str | None, limit: int, offset: int
) -> tuple[int, list[Place]]:
    """Return how many bays of a zone, or of all, lie in a circle, and some of them, the nearest first."""
    plane, near = LocalPlane(lat, lon), []
    for row in feed.rows("points", **_where(zone, around(lat, lon, radius_m))):
        away_m = math.hypot(*plane.metres(row["lat"], row["lon"]))
        if away_m <= radius_m:
            near.append((away_m, row["bay"]))
    names = [bay for _, bay in sorted(near)[offset : offset + limit]]
    rows = feed.rows("bays", **_where(zone, EVERYWHERE), names=json.dumps(names), limit=ALL, offset=0)
    return len(near), sorted(_places(feed, list(rows)), key=lambda place: names.index(place.bay))


def count_places(feed: Feed, *, zone: str | None = None, box: Box = EVERYWHERE) -> int:
    """Return how many there are."""
    return int(feed.one("count_bays", **_where(zone, box))["bays"])


def read_zones(feed: Feed) -> list[Zone]:
    """Return every zone. It looks at every bay, and makes nothing of each but a status."""
    opened, counts = _open_bays(feed), defaultdict[str, Counter[BayStatus]](Counter)
    for row in feed.rows("bays", **_where(None, EVERYWHERE), names=None, limit=ALL, offset=0):
        counts[row["zone"]][_status(row, partial(opened.__contains__, row["bay"]))] += 1
    return [
        Zone(
            zone=row["zone"],
            bays=row["bays"],
            box=grown((row["south"], row["west"], row["north"], row["east"]), BAY_WIDTH_CM / 200),
            observed_at=row["observed_at"],
            counts=counts[row["zone"]],
        )
        for row in feed.rows("zones")
    ]


def _open_bays(feed: Feed) -> set[str]:
    """Return which bays are on offer now; windows that many offers share are worked out once."""
    shared: dict[tuple[str, ...], bool] = {}
    opened: set[str] = set()
    recalled: set[str] = set()
    for row in feed.rows("offers", now=feed.now, bays=None):
        if row["kind"] == "recall":
            recalled.add(row["bay"])
        elif row["kind"] == "weekly":
            rule = (row["rrule"], row["start"], row["end"], row["except_dates"])
            if rule not in shared:
                shared[rule] = open_at([offer_of(row)], feed.timezone, feed.now)
            if shared[rule]:
                opened.add(row["bay"])
        elif open_at([offer_of(row)], feed.timezone, feed.now):
            opened.add(row["bay"])
    for bay in opened & recalled:
        if not open_at(_offers(feed, [bay])[bay], feed.timezone, feed.now):
            opened.remove(bay)
    return opened


def _offers(feed: Feed, bays: list[str]) -> dict[str, list[Offer]]:
    offers: dict[str, list[Offer]] = defaultdict(list)
    for row in feed.rows("offers", now=feed.now, bays=json.dumps(bays)):
        offers[row["bay"]].append(offer_of(row))
    return offers


def _places(feed: Feed, rows: list[Row]) -> list[Place]:
    offers = _offers(feed, [row["bay"] for row in rows])
    return [_place(row, tuple(offers.get(row["bay"], ())), feed) for row in rows]


def grown(box: Box, by_m: float) -> Box:
    """Return a box that reaches so many metres farther to every side."""
    south, west, north, east = box
    lat_by = math.degrees(by_m / EARTH_RADIUS_M)
    lon_by = lat_by / max(math.cos(math.radians(north)), 0.01)
    return south - lat_by, west - lon_by, north + lat_by, east + lon_by


def around(lat: float, lon: float, radius_m: float) -> Box:
    """Return the box of a circle."""
    return grown((lat, lon, lat, lon), radius_m)


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
        status=_status(row, lambda: open_at(offers, feed.timezone, feed.now)),
        observed_at=row["observed_at"],
        lost=row["lost"],
        held_until=row["held_until"],
        offers=offers,
    )


def _status(row: Row, is_open: Callable[[], bool]) -> BayStatus:
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
    return BayStatus.AVAILABLE if is_open() else BayStatus.CLOSED
