"""The city as built: bays along streets, each with its gateway and its resident. Pure and seeded."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from broker_bridge.wire.messages import BayRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from sensors_sim.parts import Window
    from sensors_sim.scenario import Scenario, Zone

EARTH_M_PER_DEG = 111_320.0
JITTER_M = 1.5
ROW_BAYS = 8
"""How many bays of a scattered zone stand in one row along a kerb."""


class Point(NamedTuple):
    """WGS 84 degrees."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Bay:
    """A parking bay as it stands in the street. `windows`: when it is shared, where that was published."""

    bay: str
    zone: str
    lat: float
    lon: float
    gateway: str
    resident: str
    tariff: str | None = None
    windows: tuple[Window, ...] = ()


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


def metres(lat: NDArray[np.float64], lon: NDArray[np.float64], at_lat: float) -> NDArray[np.float64]:
    """Return points as rows of metres north and east on a plane that is true at a latitude (equirectangular)."""
    return np.column_stack((lat, lon * math.cos(math.radians(at_lat)))) * EARTH_M_PER_DEG


def places(city: City) -> NDArray[np.float64]:
    """Return the degrees of a city's bays: a row of latitudes and one of longitudes."""
    return np.array([(bay.lat, bay.lon) for bay in city.bays.values()]).T


def build_city(scenario: Scenario, rng: Generator) -> City:
    """Lay the scenario's bays out, or take those of its file; the same scenario and generator give the same city."""
    bays = list(scenario.placed)
    for zone in scenario.zones:
        places = _along_streets(zone, rng) if zone.radius_m is None else _scattered(zone, zone.radius_m, rng)
        for at, place in enumerate(_shifted_all(Point(zone.lat, zone.lon), places)):
            name = f"{zone.name}-{at + 1:04d}"
            gateway = f"gw-{zone.name}-{at // scenario.bays_per_gateway + 1:02d}"
            bays.append(Bay(name, zone.name, place.lat, place.lon, gateway, f"res-{name}", zone.tariff))
    if scenario.sensors.connection == "device":
        bays = [replace(bay, gateway=f"gw-{bay.bay}") for bay in bays]
    return city_of(scenario.city, bays)


def city_of(name: str, bays: Sequence[Bay]) -> City:
    """Return the city that has these bays."""
    gateways: dict[str, list[Bay]] = {}
    for bay in bays:
        gateways.setdefault(bay.gateway, []).append(bay)
    return City(name, {bay.bay: bay for bay in bays}, {at: tuple(those) for at, those in gateways.items()})


def bays_in(city: City, zones: Collection[str]) -> City:
    """Return the city with the bays of some of its zones only, in their order."""
    return city_of(city.name, [bay for bay in city.bays.values() if bay.zone in zones])


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


def _along_streets(zone: Zone, rng: Generator) -> NDArray[np.float64]:
    """Return the zone's bays in rows along parallel streets, turned by the zone's bearing: metres east and north."""
    per_street = math.ceil(zone.bays / zone.streets)
    street, along = np.divmod(np.arange(zone.bays), per_street)
    jitter = rng.normal(0, JITTER_M, size=(zone.bays, 2))
    x = (along - (per_street - 1) / 2) * zone.bay_gap_m + jitter[:, 0]
    y = (street - (zone.streets - 1) / 2) * zone.street_gap_m + jitter[:, 1]
    return _turned(x, y, math.radians(zone.bearing_deg))


def _scattered(zone: Zone, radius_m: float, rng: Generator) -> NDArray[np.float64]:
    """Return the zone's bays in short rows all over a disc, neighbours after each other: metres east and north."""
    rows = math.ceil(zone.bays / ROW_BAYS)
    away_m = radius_m * np.sqrt(rng.random(rows))
    centres = _turned(away_m, np.zeros(rows), 2 * math.pi * rng.random(rows))
    bearings = math.pi * rng.random(rows)
    strip_m = max(2 * radius_m / math.sqrt(rows), 1.0)
    nearby = np.lexsort((centres[:, 0], np.floor(centres[:, 1] / strip_m)))
    row, place = np.divmod(np.arange(zone.bays), ROW_BAYS)
    along = (place - (ROW_BAYS - 1) / 2) * zone.bay_gap_m
    return centres[nearby][row] + _turned(along, np.zeros(zone.bays), bearings[nearby][row])


def _turned(x: NDArray[np.float64], y: NDArray[np.float64], by: float | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack((x * np.cos(by) - y * np.sin(by), x * np.sin(by) + y * np.cos(by)))


def _shifted_all(centre: Point, away_m: NDArray[np.float64]) -> list[Point]:
    """Return the points so many metres (east, north) away from the centre, as `shifted` does."""
    lat = centre.lat + away_m[:, 1] / EARTH_M_PER_DEG
    lon = centre.lon + away_m[:, 0] / (EARTH_M_PER_DEG * math.cos(math.radians(centre.lat)))
    return list(map(Point, lat.round(6).tolist(), lon.round(6).tolist()))
