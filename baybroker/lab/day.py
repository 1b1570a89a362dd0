"""A day of real bays: stays of real visitors, wanted around a few hot spots, until a load is reached.

Load is the requested minutes over `USABLE` of the offered ones. `HOT_SHARE` of the destinations lie around `HOT_SPOTS`
bays, the others around any. Drivers come at any time while a bay is offered, whatever their stay: one that outlasts
every window is asked for as well, and nobody can serve it, the bound neither. Who comes, when and whereto depends on
the seed and the load alone, so that days of different leads have the same bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from allocator.domain.interval import MINUTE_MS
from baybroker.lab.instance import Demand, Instance, moved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baybroker.lab.instance import OfferedBay

USABLE = 0.75
HOT_SPOTS = 3
HOT_SHARE = 0.6
HOT_SD_M = 200.0
ELSEWHERE_SD_M = 150.0
WALK_M = (200, 400)


def day(bays: Sequence[OfferedBay], stays_min: Sequence[int], *, load: float, lead_min: float, seed: int) -> Instance:
    """Return the day."""
    draw = np.random.default_rng(seed)
    opens_at, closes_at = _offered(bays)
    wanted_ms = load * USABLE * sum(bay.offered_ms for bay in bays)
    spots = draw.choice(len(bays), size=min(HOT_SPOTS, len(bays)), replace=False)
    demands: list[Demand] = []
    while wanted_ms > 0:
        stay_ms = int(draw.choice(stays_min)) * MINUTE_MS
        lat, lon = _destination(draw, bays, spots)
        arrive_at = opens_at + int(draw.integers((closes_at - opens_at) // MINUTE_MS)) * MINUTE_MS
        lead_ms = int(draw.exponential() * lead_min) * MINUTE_MS
        demands.append(
            Demand(
                name=f"{len(demands) + 1}",
                asked_at=arrive_at - lead_ms,
                arrive_at=arrive_at,
                until=arrive_at + stay_ms,
                lat=lat,
                lon=lon,
                max_walk_m=int(draw.integers(WALK_M[0], WALK_M[1] + 1)),
            )
        )
        wanted_ms -= stay_ms
    return Instance(name="day", seed=seed, bays=tuple(bays), demands=tuple(demands), load=load, lead_min=lead_min)


def _offered(bays: Sequence[OfferedBay]) -> tuple[int, int]:
    """Return when the first bay opens and the last closes."""
    windows = [window for bay in bays for window in bay.windows]
    return min(window.from_at for window in windows), max(window.until for window in windows)


def _destination(draw: np.random.Generator, bays: Sequence[OfferedBay], spots: np.ndarray) -> tuple[float, float]:
    hot = draw.random() < HOT_SHARE
    near = bays[int(draw.choice(spots))] if hot else bays[int(draw.integers(len(bays)))]
    east_m, north_m = draw.normal(scale=HOT_SD_M if hot else ELSEWHERE_SD_M, size=2)
    return moved(near.lat, near.lon, float(east_m), float(north_m))
