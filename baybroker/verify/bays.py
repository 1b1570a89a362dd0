"""Bays as their events tell."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from baybroker.verify.reading import Fields
    from baybroker.verify.report import Report

DAY_MS = 86_400_000
CLOCK_OFF_MS = 60_000
UNHEARD: Fields = {"occupancy": "unknown", "observed_at": 0, "boot_id": -1, "seq": -1, "lost": None}
NO_HISTORY: Fields = {"away_since": None, "absences": 0, "hazard_permille": 0}
"""What a bay's resident is known to do: nothing, for a new one."""
UNUSED: Fields = NO_HISTORY | {"rented_week": 0, "rented_ms": 0, "settled_at": None}
_SPEC = ("bay", "zone", "lat", "lon", "gateway")
_SPEC_OPTIONAL: Fields = {"resident": None, "needs": [], "tariff": None}
_SET: dict[str, Fields] = {
    "bay_retired": {"retired": 1},
    "bay_closed": {"closed": 1},
    "sensor_repaired": UNHEARD,
    "sensor_restored": {"lost": None},
    "bay_cleared": {"contested": None},
}
"""The events that set columns of the bay they name to fixed values."""
_COPIED = {"sensor_lost": ("lost", "reason"), "bay_contested": ("contested", "reason")}
"""The events that copy a field into a column: event -> (column, field)."""


class Bays:
    """The bays so far; `rows` are what the table must hold."""

    def __init__(self, report: Report, zone: ZoneInfo) -> None:
        self.rows: dict[str, Fields] = {}
        self._report, self._zone = report, zone
        self._counters = report.counters
        self.handlers: dict[str, Callable[[int, int, Fields], None]] = {
            "bay_registered": self._registered,
            "occupancy_changed": self._occupancy_changed,
            "bay_opened": self._opened,
            "points_awarded": self._awarded,
            "resident_left": self._left,
            "resident_returned": self._returned,
            **{name: self._setter(values) for name, values in _SET.items()},
            **{name: self._copier(*names) for name, names in _COPIED.items()},
        }

    def used(self, bay: str, began_at: int, ended_at: int) -> None:
        """Count a stay to the local week in which it ended; the weeks before the bay's latest do not count."""
        ended = datetime.fromtimestamp(ended_at / 1000, self._zone)
        monday = datetime.combine(ended.date() - timedelta(days=ended.weekday()), time(), self._zone)
        week, row = int(monday.timestamp()) * 1000, self.rows[bay]
        if week > row["rented_week"]:
            row |= {"rented_week": week, "rented_ms": 0}
        if week == row["rented_week"]:
            row["rented_ms"] += max(ended_at - began_at, 0)

    def _registered(self, _position: int, at: int, data: Fields) -> None:
        spec = data["spec"]
        known = self.rows.get(spec["bay"])
        if known is None:
            known = UNHEARD | UNUSED | {"contested": None, "closed": 0}
        elif known["retired"] or known["resident"] != spec.get("resident"):
            known["settled_at"] = at  # points end with a resident, and begin anew with a bay
        place = {name: spec[name] for name in _SPEC}
        optional = {name: spec.get(name, default) for name, default in _SPEC_OPTIONAL.items()}
        history = {} if known.get("resident") == optional["resident"] else NO_HISTORY
        self.rows[spec["bay"]] = known | place | optional | {"retired": 0} | history

    def _opened(self, _position: int, at: int, data: Fields) -> None:
        self.rows[data["bay"]] |= {"closed": 0, "settled_at": at}

    def _awarded(self, _position: int, _at: int, data: Fields) -> None:
        self.rows[data["bay"]]["settled_at"] = data["until"]

    def _occupancy_changed(self, _position: int, _at: int, data: Fields) -> None:
        counters, status = self._counters, data["status"]
        counters.occupancy_changes += 1
        if data.get("late"):
            counters.late += 1
            return
        row = self.rows[data["bay"]]
        row["occupancy"] = status
        row["observed_at"], row["boot_id"], row["seq"] = data["observed_at"], data["boot_id"], data["seq"]
        if data["before"] != "unknown":
            counters.arrivals += status == "occupied"
            counters.departures += status == "free"

    def _left(self, position: int, at: int, data: Fields) -> None:
        row = self.rows[data["bay"]]
        if row["away_since"] is not None:
            self._report.add("S6", f"the resident of {data['bay']} leaves, but is away already", position)
        if row["occupancy"] != "free" or data["at"] > at + CLOCK_OFF_MS:
            self._report.add("S6", f"the resident of {data['bay']} leaves, but no sensor saw it", position)
        row["away_since"] = data["at"]

    def _returned(self, position: int, _at: int, data: Fields) -> None:
        row = self.rows[data["bay"]]
        since = row["away_since"]
        if since is None or data["at"] < since:
            self._report.add("S6", f"the resident of {data['bay']} comes back, but had not left before", position)
            since = data["at"]
        if data.get("within_habit", True) != (data["at"] - since <= DAY_MS):
            self._report.add("S6", f"an absence of {data['at'] - since} ms is counted wrongly", position)
        row["away_since"] = None
        row["absences"] += bool(data.get("within_habit", True))
        row["hazard_permille"] += data["hazard_permille"]

    def forget_absence(self, bay: str) -> None:
        """Nothing opens the bay for its resident's absence any more."""
        self.rows[bay]["away_since"] = None

    def _setter(self, values: Fields) -> Callable[[int, int, Fields], None]:
        def handle(_position: int, _at: int, data: Fields) -> None:
            self.rows[data["bay"]].update(values)

        return handle

    def _copier(self, column: str, name: str) -> Callable[[int, int, Fields], None]:
        def handle(_position: int, _at: int, data: Fields) -> None:
            self.rows[data["bay"]][column] = data[name]
            self._counters.contested += column == "contested"

        return handle
