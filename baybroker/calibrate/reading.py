"""What calibration reads: presence rows of residents' bays, and visitors' stays."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from broker_bridge.wire.errors import SettingsError
from sensors_sim.engine.presence import DAY
from sensors_sim.stays import read_stays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sensors_sim.engine.presence import Floats, Ints

LEAST_STAYS, LEAST_DAYS = 30, 28
"""A bay with fewer stays, or observed for less, says little about its resident."""
STAY_LEAST_MIN = 5.0
"""Sensors' shorter stays are mostly noise."""
STAY_MAX_MIN = 366 * 1_440.0
PRESENT = "present"
_TIMES = ("ArrivalTime", "DepartureTime")
_MS, _MONDAY_MIN = 60_000, 4 * DAY  # the first Monday of 1970 was the fifth of January


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Stays in minutes since a Monday's midnight, sorted by bay (numbered from 0) and time, no two of a bay at once."""

    bay: Ints
    arrived: Ints
    departed: Ints

    @property
    def bays(self) -> int:
        """How many bays there are."""
        return int(self.bay[-1]) + 1 if self.bay.size else 0

    def ends(self) -> tuple[Ints, Ints]:
        """Return each bay's first arrival and last departure."""
        last = np.flatnonzero(np.append(self.bay[1:] != self.bay[:-1], True))
        first = np.append(0, last[:-1] + 1)
        return self.arrived[first], self.departed[last]

    def days(self) -> float:
        """Return how many days the bays were observed in all."""
        first, last = self.ends()
        return float((last - first).sum()) / DAY

    def only(self, chosen: Iterable[int]) -> Presence:
        """Return the stays of some bays, numbered anew."""
        numbers = sorted(chosen)
        number = np.full(self.bays, -1)
        number[numbers] = np.arange(len(numbers))
        kept = number[self.bay] >= 0
        return Presence(number[self.bay[kept]], self.arrived[kept], self.departed[kept])


@dataclass(frozen=True, slots=True)
class Read:
    """How much of a file was usable."""

    bays: int
    stays: int
    dropped_rows: int
    merged_rows: int
    first_dropped: str | None


def read_presence(path: Path) -> tuple[Presence, Read]:
    """Return the stays of the bays that say enough, and what was read; raises SettingsError where there is none."""
    found = read_stays(path, None)
    stays = found.all()
    told = Read(
        bays=len(found.of_bay),
        stays=len(stays),
        dropped_rows=len(found.dropped),
        merged_rows=found.merged,
        first_dropped=f"line {found.dropped[0].line}: {found.dropped[0].reason}" if found.dropped else None,
    )
    number = {bay: at for at, bay in enumerate(found.of_bay)}
    everything = Presence(
        np.array([number[stay.bay] for stay in stays]),
        np.array([stay.arrived_ms for stay in stays]) // _MS - _MONDAY_MIN,
        np.array([stay.departed_ms for stay in stays]) // _MS - _MONDAY_MIN,
    )
    first, last = everything.ends()
    enough = (np.bincount(everything.bay) >= LEAST_STAYS) & (last - first >= LEAST_DAYS * DAY)
    if not enough.any():
        raise SettingsError(f"{path}: no bay has at least {LEAST_STAYS} stays over {LEAST_DAYS} days")
    return everything.only(np.flatnonzero(enough).tolist()), told


def read_visitor_stays(path: Path) -> tuple[Floats, int]:
    """Return the minutes of stays of 5 minutes and longer, and how many rows were not usable; raises SettingsError.

    The file has a column `minutes`, or Melbourne's `Status`, `ArrivalTime` and `DepartureTime`; vacancies are left out.
    """
    minutes: list[float] = []
    dropped = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            read = _reader_of(path, reader.fieldnames or ())
            for row in reader:
                try:
                    value = read(row)
                except ValueError:
                    dropped += 1
                    continue
                if value is not None and value >= STAY_LEAST_MIN:
                    minutes.append(value)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    if len(set(minutes)) < LEAST_STAYS:
        raise SettingsError(f"{path}: {len(minutes)} usable stays of {STAY_LEAST_MIN:g} minutes and longer: too few")
    return np.array(minutes), dropped


def _reader_of(path: Path, columns: Iterable[str]) -> Callable[[dict[str, str | None]], float | None]:
    named = set(columns)
    if "minutes" in named:
        return lambda row: _length(float(row["minutes"] or ""))
    if {"Status", *_TIMES} <= named:
        return _stay_of
    raise SettingsError(f"{path}: no column minutes, nor Status, {' and '.join(_TIMES)}")


def _stay_of(row: dict[str, str | None]) -> float | None:
    if (row["Status"] or "").strip().lower() != PRESENT:
        return None
    # not DurationSeconds, which is rounded: a stay of "5 minutes" may be one of four
    arrived, departed = (datetime.fromisoformat((row[name] or "").strip()).replace(tzinfo=UTC) for name in _TIMES)
    return _length((departed - arrived).total_seconds() / 60)


def _length(minutes: float) -> float:
    if not 0 <= minutes <= STAY_MAX_MIN:
        msg = f"{minutes} is no length of a stay"
        raise ValueError(msg)
    return minutes
