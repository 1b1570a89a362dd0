"""What the importer reads of a row, what it makes of it, and why it drops one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a row became no bay; a row is counted under the first that holds."""

    UNREADABLE = "unreadable"
    UNKNOWN_DISTRICT = "unknown_district"
    OTHER_DISTRICT = "other_district"
    UNKNOWN_KIND = "unknown_kind"
    NOT_FOR_CARS = "not_for_cars"
    OFF_STREET = "off_street"
    NO_CAPACITY = "no_capacity"
    BAD_CAPACITY = "bad_capacity"
    NO_COORDINATES = "no_coordinates"
    BAD_COORDINATES = "bad_coordinates"
    OUTSIDE_SEOUL = "outside_seoul"
    OUTSIDE_DISTRICT = "outside_district"
    NO_HOURS = "no_hours"
    BAD_HOURS = "bad_hours"
    NO_TARIFF = "no_tariff"
    BAD_TARIFF = "bad_tariff"
    DUPLICATE = "duplicate"


class Note(StrEnum):
    """What was supposed or repaired where a row became bays."""

    STEP_IS_BASE = "step_is_base"
    COORDINATES_SWAPPED = "coordinates_swapped"
    LAID_OUT = "laid_out"


MEANING: dict[Reason | Note, str] = {
    Reason.UNREADABLE: "the line is no row of this file",
    Reason.UNKNOWN_DISTRICT: "the address begins with no district of Seoul",
    Reason.OTHER_DISTRICT: "not of the districts asked for",
    Reason.UNKNOWN_KIND: "a kind or an operation that is not known",
    Reason.NOT_FOR_CARS: "for buses or motorcycles",
    Reason.OFF_STREET: "an off-street car park without residents' bays",
    Reason.NO_CAPACITY: "no number of spaces, or zero",
    Reason.BAD_CAPACITY: "a number of spaces that cannot be right",
    Reason.NO_COORDINATES: "no coordinates",
    Reason.BAD_COORDINATES: "coordinates that are no numbers",
    Reason.OUTSIDE_SEOUL: "coordinates outside Seoul",
    Reason.OUTSIDE_DISTRICT: "coordinates outside the address's district",
    Reason.NO_HOURS: "hours left out, or 0000 to 0000, on every day",
    Reason.BAD_HOURS: "hours that are no times of day",
    Reason.NO_TARIFF: "paid for, and no price given",
    Reason.BAD_TARIFF: "a price that contradicts itself",
    Reason.DUPLICATE: "a row before it has the very same place",
    Note.STEP_IS_BASE: "no further step published: the base is taken again for each base time",
    Note.COORDINATES_SWAPPED: "latitude and longitude were exchanged: put right",
    Note.LAID_OUT: "several spaces at one coordinate: laid out in rows around it",
}


class DropRow(Exception):  # noqa: N818 - it ends a row, not the import
    """The row becomes no bay."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class Kind(StrEnum):
    """What a row is, whatever the file calls it."""

    KERB = "kerb"
    RESIDENTS = "residents"
    OFF_STREET = "off_street"
    NOT_FOR_CARS = "not_for_cars"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """A row of either form: texts as published, without blanks around them. `hours` are from and to, by days."""

    code: str
    name: str
    district: str
    kind: Kind
    kind_text: str
    spaces: str
    lat: str
    lon: str
    hours: dict[str, tuple[str, str]]
    base_won: str
    base_min: str
    step_won: str
    step_min: str
    day_max_won: str
    free: bool | None
    placed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A tariff as published, in the fields of a tariff file; `day_max_won` 0: no daily cap."""

    base_won: int
    base_min: int
    step_won: int
    step_min: int
    day_max_won: int

    @property
    def name(self) -> str:
        """Return the tariff's name: what it says, such as `won100-5-100-5-max6000`."""
        cap = f"-max{self.day_max_won}" if self.day_max_won else ""
        return f"won{self.base_won}-{self.base_min}-{self.step_won}-{self.step_min}{cap}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A row that becomes bays: where, how many, when (as a bays file writes windows), for what, and what was noted."""

    code: str
    zone: str
    lat: float
    lon: float
    spaces: int
    windows: str
    price: Price
    notes: tuple[Note, ...]
