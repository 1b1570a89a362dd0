"""Degrees to local metres: an equirectangular plane, exact to far less than a sensor's error within a city."""

from __future__ import annotations

import math
from dataclasses import dataclass

EARTH_RADIUS_M = 6_371_008.8


@dataclass(frozen=True, slots=True)
class LocalPlane:
    """A plane that touches the earth at an origin."""

    lat: float
    lon: float

    def metres(self, lat: float, lon: float) -> tuple[float, float]:
        """Return how far east and north of the origin a point is."""
        x_m = math.radians(lon - self.lon) * EARTH_RADIUS_M * math.cos(math.radians(self.lat))
        y_m = math.radians(lat - self.lat) * EARTH_RADIUS_M
        return x_m, y_m
