"""The published Beijing instance of shared spaces (CARSP), as far as it is published.

From the paper's table of parameters (Journal of Advanced Transportation 2022, 1373391): 4,320 steps of one minute
(three days), 31,494 demands, 1,800 services at 5 facilities, walks of 100 to 700 m, waits of 1 to 10 min for an answer,
slots of 5 min. Its prices are not used: here every bay costs the same.

Chosen by us, because the paper does not say: the services are spread evenly over the facilities; each is offered from
09:00 to 18:00 of each day; the facilities stand in the middle and 400 m north, south, east and west of it;
destinations are uniform on the square of 1,200 m around them; stays are log-normal with median 53 and mean 85 min
(fitted to visitors' stays of 15 minutes and longer), cut to 15 to 540; arrivals are uniform such that the stay lies in
a window; drivers ask an exponential lead with the given mean ahead.
"""

from __future__ import annotations

import numpy as np

from allocator.domain.interval import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from baybroker.lab.instance import DAY_AT, Demand, Instance, OfferedBay, moved

STEPS_MIN = 4_320
DEMANDS = 31_494
SERVICES = 1_800
WALK_M = (100, 700)
WAIT_MIN = (1, 10)
MIDDLE = (39.90, 116.40)
FACILITIES_M = ((0, 0), (0, 400), (0, -400), (400, 0), (-400, 0))
REACH_M = 600.0
STAY_MEDIAN_MIN, STAY_SIGMA = 53.0, 0.97
STAY_MIN = (15, 540)
OPEN_H = (9, 18)


def carsp(seed: int, *, lead_min: float = 45.0, share: float = 1.0) -> Instance:
    """Return the instance, or a `share` of it: so many fewer demands and services."""
    draw = np.random.default_rng(seed)
    days = range(STEPS_MIN * MINUTE_MS // DAY_MS)
    windows = tuple(Interval(*(DAY_AT + day * DAY_MS + hour * HOUR_MS for hour in OPEN_H)) for day in days)
    places = [moved(*MIDDLE, *at) for at in FACILITIES_M]
    bays = tuple(
        OfferedBay(f"bay-{number + 1}", *places[number % len(places)], windows)
        for number in range(round(SERVICES * share))
    )
    demands = tuple(_demand(draw, number + 1, windows, lead_min) for number in range(round(DEMANDS * share)))
    return Instance(name="carsp", seed=seed, bays=bays, demands=demands, lead_min=lead_min)


def _demand(draw: np.random.Generator, number: int, windows: tuple[Interval, ...], lead_min: float) -> Demand:
    stay_min = int(np.clip(STAY_MEDIAN_MIN * np.exp(STAY_SIGMA * draw.standard_normal()), *STAY_MIN))
    window = windows[draw.integers(len(windows))]
    spare_min = (window.until - window.from_at) // MINUTE_MS - stay_min
    arrive_at = window.from_at + int(draw.integers(spare_min + 1)) * MINUTE_MS
    asked_at = arrive_at - int(draw.exponential() * lead_min) * MINUTE_MS
    lat, lon = moved(*MIDDLE, *draw.uniform(-REACH_M, REACH_M, size=2).tolist())
    return Demand(
        name=f"{number}",
        asked_at=asked_at,
        arrive_at=arrive_at,
        until=arrive_at + stay_min * MINUTE_MS,
        lat=lat,
        lon=lon,
        max_walk_m=int(draw.integers(WALK_M[0], WALK_M[1] + 1)),
        wait_until=min(asked_at + int(draw.integers(WAIT_MIN[0], WAIT_MIN[1] + 1)) * MINUTE_MS, arrive_at),
    )
