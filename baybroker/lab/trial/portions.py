"""The portions of a city: groups of zones that nobody walks between, so that each has an allocator of its own.

What a driver may be given lies around one destination, and so does whoever may be moved for it. Where two groups of
zones are farther apart than two walks, no decision about the one depends on the other: they can be played side by side.
"""

from __future__ import annotations

import heapq
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from sensors_sim.city import metres, places
from sensors_sim.engine.stage import WHOLE, Portion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sensors_sim.city import City

    Group = tuple[int, frozenset[str]]
    """How many bays it has, and its zones."""

BAYS_LEAST = 30_000
"""A smaller portion is not worth a process of its own. Which portions there are never depends on the machine."""


def portions_of(city: City, walk_m: float, bays_least: int = BAYS_LEAST) -> tuple[Portion, ...]:
    """Return the portions of a city in which nobody walks farther than that; the whole where it has no two."""
    if len(city.bays) < 2 * bays_least:
        return (WHOLE,)
    groups = _groups(city, 2 * walk_m)
    for of in range(len(groups), 1, -1):
        filled = _filled(groups, of)
        if min(bays for bays, _ in filled) >= bays_least:
            return tuple(Portion(zones, number, of) for number, (_, zones) in enumerate(filled))
    return (WHOLE,)


def _filled(groups: Sequence[Group], of: int) -> list[Group]:
    """Return so many groups of about equal size: the largest first, each to the smallest so far."""
    filling: list[tuple[int, int, frozenset[str]]] = [(0, number, frozenset()) for number in range(of)]
    for bays, zones in sorted(groups, key=lambda group: (-group[0], min(group[1]))):
        filled, number, those = heapq.heappop(filling)
        heapq.heappush(filling, (filled + bays, number, those | zones))
    return [(bays, zones) for bays, _, zones in sorted(filling, key=lambda one: one[1])]


def _groups(city: City, apart_m: float) -> list[Group]:
    """Return the groups of zones that are farther apart than that from every other."""
    bays = list(city.bays.values())
    zone_of = np.array([bay.zone for bay in bays])
    zones, zone = np.unique(zone_of, return_inverse=True)
    links = np.array([*_close(city, zone, len(zones), apart_m), *_sharing(city, zones)], int).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(links)), links.T), shape=(len(zones), len(zones)))
    count, group = connected_components(graph, directed=False)
    sizes = np.bincount(group[zone], minlength=count)
    return [(int(sizes[which]), frozenset(zones[group == which].tolist())) for which in range(count)]


def _close(city: City, zone: np.ndarray, zones: int, apart_m: float) -> Iterator[tuple[int, int]]:
    """Yield the pairs of zones that have bays so close to each other."""
    lat, lon = places(city)
    points = metres(lat, lon, float(lat.mean()))
    of_zone = [points[zone == number] for number in range(zones)]
    trees = [cKDTree(those) for those in of_zone]
    for one, other in combinations(range(zones), 2):
        gap = np.maximum(trees[one].mins - trees[other].maxes, trees[other].mins - trees[one].maxes)
        if (gap <= apart_m).all() and np.min(trees[one].query(of_zone[other])[0]) <= apart_m:
            yield one, other


def _sharing(city: City, zones: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the pairs of zones that report through the same gateway."""
    for bays in city.gateways.values():
        numbers = np.searchsorted(zones, sorted({bay.zone for bay in bays}))
        yield from zip(numbers[:-1].tolist(), numbers[1:].tolist(), strict=True)
