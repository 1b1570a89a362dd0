"""The city as built: bays along streets, each with its gateway and its resident. Pure and seeded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from broker_bridge.wire.messages import BayRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from sensors_sim.scenario import Scenario, Zone

EARTH_M_PER_DEG = 111_320.0
JITTER_M = 1.5


class Point(NamedTuple):
    """WGS 84 degrees."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Bay:
    """A parking bay as it stands in the street."""

    bay: str
    zone: str
    lat: float
    lon: float
    gateway: str
    resident: str
    tariff: str | None = None


@dataclass(frozen=True, slots=True)
class City:
    """All the bays of a city, by their names, and the bays of each gateway."""

    name: str
    bays: dict[str, Bay]
    gateways: dict[str, tuple[Bay, ...]]


def shifted(at: Point, east_m: float, north_m: float) -> Point:
    """Return the point so many metres away (equirectangular, good within a city)."""
    lat = at.lat + north_m / EARTH_M_PER_DEG
    return Point(round(lat, 6), round(at.lon + east_m / (EARTH_M_PER_DEG * math.cos(math.radians(at.lat))), 6))


def distance_m(one: Point, other: Point) -> float:
    """Return the straight distance in metres (equirectangular)."""
    east = (other.lon - one.lon) * math.cos(math.radians(one.lat))
    return math.hypot(east, other.lat - one.lat) * EARTH_M_PER_DEG


def build_city(scenario: Scenario, rng: Generator) -> City:
    """Lay the scenario's bays out; the same scenario and generator give the same city."""
    bays: list[Bay] = []
    for zone in scenario.zones:
        for at, place in enumerate(_along_streets(zone, rng)):
            name = f"{zone.name}-{at + 1:04d}"
            gateway = f"gw-{zone.name}-{at // scenario.bays_per_gateway + 1:02d}"
            bays.append(Bay(name, zone.name, place.lat, place.lon, gateway, f"res-{name}", zone.tariff))
    return city_of(scenario.city, bays)


def city_of(name: str, bays: Sequence[Bay]) -> City:
    """Return the city that has these bays."""
    gateways: dict[str, list[Bay]] = {}
    for bay in bays:
        gateways.setdefault(bay.gateway, []).append(bay)
    return City(name, {bay.bay: bay for bay in bays}, {at: tuple(those) for at, those in gateways.items()})


def bay_records(city: City) -> list[BayRecord]:
    """Return the bays as they are entered in the allocator's register."""
    return [
        BayRecord(
            bay=bay.bay,
            zone=bay.zone,
            lat=bay.lat,
            lon=bay.lon,
            gateway=bay.gateway,
            resident=bay.resident,
            tariff=bay.tariff,
        )
        for bay in city.bays.values()
    ]


def _along_streets(zone: Zone, rng: Generator) -> list[Point]:
    """Return the zone's bays in rows along parallel streets, turned by the zone's bearing."""
    per_street = math.ceil(zone.bays / zone.streets)
    turn = math.radians(zone.bearing_deg)
    centre = Point(zone.lat, zone.lon)
    places = []
    for number in range(zone.bays):
        street, along = divmod(number, per_street)
        x = (along - (per_street - 1) / 2) * zone.bay_gap_m + rng.normal(0, JITTER_M)
        y = (street - (zone.streets - 1) / 2) * zone.street_gap_m + rng.normal(0, JITTER_M)
        east, north = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
        places.append(shifted(centre, east, north))
    return places
