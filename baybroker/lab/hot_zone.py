"""One shot: everybody wants to park around three destinations, at the same time.

Bays lie at random on a square kilometre; drivers want to go near one of three bays of it, scattered as on a day. All
stays are the same two hours, asked for one after the other long before they begin.
"""

from __future__ import annotations

import numpy as np

from allocator.domain.interval import HOUR_MS, MINUTE_MS, Interval
from baybroker.lab.day import HOT_SD_M, HOT_SPOTS, WALK_M
from baybroker.lab.instance import DAY_AT, Demand, Instance, OfferedBay, moved

BAYS = 500
DRIVERS = 500
SIDE_M = 1000.0
CORNER = (37.45, 126.90)
WINDOW = Interval(DAY_AT + 9 * HOUR_MS, DAY_AT + 18 * HOUR_MS)
STAY = Interval(DAY_AT + 14 * HOUR_MS, DAY_AT + 16 * HOUR_MS)


def hot_zone(seed: int, *, bays: int = BAYS, drivers: int = DRIVERS) -> Instance:
    """Return the instance; at other sizes the bays are as dense."""
    draw = np.random.default_rng(seed)
    side_m = SIDE_M * (bays / BAYS) ** 0.5
    places = [moved(*CORNER, *draw.uniform(0, side_m, size=2).tolist()) for _ in range(bays)]
    spots = draw.choice(bays, size=HOT_SPOTS, replace=False)
    demands = []
    for number in range(drivers):
        lat, lon = moved(*places[draw.choice(spots)], *draw.normal(scale=HOT_SD_M, size=2).tolist())
        demands.append(
            Demand(
                name=f"{number + 1}",
                asked_at=DAY_AT + 8 * HOUR_MS + number * MINUTE_MS // 2,
                arrive_at=STAY.from_at,
                until=STAY.until,
                lat=lat,
                lon=lon,
                max_walk_m=int(draw.integers(WALK_M[0], WALK_M[1] + 1)),
            )
        )
    offered = tuple(OfferedBay(f"bay-{at + 1}", *place, (WINDOW,)) for at, place in enumerate(places))
    return Instance(name="hot-zone", seed=seed, bays=offered, demands=tuple(demands))
