"""Bays out of a CSV file: every mistake is told with its line, and nothing is taken from a file that has one."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.messages import BayRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

NEEDED = ("bay", "zone", "lat", "lon", "gateway")
OPTIONAL = ("resident", "needs", "tariff")
_NEEDS = re.compile(r"[\s;|]+")


def read_csv(path: Path) -> list[BayRecord]:
    """Return the file's bays; raises SettingsError with the line of the first mistake."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_columns(path, reader.fieldnames)
            return list(_records(path, reader))
    except csv.Error as error:
        raise SettingsError(f"{path}: line {reader.reader.line_num}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _check_columns(path: Path, columns: Sequence[str] | None) -> None:
    found = columns or ()
    wrong = [f"no column {name}" for name in NEEDED if name not in found]
    wrong += [f"unknown column {name!r}" for name in found if name not in (*NEEDED, *OPTIONAL)]
    if wrong:
        raise SettingsError(f"{path}: line 1: {wrong[0]}: the first line must be {','.join((*NEEDED, *OPTIONAL))}")


def _records(path: Path, reader: csv.DictReader[str]) -> Iterator[BayRecord]:
    line_of: dict[str, int] = {}
    for row in reader:
        where = f"{path}: line {reader.line_num}"
        if None in row:
            raise SettingsError(f"{where}: more values than columns")
        record = _record(where, {name: (value or "").strip() for name, value in row.items()})
        before = line_of.setdefault(record.bay, reader.line_num)
        if before != reader.line_num:
            raise SettingsError(f"{where}: bay {record.bay} stands on line {before} already")
        yield record
    if not line_of:
        raise SettingsError(f"{path}: no bay in it")


def _record(where: str, row: dict[str, str]) -> BayRecord:
    fields: dict[str, Any] = dict(row) | {
        "resident": row.get("resident") or None,
        "tariff": row.get("tariff") or None,
        "needs": [need for need in _NEEDS.split(row.get("needs", "")) if need],
    }
    try:
        fields |= {name: float(row[name]) for name in ("lat", "lon")}
        return BayRecord.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise SettingsError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as error:
        raise SettingsError(f"{where}: lat and lon: {error}") from None
