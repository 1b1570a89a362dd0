"""What a row becomes: bays at a place, with hours and a price, or nothing for one reason. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from baybroker.importer.districts import DISTRICTS, SEOUL
from baybroker.importer.lots import DropRow, Kind, Note, Price, Reason, Site

if TYPE_CHECKING:
    from baybroker.importer.districts import District
    from baybroker.importer.lots import Lot

SPACES_MAX = 5_000
WON_MAX = 1_000_000
DAY_MIN = 1_440
FREE = Price(base_won=0, base_min=5, step_won=0, step_min=5, day_max_won=0)
_NUMBER = re.compile(r"(\d{1,9})(?:\.0+)?", re.ASCII)
_DEGREES = re.compile(r"-?\d{1,3}(?:\.\d{1,20})?", re.ASCII)
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d)|(24)(00)", re.ASCII)
_CODE = re.compile(r"[a-z0-9-]{1,40}")
_DROPPED_KINDS = {
    Kind.UNKNOWN: Reason.UNKNOWN_KIND,
    Kind.NOT_FOR_CARS: Reason.NOT_FOR_CARS,
    Kind.OFF_STREET: Reason.OFF_STREET,
}


def decide(lot: Lot, districts: frozenset[str]) -> Site:
    """Return what the row becomes; `districts` are those asked for, none: all. Raises DropRow."""
    code = lot.code.lower()
    if not _CODE.fullmatch(code):
        raise DropRow(Reason.UNREADABLE, f"code {lot.code!r}")
    district = DISTRICTS.get(lot.district)
    if district is None:
        raise DropRow(Reason.UNKNOWN_DISTRICT, lot.district)
    if districts and district.name not in districts:
        raise DropRow(Reason.OTHER_DISTRICT, lot.district)
    if lot.kind in _DROPPED_KINDS:
        raise DropRow(_DROPPED_KINDS[lot.kind], lot.kind_text)
    spaces = _spaces(lot.spaces)
    lat, lon, swapped = _place(lot, district)
    windows = _windows(lot)
    price, supposed = _price(lot)
    noted = {Note.COORDINATES_SWAPPED: swapped, Note.LAID_OUT: spaces > 1, Note.STEP_IS_BASE: supposed}
    return Site(
        code=code,
        zone=district.name,
        lat=lat,
        lon=lon,
        spaces=spaces,
        windows=windows,
        price=price,
        notes=tuple(note for note, holds in noted.items() if holds),
    )


def _number(text: str, most: int, otherwise: Reason, what: str) -> int:
    """Return a whole number, where left out 0."""
    match = _NUMBER.fullmatch(text or "0")
    if match is None or int(match[1]) > most:
        raise DropRow(otherwise, f"{what} {text!r}")
    return int(match[1])


def _spaces(text: str) -> int:
    spaces = _number(text, SPACES_MAX, Reason.BAD_CAPACITY, "spaces")
    if spaces == 0:
        raise DropRow(Reason.NO_CAPACITY)
    return spaces


def _place(lot: Lot, district: District) -> tuple[float, float, bool]:
    """Return where it is, and whether the two were exchanged (in Seoul they cannot be mistaken for each other)."""
    if not lot.lat or not lot.lon:
        raise DropRow(Reason.NO_COORDINATES)
    if not _DEGREES.fullmatch(lot.lat) or not _DEGREES.fullmatch(lot.lon):
        raise DropRow(Reason.BAD_COORDINATES, f"{lot.lat!r}, {lot.lon!r}")
    lat, lon = float(lot.lat), float(lot.lon)
    if lat == lon == 0:
        raise DropRow(Reason.NO_COORDINATES, "0, 0")
    swapped = SEOUL.holds(lon, lat)
    if swapped:
        lat, lon = lon, lat
    if not SEOUL.holds(lat, lon):
        raise DropRow(Reason.OUTSIDE_SEOUL, f"{lat}, {lon}")
    if not lot.placed or not district.holds(lat, lon):
        raise DropRow(Reason.OUTSIDE_DISTRICT, f"{lat}, {lon}")
    return lat, lon, swapped


def _windows(lot: Lot) -> str:
    windows = [f"{days} {hours}" for days, told in lot.hours.items() if (hours := _hours(days, *told))]
    if not windows:
        raise DropRow(Reason.NO_HOURS)
    return "; ".join(windows)


def _hours(days: str, start: str, end: str) -> str | None:
    """Return `09:00-18:00`; None where none are given. 0000 to 0000 says neither closed nor all day: it is none."""
    if start in {"", "0000"} and end in {"", "0000"}:
        return None
    first, last = _TIME.fullmatch(start), _TIME.fullmatch(end)
    if first is None or last is None or start in {"2400", end}:
        raise DropRow(Reason.BAD_HOURS, f"{days} {start!r} to {end!r}")
    return f"{start[:2]}:{start[2:]}-{end[:2]}:{end[2:]}"


def _price(lot: Lot) -> tuple[Price, bool]:
    """Return the tariff, and whether its step had to be supposed."""
    base_won, step_won, cap_won = (
        _number(text, WON_MAX, Reason.BAD_TARIFF, "won") for text in (lot.base_won, lot.step_won, lot.day_max_won)
    )
    base_min, step_min = (_number(text, DAY_MIN, Reason.BAD_TARIFF, "minutes") for text in (lot.base_min, lot.step_min))
    if lot.free:
        if base_won or step_won or cap_won:
            raise DropRow(Reason.BAD_TARIFF, "free, and a price is given")
        return FREE, False
    if not base_won and not step_won:
        raise DropRow(Reason.NO_TARIFF)
    if bool(step_won) != bool(step_min) or not base_min:
        raise DropRow(Reason.BAD_TARIFF, f"{base_won} won / {base_min} min, then {step_won} won / {step_min} min")
    supposed = not step_won
    if supposed:
        step_won, step_min = base_won, base_min
    price = Price(base_won=base_won, base_min=base_min, step_won=step_won, step_min=step_min, day_max_won=cap_won)
    return price, supposed
