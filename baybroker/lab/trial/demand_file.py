"""A user's own demand: a CSV file with a row for each driver who asks for a bay."""

from __future__ import annotations

import csv
import math
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from sensors_sim.engine.demand import MILLION, Asked
from sensors_sim.mistakes import Mistake, MistakesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NEEDED = ("asked_at", "arrive_at", "stay_min", "lat", "lon", "max_walk_m")
OPTIONAL = ("max_price_won",)
MISTAKES_MAX = 20
AHEAD_MAX_H = 7 * 24
NO_PRICE = -1


def read_demand(path: Path, time_zone: str) -> Asked:
    """Return what is asked for, in order of asking; raises MistakesError with the lines of all mistakes, up to twenty.

    Times without an offset are local ones. Other columns are ignored.
    """
    mistakes: list[Mistake] = []
    rows: list[tuple[int, ...]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
            mistakes += [Mistake(1, name, f"no such column: there must be {','.join(NEEDED)}") for name in missing]
            if not mistakes:
                rows = list(_read(reader, ZoneInfo(time_zone), mistakes))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        mistakes.append(Mistake(1, "file", f"cannot be read: {getattr(error, 'strerror', None) or error}"))
    if not rows and not mistakes:
        mistakes.append(Mistake(1, "file", "no request in it"))
    if mistakes:
        raise MistakesError(path, mistakes)
    columns = np.array(sorted(rows), dtype=np.int64).T
    return Asked(*columns)


def _read(reader: csv.DictReader[str], zone: ZoneInfo, mistakes: list[Mistake]) -> Iterator[tuple[int, ...]]:
    for row in reader:
        wrong = len(mistakes)
        values: dict[str, int] = {}
        for name, convert in _CONVERT.items():
            text = (row.get(name) or "").strip()
            if not text and name in OPTIONAL:
                values[name] = NO_PRICE
                continue
            try:
                values[name] = convert(text, zone)
            except ValueError as error:
                mistakes.append(Mistake(reader.line_num, name, f"{text!r}: {error}"))
        if len(mistakes) > wrong:
            if len(mistakes) >= MISTAKES_MAX:
                return
            continue
        lead_ms = values["arrive_at"] - values["asked_at"]
        if not 0 <= lead_ms <= AHEAD_MAX_H * 3_600_000:
            why = "before asked_at" if lead_ms < 0 else f"more than {AHEAD_MAX_H // 24} days after asked_at"
            mistakes.append(Mistake(reader.line_num, "arrive_at", f"{row['arrive_at']!r}: {why}"))
            continue
        yield (
            values["asked_at"],
            values["lat"],
            values["lon"],
            lead_ms,
            values["stay_min"],
            values["max_walk_m"],
            values["max_price_won"],
        )


def _instant(text: str, zone: ZoneInfo) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("write a time as 2026-03-02T09:30") from None
    return round((at if at.tzinfo is not None else at.replace(tzinfo=zone)).timestamp() * 1000)


def _whole(least: int, most: int) -> Callable[[str, ZoneInfo], int]:
    def convert(text: str, _zone: ZoneInfo) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError("is no whole number") from None
        if not least <= value <= most:
            raise ValueError(f"must be {least} to {most}")
        return value

    return convert


def _degrees(most: float) -> Callable[[str, ZoneInfo], int]:
    def convert(text: str, _zone: ZoneInfo) -> int:
        try:
            value = float(text)
        except ValueError:
            raise ValueError("is no number of degrees") from None
        if not math.isfinite(value) or abs(value) > most:
            raise ValueError(f"must be -{most:g} to {most:g} degrees")
        return round(value * MILLION)

    return convert


_CONVERT: dict[str, Callable[[str, ZoneInfo], int]] = {
    "asked_at": _instant,
    "arrive_at": _instant,
    "stay_min": _whole(5, 10_080),
    "lat": _degrees(90),
    "lon": _degrees(180),
    "max_walk_m": _whole(1, 5_000),
    "max_price_won": _whole(0, 100_000_000),
}
