"""The files that days are made of: shared bays with their windows, and stays of real visitors."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

from allocator.domain.interval import HOUR_MS, MINUTE_MS, Interval, inward
from baybroker.lab.instance import DAY_AT, OfferedBay
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

BAYS_FILE = "seoul_shared_bays.csv"
STAYS_FILE = "melbourne_2019_stays.csv"
STAY_MIN = 15
DATA_VARIABLE = "BAYBROKER_SHARED_DATA"
DISTRICTS = {
    "gangbuk": "강북구",
    "gangdong": "강동구",
    "geumcheon": "금천구",
    "yeongdeungpo": "영등포구",
    "yongsan": "용산구",
}
"""The districts of Seoul's published bays in Latin letters; the file's own spelling always serves."""


def data_file(given: Path | None, name: str, option: str) -> Path:
    """Return the file given, else the one of that name in the folder of shared data; raises SettingsError."""
    if given is not None:
        if not given.is_file():
            raise SettingsError(f"{option} {given}: no such file")
        return given
    folder = os.environ.get(DATA_VARIABLE)
    file = (Path(folder) if folder else Path(__file__).parents[3] / "shared" / "data") / name
    if not file.is_file():
        raise SettingsError(
            f"{name} is not here: give a file of its form with {option}, or its folder in {DATA_VARIABLE}"
        )
    return file


def read_bays(file: Path, district: str | None) -> tuple[OfferedBay, ...]:
    """Return the bays of a district with credible coordinates and a window on a weekday; raises SettingsError."""
    gu = DISTRICTS.get((district or "").casefold(), district)
    bays = tuple(
        _bay(file, line, row)
        for line, row in _rows(file, "lat", "lon", "weekday_from", "weekday_to", "coord_ok", "gu")
        if row["coord_ok"] == "True" and gu in (None, row["gu"])
    )
    bays = tuple(bay for bay in bays if bay.windows)
    if not bays:
        known = ", ".join(sorted({row["gu"] for _, row in _rows(file, "gu")}))
        raise SettingsError(f"{file}: no shared bay of {district or 'any district'}; it has: {known or 'none'}")
    return bays


def read_stays(file: Path) -> tuple[int, ...]:
    """Return the visitors' stays of a quarter of an hour and longer, in whole minutes; raises SettingsError."""
    stays = []
    for line, row in _rows(file, "Status", "DurationSeconds"):
        if row["Status"] != "Present":
            continue
        try:
            stay_min = int(float(row["DurationSeconds"] or 0) // 60)
        except ValueError as error:
            raise SettingsError(f"{file}: line {line}: DurationSeconds: {error}") from None
        if stay_min >= STAY_MIN:
            stays.append(stay_min)
    if not stays:
        raise SettingsError(f"{file}: no stay of {STAY_MIN} minutes or longer whose Status is Present")
    return tuple(stays)


def _rows(file: Path, *columns: str) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines)
            missing = [name for name in columns if name not in (table.fieldnames or ())]
            if missing:
                raise SettingsError(f"{file}: line 1: no column {', '.join(missing)}")
            for row in table:
                yield table.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{file}: {error}") from None


def _bay(file: Path, line: int, row: dict[str, str]) -> OfferedBay:
    try:
        window = inward(Interval(_wall(row["weekday_from"]), _wall(row["weekday_to"])))
        lat, lon = float(row["lat"]), float(row["lon"])
    except ValueError as error:
        raise SettingsError(f"{file}: line {line}: {error}") from None
    return OfferedBay(f"bay-{line}", lat, lon, (window,) if window.from_at < window.until else ())


def _wall(text: str) -> int:
    hours, minutes = text.split(":")
    return DAY_AT + int(hours) * HOUR_MS + int(minutes) * MINUTE_MS
