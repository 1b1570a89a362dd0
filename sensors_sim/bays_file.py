"""The bays of a real city: a CSV file beside the scenario, as `baybroker import` writes it."""

from __future__ import annotations

import csv
from functools import lru_cache
from typing import TYPE_CHECKING

from broker_bridge.wire.topics import is_name
from sensors_sim.city import Bay
from sensors_sim.mistakes import Mistake, MistakesError
from sensors_sim.parts import Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NEEDED = ("bay", "zone", "lat", "lon")
OPTIONAL = ("gateway", "resident", "windows", "tariff")
COLUMNS = (*NEEDED, *OPTIONAL)
MISTAKES_MAX = 100
_LIMITS = {"lat": 90.0, "lon": 180.0}
_Names = dict[str, str]


def read_bays(path: Path, bays_per_gateway: int) -> tuple[Bay, ...]:
    """Return the file's bays; raises MistakesError with the lines of all mistakes, up to a hundred.

    Without a gateway a bay gets one of its zone, `bays_per_gateway` each; without a resident, one of its own name.
    `windows` are such as `MO,TU,WE,TH,FR 09:00-18:00; SA 09:00-15:00`, and may be left empty.
    """
    mistakes: list[Mistake] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            bays = tuple(_Reader(file, bays_per_gateway, mistakes).bays())
    except (OSError, UnicodeDecodeError) as error:
        mistakes.append(Mistake(1, "file", f"cannot be read: {getattr(error, 'strerror', None) or error}"))
    if mistakes:
        raise MistakesError(path, mistakes)
    return bays


class _Reader:
    """Reads the rows; each bad one is a mistake."""

    def __init__(self, file: Iterable[str], bays_per_gateway: int, mistakes: list[Mistake]) -> None:
        self._rows = csv.reader(file, strict=True)
        self._bays_per_gateway, self._mistakes = bays_per_gateway, mistakes
        self._line_of: dict[str, int] = {}
        self._in_zone: dict[str, int] = {}

    def bays(self) -> Iterator[Bay]:
        try:
            columns = next(self._rows, [])
            if not self._are_right(columns):
                return
            for row in self._rows:
                if row:
                    yield from self._bay(self._rows.line_num, columns, row)
                if len(self._mistakes) >= MISTAKES_MAX:
                    return
        except csv.Error as error:
            self._tell(self._rows.line_num, "row", str(error))
        if not self._line_of and not self._mistakes:
            self._tell(1, "file", "no bay in it")

    def _tell(self, line: int, field: str, reason: str) -> None:
        self._mistakes.append(Mistake(line, field, reason))

    def _are_right(self, columns: list[str]) -> bool:
        before = len(self._mistakes)
        for name in NEEDED:
            if name not in columns:
                self._tell(1, name, f"no such column: the first line is of {','.join(COLUMNS)}")
        for name in columns:
            if name not in COLUMNS:
                self._tell(1, name, f"unknown column: the first line is of {','.join(COLUMNS)}")
        return len(self._mistakes) == before

    def _bay(self, line: int, columns: list[str], row: list[str]) -> Iterator[Bay]:
        if len(row) != len(columns):
            self._tell(line, "row", f"{len(row)} values for {len(columns)} columns")
            return
        values = {name: value.strip() for name, value in zip(columns, row, strict=True)}
        before = len(self._mistakes)
        for field, reason in _wrong(values):
            self._tell(line, field, reason)
        bay = values["bay"]
        first = self._line_of.setdefault(bay, line)
        if first != line:
            self._tell(line, "bay", f"{bay} stands on line {first} already")
        windows: tuple[Window, ...] = ()
        try:
            windows = parse_windows(values.get("windows", ""))
        except ValueError as error:
            self._tell(line, "windows", str(error))
        if len(self._mistakes) == before:
            yield self._placed(values, windows)

    def _placed(self, values: _Names, windows: tuple[Window, ...]) -> Bay:
        bay, zone = values["bay"], values["zone"]
        number = self._in_zone.get(zone, 0)
        self._in_zone[zone] = number + 1
        return Bay(
            bay,
            zone,
            float(values["lat"]),
            float(values["lon"]),
            values.get("gateway") or f"gw-{zone}-{number // self._bays_per_gateway + 1:02d}",
            values.get("resident") or f"res-{bay}",
            values.get("tariff") or None,
            windows,
        )


def _wrong(values: _Names) -> Iterator[tuple[str, str]]:
    for field in ("bay", "zone", "gateway", "resident", "tariff"):
        value = values.get(field, "")
        if (value or field in NEEDED) and not is_name(value):
            yield field, f"{value!r} is no name: use a-z, 0-9 and '-'"
    for field, limit in _LIMITS.items():
        try:
            right = abs(float(values[field])) <= limit
        except ValueError:
            right = False
        if not right:
            yield field, f"{values[field]!r} is no number of degrees up to {limit:g}"


@lru_cache(maxsize=4096)
def parse_windows(text: str) -> tuple[Window, ...]:
    """Return the windows of a bay; raises ValueError."""
    return tuple(_window(part.strip()) for part in text.split(";") if part.strip())


def _window(text: str) -> Window:
    try:
        days, hours = text.split()
        start, end = hours.split("-")
        return Window(start=start, end=end, rrule=f"FREQ=WEEKLY;BYDAY={days}")
    except ValueError:
        msg = f"{text!r} is no window such as MO,TU,WE,TH,FR 09:00-18:00"
        raise ValueError(msg) from None
