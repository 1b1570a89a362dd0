"""Where the single bays of a car park stand that has published one coordinate. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sensors_sim.city import Point, shifted

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW_BAYS = 20
BAY_M = 6.0
ROW_M = 8.0


def lay_out(lat: float, lon: float, spaces: int) -> Iterator[Point]:
    """Yield the bays: one where it was published; several 6 m apart in rows of up to 20, 8 m apart, centred there."""
    centre = Point(lat, lon)
    if spaces == 1:
        yield centre
        return
    rows = math.ceil(spaces / ROW_BAYS)
    in_row = math.ceil(spaces / rows)
    for number in range(spaces):
        row, along = divmod(number, in_row)
        yield shifted(centre, (along - (in_row - 1) / 2) * BAY_M, (row - (rows - 1) / 2) * ROW_M)
