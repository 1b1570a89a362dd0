"""Requests and their answers: none forgotten, none answered without an event (S4), none with two effects (S5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from baybroker.verify.reading import rows_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from baybroker.verify.reading import Fields
    from baybroker.verify.report import Report
    from baybroker.verify.reservations import Reservations

_NAMED = {
    "bay_registered": "operator", "bay_retired": "operator", "bay_closed": "operator", "bay_opened": "operator",
    "sensor_repaired": "operator", "operator_command_refused": "operator", "weekly_offered": "resident",
    "once_offered": "resident", "auto_offered": "resident", "offer_rejected": "resident",
    "offers_withdrawn": "resident", "bay_recalled": "resident",
    "driver_command_refused": "driver",
}  # fmt: skip
"""Events that name who asked, and in which field."""
_REQUESTED = ("reservation_accepted", "request_waitlisted", "request_rejected")
"""The three ends of a request; after `request_waitlisted` one of the others may follow, as news of the same request."""
_OF_RESERVATION = (
    "reservation_activated", "reservation_relocated", "reservation_extended", "reservation_completed",
    "reservation_cancelled", "reservation_failed",
)  # fmt: skip
"""Events that may answer the driver of a reservation; one that names an operator answers him instead."""
_ASKERS = ("drivers", "residents", "operators")


class Requests:
    """Which request each event answered, by (party, request_id)."""

    def __init__(self, report: Report, reservations: Reservations) -> None:
        self._report = report
        self._reservations = reservations
        self._effects: dict[tuple[str, str], int] = {}
        self._waiting: set[str] = set()
        self.handlers: dict[str, Callable[[int, int, Fields], None]] = {
            **{name: self._named(field) for name, field in _NAMED.items()},
            **dict.fromkeys(_OF_RESERVATION, self._of_reservation),
            **dict.fromkeys(_REQUESTED, self._requested),
            "request_waitlisted": self._waitlisted,
        }

    def _named(self, field: str) -> Callable[[int, int, Fields], None]:
        def handle(position: int, _at: int, data: Fields) -> None:
            if data.get("request_id") is not None and data.get(field) is not None:
                self._effect(position, f"{field}s/{data[field]}", data["request_id"])

        return handle

    def _requested(self, position: int, _at: int, data: Fields) -> None:
        if data.get("reservation_id") in self._waiting:
            self._waiting.discard(data["reservation_id"])
            return
        self._report.counters.requests += 1
        self._effect(position, f"drivers/{data['driver']}", data["request_id"])

    def _waitlisted(self, position: int, at: int, data: Fields) -> None:
        self._requested(position, at, data)
        self._waiting.add(data["reservation_id"])

    def _of_reservation(self, position: int, _at: int, data: Fields) -> None:
        if data.get("request_id") is None:
            return
        operator = data.get("operator")
        party = (
            f"operators/{operator}" if operator else f"drivers/{self._reservations.driver_of(data['reservation_id'])}"
        )
        self._effect(position, party, data["request_id"])

    def _effect(self, position: int, party: str, request_id: str) -> None:
        first = self._effects.setdefault((party, request_id), position)
        if first != position:
            text = f"request {request_id} of {party} has a second effect; the first is event {first}"
            self._report.add("S5", text, position)

    def check_answers(self, connection: sqlite3.Connection) -> None:
        """Compare with the answers kept, both ways."""
        waiting = dict(self._effects)
        refused = _quarantined(connection)
        for row in rows_of(connection, "SELECT party, request_id, payload FROM answer"):
            self._report.counters.answers += 1
            key = (row["party"], row["request_id"])
            payload = _object(row["payload"])
            if payload.get("request_id", key[1]) != key[1]:
                text = f"the answer kept for {key[1]} of {key[0]} is one to {payload['request_id']}"
                self._report.add("S4", text)
            if waiting.pop(key, None) is None and key not in refused and payload.get("type") != "state":
                self._report.add("S4", f"request {key[1]} of {key[0]} was answered, but no event knows it")
        for (party, request_id), position in waiting.items():
            self._report.add("S4", f"request {request_id} of {party} has an effect and no answer", position)


def _quarantined(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """Return the requests that the database would not take: they were answered, and have no effect."""
    found = set()
    for row in rows_of(connection, "SELECT topic, payload FROM quarantine"):
        levels = row["topic"].split("/")
        request_id = _object(row["payload"]).get("request_id")
        if isinstance(request_id, str) and len(levels) > len(_ASKERS) and levels[-3] in _ASKERS:
            found.add((f"{levels[-3]}/{levels[-2]}", request_id))
    return found


def _object(payload: bytes) -> Fields:
    """Return the JSON object, or an empty one."""
    try:
        parsed = json.loads(payload)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
