"""Reading real stays: `bay,arrived_at,departed_at` rows in local time, as dirty as they come."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import Point
from sensors_sim.engine.recorded import Stay

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = ("bay", "arrived_at", "departed_at")
NAME_MAX = 56
STAY_MAX_DAYS = 3_660
_NOT_A_NAME = re.compile(r"[^a-z0-9-]+")
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that is not usable: its line in the file, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class Stays:
    """What a file holds: stays by bay in order of arrival, and the places and zones that its columns tell."""

    of_bay: dict[str, list[Stay]] = field(default_factory=dict)
    places: dict[str, Point] = field(default_factory=dict)
    zones: dict[str, str] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    merged: int = 0

    def all(self) -> tuple[Stay, ...]:
        """Return every stay, bay by bay."""
        return tuple(stay for stays in self.of_bay.values() for stay in stays)

    @property
    def first_ms(self) -> int:
        """The first arrival."""
        return min(stays[0].arrived_ms for stays in self.of_bay.values())


def read_stays(path: Path, time_zone: str | None) -> Stays:
    """Read a file; bad rows are dropped and told of, overlapping stays of a bay merged; raises SettingsError.

    Without a time zone the clock on the wall is kept as it is written, whatever its offset, as if it were UTC's.
    """
    found = Stays()
    rows: dict[str, list[Stay]] = defaultdict(list)
    written: dict[str, str] = {}
    zone = ZoneInfo(time_zone) if time_zone is not None else None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise SettingsError(f"{path}: no column {missing[0]}: the first line must be {','.join(NEEDED)}")
            for row in reader:
                try:
                    stay = _read_row(row, zone)
                    _read_place(row, stay.bay, found)
                except ValueError as error:
                    found.dropped.append(Dropped(reader.line_num, str(error)))
                    continue
                _check_name(path, written, stay.bay, row["bay"])
                rows[stay.bay].append(stay)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    if not rows:
        raise SettingsError(f"{path}: not one usable row ({len(found.dropped)} dropped)")
    for bay, stays in sorted(rows.items()):
        found.of_bay[bay] = _merged(stays)
        found.merged += len(stays) - len(found.of_bay[bay])
    return found


def _read_row(row: dict[str, str | None], zone: ZoneInfo | None) -> Stay:
    bay = _NOT_A_NAME.sub("-", (row["bay"] or "").strip().lower())[:NAME_MAX]
    if not bay.strip("-"):
        msg = "no bay"
        raise ValueError(msg)
    arrived_ms, departed_ms = (_read_time(row, name, zone) for name in ("arrived_at", "departed_at"))
    if departed_ms <= arrived_ms:
        msg = "departed_at is not after arrived_at"
        raise ValueError(msg)
    if departed_ms - arrived_ms > STAY_MAX_DAYS * _DAY_MS:
        msg = f"a stay of more than {STAY_MAX_DAYS} days"
        raise ValueError(msg)
    return Stay(bay, arrived_ms, departed_ms)


def _read_time(row: dict[str, str | None], name: str, zone: ZoneInfo | None) -> int:
    """Return epoch milliseconds; a time without an offset is the zone's wall clock."""
    text = (row[name] or "").strip()
    try:
        told = datetime.fromisoformat(text)
        if zone is None:
            told = told.replace(tzinfo=UTC)
        return round((told if told.tzinfo else told.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError):
        msg = f"{name} {text!r} is no time such as 2022-10-03T08:15:00"
        raise ValueError(msg) from None


def _read_place(row: dict[str, str | None], bay: str, found: Stays) -> None:
    lat, lon = (row.get("lat") or "").strip(), (row.get("lon") or "").strip()
    if lat and lon:
        place = Point(float(lat), float(lon))
        if not (-90 <= place.lat <= 90 and -180 <= place.lon <= 180):  # noqa: PLR2004 - degrees
            msg = f"{lat},{lon} is no place on earth"
            raise ValueError(msg)
        found.places.setdefault(bay, place)
    zone = _NOT_A_NAME.sub("-", (row.get("zone") or "").strip().lower())[:NAME_MAX]
    if zone:
        found.zones.setdefault(bay, zone)


def _check_name(path: Path, written: dict[str, str], bay: str, as_written: str) -> None:
    """Two bays of the file must not become one by the spelling of topics."""
    before = written.setdefault(bay, as_written.strip())
    if before != as_written.strip():
        raise SettingsError(f"{path}: {before!r} and {as_written!r} are both {bay!r} on a topic: rename one")


def _merged(stays: list[Stay]) -> list[Stay]:
    merged: list[Stay] = []
    for stay in sorted(stays):
        if merged and stay.arrived_ms < merged[-1].departed_ms:
            merged[-1] = merged[-1]._replace(departed_ms=max(merged[-1].departed_ms, stay.departed_ms))
        else:
            merged.append(stay)
    return merged
