"""Absences between the observed stays of a bay, as arrays. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from allocator.domain.absence import SATURDAY
from allocator.domain.interval import DAY_MS, MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

LONGEST_MIN = 14 * DAY_MS // MINUTE_MS
"""A longer absence is not known to be one: the recording may have paused. It counts up to here, without its end."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One absence in each place, ordered by bay and time. `wall_min` counts the local clock's minutes from a Monday."""

    bay: NDArray[np.int64]
    wall_min: NDArray[np.int64]
    away_min: NDArray[np.float64]
    ended: NDArray[np.bool_]

    def of(self, chosen: NDArray[Any]) -> Sample:
        """Return the absences that are chosen, by a mask or by their places."""
        return Sample(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def hour(self) -> NDArray[np.float64]:
        """The local hour of each departure, with its fraction."""
        return self.wall_min % (24 * 60) / 60

    @property
    def weekend(self) -> NDArray[np.bool_]:
        """Which departures fell on a weekend."""
        return self.wall_min // (24 * 60) % 7 >= SATURDAY

    @property
    def curve(self) -> NDArray[np.int64]:
        """Which curve of the model holds for each."""
        return self.hour.astype(np.int64) + 24 * self.weekend


def sample_of(stays: Mapping[str, Sequence[tuple[int, int]]], timezone: str) -> Sample:
    """Return the absences between stays `(arrived, departed)` in epoch milliseconds, in order, of each bay."""
    zone = ZoneInfo(timezone)
    rows: list[tuple[Any, ...]] = []
    for number, of_bay in enumerate(stays.values()):
        for (_, left_at), (back_at, _) in pairwise(of_bay):
            away_min = (back_at - left_at) / MINUTE_MS
            if away_min > 0:
                rows.append((number, _wall_min(left_at, zone), min(away_min, LONGEST_MIN), away_min <= LONGEST_MIN))
    bay, wall_min, away, ended = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Sample(np.array(bay, int), np.array(wall_min, int), np.array(away, float), np.array(ended, bool))


def _wall_min(at_ms: int, zone: ZoneInfo) -> int:
    local = datetime.fromtimestamp(at_ms / 1000, zone)
    return (local.toordinal() - 1) * 24 * 60 + local.hour * 60 + local.minute  # day 1 of the calendar is a Monday
