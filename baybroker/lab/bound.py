"""What a clairvoyant could serve at most: the relaxation of the assignment as a linear program, by HiGHS.

One column for each driver and each group of interchangeable bays (same place, same windows) that the driver could use,
by the core's own rules: the walk, and whole five-minute slots inside a window. Each driver is served at most once. How
many columns stand on a group at once is carried from each slot in which a stay begins or ends to the next, and is
at most the number of its bays: as strong as a row for every maximal set of overlapping stays, but sparser by far.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from allocator.domain.geometry import LocalPlane
from allocator.domain.interval import Interval, outward

if TYPE_CHECKING:
    from baybroker.lab.instance import Instance, OfferedBay

EPSILON = 1e-6


@dataclass(frozen=True, slots=True)
class Bound:
    """No policy serves more than `served` drivers; `paid_hours` are those of one optimum."""

    served: int
    paid_hours: float


@dataclass(frozen=True, slots=True)
class _Column:
    """A driver on a group of bays, holding `[from_at, until)`."""

    driver: int
    group: int
    held: Interval


def clairvoyant(instance: Instance, time_limit_s: float) -> Bound | None:
    """Return the bound, or None when it takes longer than that."""
    groups = _groups(instance.bays)
    columns = _columns(instance, list(groups))
    if not columns:
        return Bound(0, 0.0)
    flow, carried = _flow(columns, list(groups.values()))
    once = csr_array(
        (np.ones(len(columns)), ([column.driver for column in columns], range(len(columns)))),
        shape=(len(instance.demands), flow.shape[1]),
    )
    solved = linprog(  # type: ignore[call-overload]  # the stubs know no sparse matrices, SciPy does
        np.concatenate([np.full(len(columns), -1.0), np.zeros(len(carried))]),
        A_ub=once,
        b_ub=np.ones(len(instance.demands)),
        A_eq=flow,
        b_eq=np.zeros(flow.shape[0]),
        bounds=np.column_stack([np.zeros(flow.shape[1]), [*([1.0] * len(columns)), *map(float, carried)]]),
        method="highs-ipm",  # four times faster here than its simplex
        options={"time_limit": time_limit_s},
    )
    if solved.status != 0:
        return None
    hours = np.array([instance.demands[column.driver].hours for column in columns])
    return Bound(int(np.floor(-solved.fun + EPSILON)), float(hours @ solved.x[: len(columns)]))


def _groups(bays: tuple[OfferedBay, ...]) -> dict[OfferedBay, int]:
    """Return one bay of each group of interchangeable ones, and how many there are."""
    first: dict[tuple[object, ...], OfferedBay] = {}
    count: dict[OfferedBay, int] = defaultdict(int)
    for bay in bays:
        count[first.setdefault((bay.lat, bay.lon, bay.windows), bay)] += 1
    return count


def _columns(instance: Instance, groups: list[OfferedBay]) -> list[_Column]:
    plane = LocalPlane(instance.bays[0].lat, instance.bays[0].lon)
    tree = cKDTree([plane.metres(group.lat, group.lon) for group in groups])
    columns = []
    for driver, demand in enumerate(instance.demands):
        held = outward(Interval(demand.arrive_at, demand.until))
        for group in tree.query_ball_point(plane.metres(demand.lat, demand.lon), demand.max_walk_m):
            windows = groups[group].windows
            if any(window.from_at <= held.from_at and held.until <= window.until for window in windows):
                columns.append(_Column(driver, group, held))
    return columns


def _flow(columns: list[_Column], sizes: list[int]) -> tuple[csr_array, list[int]]:
    """Return the rows that carry the count of each group from slot to slot, and the most that each may be."""
    begin_or_end: dict[int, set[int]] = defaultdict(set)
    for column in columns:
        begin_or_end[column.group].update(column.held)
    row_of: dict[tuple[int, int], int] = {}
    carried: list[int] = []
    entries: list[tuple[int, int, float]] = []
    for group, instants in sorted(begin_or_end.items()):
        for at, instant in enumerate(sorted(instants)):
            row = row_of[group, instant] = len(carried)
            carried.append(sizes[group])
            entries.append((row, len(columns) + row, 1.0))
            if at:
                entries.append((row, len(columns) + row - 1, -1.0))
    for number, column in enumerate(columns):
        entries.append((row_of[column.group, column.held.from_at], number, -1.0))
        entries.append((row_of[column.group, column.held.until], number, 1.0))
    rows, places, values = zip(*entries, strict=True)
    shape = (len(carried), len(columns) + len(carried))
    return csr_array((values, (rows, places)), shape=shape), carried
