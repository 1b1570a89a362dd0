"""The two forms of file that are understood: which columns they have, and how a row of each is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from baybroker.importer.lots import Kind, Lot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Row = Mapping[str, str]

WORKDAYS, SATURDAY, SUNDAY = "MO,TU,WE,TH,FR", "SA", "SU"
"""Weekend hours are Saturday's: in Korea a Sunday is a public holiday, which has hours of its own."""
_KERB, _OFF_STREET = "NS", "NW"
# by the official operation code; a residents' or mixed car park has bays to share wherever it lies
_KINDS = {
    ("1", _KERB): Kind.KERB,
    ("1", _OFF_STREET): Kind.OFF_STREET,
    **{(operation, place): Kind.RESIDENTS for operation in ("2", "3") for place in (_KERB, _OFF_STREET)},
    **{(operation, place): Kind.NOT_FOR_CARS for operation in ("4", "6") for place in (_KERB, _OFF_STREET)},
    ("5", _KERB): Kind.KERB,
    ("5", _OFF_STREET): Kind.OFF_STREET,
}
_SHARED_KINDS = {"시간제 + 거주자 주차장": Kind.RESIDENTS, "거주자 우선 주차장": Kind.RESIDENTS}
_FREE = {"Y": False, "N": True}


class Form(NamedTuple):
    """A form of file. `needed` are the columns by which it is known, in any order and among others."""

    name: str
    needed: frozenset[str]
    read: Callable[[Row], Lot]


def _first_word(address: str) -> str:
    return address.split(maxsplit=1)[0] if address else ""


def _official(row: Row) -> Lot:
    kind = _KINDS.get((row["운영구분"], row["주차장 종류"]), Kind.UNKNOWN)
    return Lot(
        code=row["주차장코드"],
        name=row["주차장명"],
        district=_first_word(row["주소"]),
        kind=kind,
        kind_text=f"{row['주차장 종류']} {row['운영구분']}",
        spaces=row["총 주차면"],
        lat=row["위도"],
        lon=row["경도"],
        hours={
            WORKDAYS: (row["평일 운영 시작시각(HHMM)"], row["평일 운영 종료시각(HHMM)"]),
            SATURDAY: (row["주말 운영 시작시각(HHMM)"], row["주말 운영 종료시각(HHMM)"]),
            SUNDAY: (row["공휴일 운영 시작시각(HHMM)"], row["공휴일 운영 종료시각(HHMM)"]),
        },
        base_won=row["기본 주차 요금"],
        base_min=row["기본 주차 시간(분 단위)"],
        step_won=row["추가 단위 요금"],
        step_min=row["추가 단위 시간(분 단위)"],
        day_max_won=row["일 최대 요금"],
        free=_FREE.get(row["유무료구분"]),
    )


def _shared(row: Row) -> Lot:
    return Lot(
        code=row["bay_id"],
        name=row["name"],
        district=row["gu"],
        kind=_SHARED_KINDS.get(row["kind"], Kind.UNKNOWN),
        kind_text=row["kind"],
        spaces="1",
        lat=row["lat"],
        lon=row["lon"],
        hours={
            WORKDAYS: (row["weekday_from"].replace(":", ""), row["weekday_to"].replace(":", "")),
            SATURDAY: (row["weekend_from"].replace(":", ""), row["weekend_to"].replace(":", "")),
        },
        base_won=row["base_won"],
        base_min=row["base_min"],
        step_won=row["add_won"],
        step_min=row["add_min"],
        day_max_won=row["day_max_won"],
        free=None,
        placed=row["coord_ok"] != "False",
    )


class _Asked(dict[str, str]):
    """Notes which columns a form looks at."""

    def __missing__(self, column: str) -> str:
        self[column] = ""
        return ""


def _form(name: str, read: Callable[[Row], Lot]) -> Form:
    asked = _Asked()
    read(asked)
    return Form(name, frozenset(asked), read)


FORMS = (_form("seoul-official", _official), _form("seoul-shared-bays", _shared))
