"""The ground truth of a run: who stood where, what the sensors said wrongly, what failed; and what follows from it."""

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
    from sensors_sim.engine.truth import Failed, Truth

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
    """Collects the truth of a city's bays, which are numbered as in `bays`.

    `mistaken_ms`: bay-time in which a sensor's last word was not so. `unknown_ms`: in which the allocator did not know
    what to believe, because a sensor was silent, stuck or said so.
    """

    def __init__(self, bays: Sequence[str], start: int) -> None:
        self.start = start
        self.number = {bay: number for number, bay in enumerate(bays)}
        self.mistaken_ms = self.unknown_ms = 0
        self.faults: list[Failed] = []
        self._stays: tuple[array[int], ...] = tuple(array("q") for _ in range(4))
        self._unknown_since: dict[str, int] = {}

    def drain(self, truth: Truth) -> None:
        """Take over what is over by now."""
        past = truth.take_past()
        for stood in past.stays:
            self._add(stood.bay, stood.kind, stood.since_ms, stood.until_ms)
        self.mistaken_ms += sum(it.until_ms - it.since_ms for it in past.mistakes)
        self.faults += past.faults

    def finish(self, truth: Truth, until: int) -> Stays:
        """Take over what goes on at the end of the run, and return all stays."""
        self.drain(truth)
        for bay, occupant in truth.standing.items():
            self._add(bay, occupant.kind, occupant.since_ms, until)
        self.mistaken_ms += sum(until - since for since in truth.mistaken.values())
        self.unknown_ms += sum(until - since for since in self._unknown_since.values())
        return Stays(*(np.array(column, dtype=np.int64) for column in self._stays))

    def hear(self, recorded: Recorded) -> None:
        """Take note of what the allocator believes of a sensor."""
        event = recorded.event
        if isinstance(event, e.OccupancyChanged):
            if event.late:
                return
            unknown, bay = event.status == "unknown", event.bay
        elif isinstance(event, e.SensorLost | e.SensorRestored):
            unknown, bay = isinstance(event, e.SensorLost), event.bay
        else:
            return
        if unknown:
            self._unknown_since.setdefault(bay, recorded.at)
        elif bay in self._unknown_since:
            self.unknown_ms += recorded.at - self._unknown_since.pop(bay)

    def _add(self, bay: str, kind: str, since: int, until: int) -> None:
        for column, value in zip(self._stays, (self.number[bay], KINDS.index(kind), since, until), strict=True):
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
