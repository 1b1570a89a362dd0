"""Bays as their events tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

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
    "bay_opened": {"closed": 0},
    "sensor_repaired": UNHEARD,
    "sensor_restored": {"lost": None},
    "bay_cleared": {"contested": None},
}
"""The events that set columns of the bay they name to fixed values."""
_COPIED = {"sensor_lost": ("lost", "reason"), "bay_contested": ("contested", "reason")}
"""The events that copy a field into a column: event -> (column, field)."""


class Bays:
    """The bays so far; `rows` are what the table must hold."""

    def __init__(self, report: Report) -> None:
        self.rows: dict[str, Fields] = {}
        self._report = report
        self._counters = report.counters
        self.handlers: dict[str, Callable[[int, int, Fields], None]] = {
            "bay_registered": self._registered,
            "occupancy_changed": self._occupancy_changed,
            "resident_left": self._left,
            "resident_returned": self._returned,
            **{name: self._setter(values) for name, values in _SET.items()},
            **{name: self._copier(*names) for name, names in _COPIED.items()},
        }

    def _registered(self, _position: int, _at: int, data: Fields) -> None:
        spec = data["spec"]
        known = self.rows.get(spec["bay"], UNHEARD | UNUSED | {"contested": None, "closed": 0})
        place = {name: spec[name] for name in _SPEC}
        optional = {name: spec.get(name, default) for name, default in _SPEC_OPTIONAL.items()}
        history = {} if known.get("resident") == optional["resident"] else NO_HISTORY
        self.rows[spec["bay"]] = known | place | optional | {"retired": 0} | history

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
