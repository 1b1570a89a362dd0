"""The ground truth of a run beside what the sensors said, and what can be measured of the two.

A change is a bay's number, an instant, and +1 (a car comes, or is said to) or -1. Truth and sensors are each a list of
changes, so that occupancy and error are sums over intervals between changes.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from allocator.domain import events as e
from allocator.domain.interval import HOUR_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from allocator.domain.events import Recorded
    from sensors_sim.engine.truth import Truth

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

KINDS = ("resident", "guest", "squatter")
HOURS = 24


class Stays(NamedTuple):
    """Who stood where: bay numbers, places in KINDS, and `[since, until)`; a stay that goes on ends with the run."""

    bay: Ints
    kind: Ints
    since: Ints
    until: Ints


class Ground:
    """Collects the truth and the sensors' words of a city's bays, which are numbered as in `bays`."""

    def __init__(self, bays: Sequence[str], start: int) -> None:
        self.start = start
        self.number = {bay: number for number, bay in enumerate(bays)}
        self._stays: tuple[array[int], ...] = tuple(array("q") for _ in range(4))
        self.reports: tuple[array[int], ...] = tuple(array("q") for _ in range(3))
        """What the allocator took from the sensors: bay numbers, instants, and 1 for occupied, else 0."""
        self.losses: tuple[array[int], ...] = tuple(array("q") for _ in range(3))
        """When the allocator lost sight of a bay (1) and when it saw it again (0)."""

    def drain(self, truth: Truth) -> None:
        """Take over the stays that are over by now."""
        while truth.past:
            stood = truth.past.popleft()
            self._add(stood.bay, stood.kind, stood.since_ms, stood.until_ms)

    def finish(self, truth: Truth, until: int) -> Stays:
        """Return all stays, at the end of the run."""
        self.drain(truth)
        for bay, occupant in truth.standing.items():
            self._add(bay, occupant.kind, occupant.since_ms, until)
        return Stays(*(np.array(column, dtype=np.int64) for column in self._stays))

    def hear(self, recorded: Recorded) -> None:
        """Take note of what a sensor said, or that it is silent."""
        event = recorded.event
        if isinstance(event, e.OccupancyChanged):
            if not event.late:
                self._note(self.reports, event.bay, recorded.at, int(event.status == "occupied"))
        elif isinstance(event, e.SensorLost | e.SensorRestored):
            self._note(self.losses, event.bay, recorded.at, int(isinstance(event, e.SensorLost)))

    def _add(self, bay: str, kind: str, since: int, until: int) -> None:
        for column, value in zip(self._stays, (self.number[bay], KINDS.index(kind), since, until), strict=True):
            column.append(value)

    def _note(self, columns: tuple[array[int], ...], bay: str, at: int, said: int) -> None:
        for column, value in zip(columns, (self.number[bay], at, said), strict=True):
            column.append(value)


def occupancy_by_hour(stays: Stays, bays: int, start: int, until: int, utc_offset_ms: int) -> dict[str, list[float]]:
    """Return, of each kind of car, the share of all bays that it takes by the hour of the local day."""
    days = np.bincount(_hours_of(np.arange(start, until, HOUR_MS), utc_offset_ms), minlength=HOURS)
    shares = {}
    for number, kind in enumerate(KINDS):
        of_kind = stays.kind == number
        taken_ms = _ms_by_hour(stays.since[of_kind], stays.until[of_kind], start, until, utc_offset_ms)
        shares[kind] = (taken_ms / np.maximum(days * HOUR_MS * bays, 1)).round(5).tolist()
    return shares


def _hours_of(at: Ints, utc_offset_ms: int) -> Ints:
    return (at + utc_offset_ms) // HOUR_MS % HOURS


def _ms_by_hour(since: Ints, until: Ints, start: int, end: int, utc_offset_ms: int) -> Floats:
    """Return how long the intervals lie in each hour of the day, all together, within `[start, end)`."""
    since, until = np.clip(since, start, end), np.clip(until, start, end)
    edges = np.arange(start, end + HOUR_MS, HOUR_MS)
    # The time before an edge: of all that began by then, minus what has ended.
    before = np.array([(np.minimum(until, edge) - np.minimum(since, edge)).sum() for edge in edges], dtype=np.float64)
    hours = _hours_of(edges[:-1], utc_offset_ms)
    return np.bincount(hours, weights=np.diff(before), minlength=HOURS).astype(np.float64)


def penetration(stays: Stays) -> float | None:
    """Return the share of the cars, other than residents', that came with a booking."""
    guests, squatters = (int(np.count_nonzero(stays.kind == KINDS.index(kind))) for kind in ("guest", "squatter"))
    return round(guests / (guests + squatters), 5) if guests + squatters else None


def error_share(stays: Stays, ground: Ground, bays: int, until: int) -> float:
    """Return the share of all bay-time in which the sensors' last word, as the allocator took it, was wrong."""
    said_bay, said_at, said = (np.array(column, dtype=np.int64) for column in ground.reports)
    ones = np.ones(len(stays.bay), dtype=np.int64)
    bay = np.concatenate((stays.bay, stays.bay, said_bay))
    at = np.clip(np.concatenate((stays.since, stays.until, said_at)), ground.start, until)
    truth = np.concatenate((ones, -ones, np.zeros(len(said), dtype=np.int64)))
    word = np.concatenate((0 * ones, 0 * ones, 2 * said - 1))
    order = np.lexsort((np.arange(len(bay)), at, bay))
    bay, at, truth, word = bay[order], at[order], truth[order], word[order]
    real = np.cumsum(truth)  # each bay's changes sum to nought, for every stay ends
    last = np.maximum.accumulate(np.where(word != 0, np.arange(len(word)), -1))
    first_of_bay = np.searchsorted(bay, bay)
    believed = np.where(last >= first_of_bay, word[last], -1) > 0
    next_at = np.append(at[1:], until)
    next_at[np.append(bay[1:] != bay[:-1], True)] = until
    wrong_ms = ((next_at - at) * ((real > 0) != believed)).sum()
    return float(wrong_ms / max((until - ground.start) * bays, 1))


def lost_share(ground: Ground, bays: int, until: int) -> float:
    """Return the share of all bay-time in which the allocator did not know what to believe of a bay."""
    lost: dict[int, int] = {}
    total = 0
    for bay, at, gone in zip(*ground.losses, strict=True):
        if gone:
            lost.setdefault(bay, at)
        else:
            total += at - lost.pop(bay, at)
    total += sum(until - at for at in lost.values())
    return total / max((until - ground.start) * bays, 1)
