"""A day of real bays: stays of real visitors, wanted around a few hot spots, until a load is reached.

A stay is drawn with the time of day at which it began, since who comes in the morning stays longer than who comes at
three; it is one that some bay is offered for from beginning to end.

Load is the requested minutes over `USABLE` of the offered ones. `HOT_SHARE` of the destinations lie around `HOT_SPOTS`
bays, the others around any. Who comes, when and whereto depends on the seed and the load alone, so that days of
different leads have the same bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from allocator.domain.interval import MINUTE_MS, Interval
from baybroker.lab.instance import DAY_AT, Demand, Instance, moved
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baybroker.lab.instance import OfferedBay
    from baybroker.lab.places import Stay

USABLE = 0.75
HOT_SPOTS = 3
HOT_SHARE = 0.6
HOT_SD_M = 200.0
ELSEWHERE_SD_M = 150.0
WALK_M = (200, 400)


def day(bays: Sequence[OfferedBay], stays: Sequence[Stay], *, load: float, lead_min: float, seed: int) -> Instance:
    """Return the day; raises SettingsError where no stay fits into any window."""
    draw = np.random.default_rng(seed)
    windows = {window for bay in bays for window in bay.windows}
    asked = [
        stay
        for stay in map(_on_the_day, stays)
        if any(window.from_at <= stay.from_at and stay.until <= window.until for window in windows)
    ]
    if not asked:
        raise SettingsError("no stay begins and ends while a bay is offered")
    wanted_ms = load * USABLE * sum(bay.offered_ms for bay in bays)
    spots = draw.choice(len(bays), size=min(HOT_SPOTS, len(bays)), replace=False)
    demands: list[Demand] = []
    while wanted_ms > 0:
        stay = asked[draw.integers(len(asked))]
        lat, lon = _destination(draw, bays, spots)
        lead_ms = int(draw.exponential() * lead_min) * MINUTE_MS
        demands.append(
            Demand(
                name=f"{len(demands) + 1}",
                asked_at=stay.from_at - lead_ms,
                arrive_at=stay.from_at,
                until=stay.until,
                lat=lat,
                lon=lon,
                max_walk_m=int(draw.integers(WALK_M[0], WALK_M[1] + 1)),
            )
        )
        wanted_ms -= stay.until - stay.from_at
    return Instance(name="day", seed=seed, bays=tuple(bays), demands=tuple(demands), load=load, lead_min=lead_min)


def _on_the_day(stay: Stay) -> Interval:
    from_at = DAY_AT + stay.from_min * MINUTE_MS
    return Interval(from_at, from_at + stay.lasts_min * MINUTE_MS)


def _destination(draw: np.random.Generator, bays: Sequence[OfferedBay], spots: np.ndarray) -> tuple[float, float]:
    hot = draw.random() < HOT_SHARE
    near = bays[int(draw.choice(spots))] if hot else bays[int(draw.integers(len(bays)))]
    east_m, north_m = draw.normal(scale=HOT_SD_M if hot else ELSEWHERE_SD_M, size=2)
    return moved(near.lat, near.lon, float(east_m), float(north_m))
