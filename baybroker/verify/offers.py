"""Offers as their events tell, and the windows in which they open a bay."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dateutil.rrule import rrulestr

from baybroker.verify.calendar import SLOT_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

    from baybroker.verify.bays import Bays
    from baybroker.verify.reading import Fields
    from baybroker.verify.report import Report

_DAY = timedelta(days=1)
_RULE_REACH = timedelta(days=28)  # a rule is unrolled from here before its offer, for windows that began earlier
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_EMPTY: Fields = dict.fromkeys(("rrule", "start", "end", "from_at", "until", "risk_permille", "withdrawn_at"))


class Offers:
    """The offers so far. `rows` are what the table must hold; `covers` looks only at those not withdrawn."""

    def __init__(self, zone: ZoneInfo, report: Report, bays: Bays) -> None:
        self.rows: dict[str, Fields] = {}
        self._zone = zone
        self._report = report
        self._bays = bays
        self._to_close: dict[str, int] = {}
        self._open: dict[str, dict[str, tuple[Fields, date]]] = {}
        self._recalls: dict[str, dict[str, Fields]] = {}
        self.handlers = {
            "weekly_offered": self._weekly,
            "once_offered": self._once,
            "auto_offered": self._auto,
            "auto_window_set": self._auto_window,
            "resident_left": self._resident_left,
            "resident_returned": self._resident_returned,
            "offers_withdrawn": self._withdrawn,
            "bay_recalled": self._recalled,
            "bay_registered": self._registered,
            "points_awarded": lambda _position, _at, data: self._settled(data["bay"], data["until"]),
            "bay_opened": lambda _position, at, data: self._settled(data["bay"], at),
        }

    def covers(self, bay: str, from_at: int, until: int) -> bool:
        """Tell whether the bay is on offer for the whole interval, and recalled for no part of it."""
        if self.recalled(bay, from_at, until):
            return False
        reached = from_at
        for window_from, window_until in sorted(self._windows(bay, from_at, until)):
            if window_from > reached:
                return False
            reached = max(reached, window_until)
            if reached >= until:
                return True
        return reached >= until

    def recalled(self, bay: str, from_at: int, until: int) -> bool:
        """Tell whether its resident took the bay back for a part of the interval."""
        spans = self._recalls.get(bay, {}).values()
        return any(row["from_at"] < until and from_at < row["until"] for row in spans)

    def _recalled(self, _position: int, at: int, data: Fields) -> None:
        row = self._enter("recall", at, data, {name: data[name] for name in ("from_at", "until")})
        self._recalls.setdefault(row["bay"], {})[row["offer_id"]] = row

    def _registered(self, _position: int, _at: int, data: Fields) -> None:
        """What a resident recalled is recalled for as long as the bay is theirs."""
        spec = data["spec"]
        kept = self._recalls.get(spec["bay"], {}).items()
        self._recalls[spec["bay"]] = {name: row for name, row in kept if row["resident"] == spec.get("resident")}

    def _weekly(self, _position: int, at: int, data: Fields) -> None:
        fields = {name: data[name] for name in ("rrule", "start", "end")}
        self._enter("weekly", at, data, fields | {"except_dates": data.get("except_dates", [])})

    def _once(self, _position: int, at: int, data: Fields) -> None:
        self._enter("once", at, data, {name: data[name] for name in ("from_at", "until")})

    def _auto(self, _position: int, at: int, data: Fields) -> None:
        self._enter("auto", at, data, {"risk_permille": data["risk_permille"]})

    def _auto_window(self, position: int, at: int, data: Fields) -> None:
        row, bay = self.rows[data["offer_id"]], data["bay"]
        if row["kind"] != "auto" or row["bay"] != bay or row["withdrawn"]:
            self._report.add("S6", f"{data['offer_id']} is no offer that opens {bay} by itself", position)
        shut = data["from_at"] == data["until"]
        if not shut and self._bays.rows[bay]["away_since"] is None:
            self._report.add("S3", f"{bay} is opened by {data['offer_id']} while its resident is not away", position)
        if row["from_at"] is not None and row["from_at"] != data["from_at"]:
            row["offered_ms"] += max(min(at, row["until"]) - row["from_at"], 0)
        row |= {"from_at": data["from_at"], "until": data["until"]}
        if shut:
            self._to_close.pop(bay, None)

    def _resident_left(self, position: int, _at: int, data: Fields) -> None:
        if not any(row["kind"] == "auto" for row, _ in self._open.get(data["bay"], {}).values()):
            self._report.add("S6", f"the resident of {data['bay']} leaves, but offers it in no absence", position)

    def _resident_returned(self, position: int, _at: int, data: Fields) -> None:
        resident = self._bays.rows[data["bay"]]["resident"]
        for row, _ in self._open.get(data["bay"], {}).values():
            if row["kind"] == "auto" and row["resident"] == resident and row["from_at"] != row["until"]:
                self._to_close[data["bay"]] = position

    def check_closed(self) -> None:
        """Note the windows that stayed open when their resident was back."""
        for bay, position in self._to_close.items():
            self._report.add("S3", f"{bay} is left open although its resident is back", position)

    def _enter(self, kind: str, at: int, data: Fields, fields: Fields) -> Fields:
        same = {name: data[name] for name in ("offer_id", "bay", "resident")}
        row = (
            same
            | _EMPTY
            | {"kind": kind, "except_dates": [], "withdrawn": 0, "offered_at": at, "offered_ms": 0}
            | fields
        )
        self.rows[row["offer_id"]] = row
        if kind == "recall":
            return row
        first = datetime.fromtimestamp(at / 1000, UTC).astimezone(self._zone).date() - _RULE_REACH
        self._open.setdefault(row["bay"], {})[row["offer_id"]] = (row, first)
        return row

    def _withdrawn(self, _position: int, at: int, data: Fields) -> None:
        for offer_id in data["offer_ids"]:
            row = self.rows[offer_id]
            row |= {"withdrawn": 1, "withdrawn_at": at}
            for kept in (self._open, self._recalls):
                kept.get(row["bay"], {}).pop(offer_id, None)
        if not any(row["kind"] == "auto" for row, _ in self._open.get(data["bay"], {}).values()):
            self._bays.forget_absence(data["bay"])

    def _settled(self, bay: str, until: int) -> None:
        """What an `auto` offer has opened until now is dealt with: of its present window only the rest is to come."""
        for row, _ in self._open.get(bay, {}).values():
            if row["kind"] == "auto":
                row["offered_ms"] = -max(min(row["until"] or 0, until) - (row["from_at"] or 0), 0)

    def _windows(self, bay: str, from_at: int, until: int) -> Iterator[tuple[int, int]]:
        """Yield the windows near an interval that begin before its end, each rounded inward to whole slots."""
        for row, first in self._open.get(bay, {}).values():
            exact: Iterable[tuple[int, int]] = (
                self._weekly_windows(row, first, from_at, until)
                if row["kind"] == "weekly"
                else [(row["from_at"] or 0, row["until"] or 0)]
            )
            for window_from, window_until in exact:
                inward = (-(-window_from // SLOT_MS) * SLOT_MS, window_until // SLOT_MS * SLOT_MS)
                if inward[0] < until and inward[1] > from_at:
                    yield inward

    def _weekly_windows(self, row: Fields, first: date, from_at: int, until: int) -> Iterator[tuple[int, int]]:
        day = datetime.fromtimestamp(from_at / 1000, UTC).astimezone(self._zone).date() - _DAY
        last = datetime.fromtimestamp(until / 1000, UTC).astimezone(self._zone).date()
        while day <= last:
            if _recurs(row["rrule"], first, day) and day.isoformat() not in row["except_dates"]:
                yield _window(self._zone, day, row["start"], row["end"])
            day += _DAY


@lru_cache(maxsize=100_000)
def _recurs(rule: str, first: date, day: date) -> bool:
    weekdays = _plain_weekdays(rule)
    if weekdays is not None:
        return _WEEKDAYS[day.weekday()] in weekdays
    midnight = datetime.combine(day, time.min)
    parsed: Any = rrulestr(rule, dtstart=datetime.combine(first, time.min))
    return bool(parsed.between(midnight, midnight, inc=True))


@lru_cache(maxsize=1_000)
def _plain_weekdays(rule: str) -> frozenset[str] | None:
    """Return the days of a rule that is only `FREQ=WEEKLY;BYDAY=...`, for which no rule has to be unrolled."""
    parts = dict(part.partition("=")[::2] for part in rule.upper().removeprefix("RRULE:").split(";"))
    if set(parts) != {"FREQ", "BYDAY"} or parts["FREQ"] != "WEEKLY":
        return None
    return frozenset(parts["BYDAY"].split(","))


@lru_cache(maxsize=100_000)
def _window(zone: ZoneInfo, day: date, start: str, end: str) -> tuple[int, int]:
    """Return a day's window in epoch milliseconds; an end that is not after the start is on the next day."""
    last_day = day + _DAY if end <= start else day
    return _instant(zone, day, start), _instant(zone, last_day, end)


def _instant(zone: ZoneInfo, day: date, wall: str) -> int:
    hour, minute = (int(part) for part in wall.split(":"))
    midnight_after, hour = divmod(hour, 24)
    local = datetime.combine(day + midnight_after * _DAY, time(hour, minute), tzinfo=zone)
    return round(local.timestamp() * 1000)
