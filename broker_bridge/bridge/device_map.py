"""The map from devices to bays: CSV with the columns dev_eui,city,zone,bay,profile."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from broker_bridge.bridge.record import Spot
from broker_bridge.bridge.uplink import UplinkError, device_name
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.topics import is_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

COLUMNS = ("dev_eui", "city", "zone", "bay", "profile")
ROWS_MAX = 200_000


def parse_map(text: str, where: str, profiles: Collection[str]) -> dict[str, Spot]:
    """Return the spot of each device; raises SettingsError naming the file and the line."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), skipinitialspace=True)
    header = tuple((name or "").strip().lower() for name in rows.fieldnames or COLUMNS)
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise SettingsError(f"{where}: no column {missing[0]!r}: the first line is {','.join(COLUMNS)}")
    rows.fieldnames = list(header)
    spots: dict[str, Spot] = {}
    taken: dict[tuple[str, str, str], str] = {}
    try:
        for row in rows:
            if (row["dev_eui"] or "").startswith("#"):
                continue
            _add(row, f"{where} line {rows.line_num}", profiles, spots, taken)
    except csv.Error as error:
        raise SettingsError(f"{where} line {rows.line_num}: {error}") from None
    return spots


def read_map(file: Path, profiles: Collection[str]) -> dict[str, Spot]:
    """Return the spots of a file, none where there is no file yet; raises SettingsError."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from None
    return parse_map(text, str(file), profiles)


def map_row(device: str, spot: Spot) -> str:
    """Return a line of the map."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([device, spot.city, spot.zone, spot.bay, spot.profile])
    return line.getvalue()


def _add(
    row: Mapping[str, str | None],
    where: str,
    profiles: Collection[str],
    spots: dict[str, Spot],
    taken: dict[tuple[str, str, str], str],
) -> None:
    cells = {name: (row[name] or "").strip() for name in COLUMNS}
    try:
        device = device_name(cells["dev_eui"])
    except UplinkError as error:
        raise SettingsError(f"{where}: {error}") from None
    for name in ("city", "zone", "bay"):
        if not is_name(cells[name]):
            raise SettingsError(f"{where}: the {name} {cells[name]!r} is no name: use a-z, 0-9 and '-'")
    if cells["profile"] not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise SettingsError(f"{where}: no profile is named {cells['profile']!r}; there are: {known}")
    if device in spots:
        raise SettingsError(f"{where}: {device} is mapped twice")
    spot = Spot(cells["city"], cells["zone"], cells["bay"], cells["profile"])
    other = taken.setdefault(spot.place, device)
    if other != device:
        raise SettingsError(f"{where}: the bay {spot.zone}/{spot.bay} has the device {other} already")
    if len(spots) >= ROWS_MAX:
        raise SettingsError(f"{where}: more than {ROWS_MAX} devices")
    spots[device] = spot
