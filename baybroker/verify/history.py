"""The walk through all events, in order, and the comparisons at its end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from baybroker.verify.announced import check_announced
from baybroker.verify.bays import Bays
from baybroker.verify.ledger import Ledger
from baybroker.verify.offers import Offers
from baybroker.verify.reading import open_history
from baybroker.verify.report import Report
from baybroker.verify.requests import Requests
from baybroker.verify.reservations import Reservations
from baybroker.verify.tables import Folded

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from baybroker.verify.reading import Fields

UNPUBLISHED = frozenset(
    {
        "replanned",
        "operator_command_refused",
        "resident_left",
        "resident_returned",
        "auto_window_set",
        "points_awarded",
    }
)


def verify_history(path: str | Path) -> Report:
    """Check the database's whole history; raises HistoryError where it cannot be read."""
    with open_history(path) as connection:
        return _Walk(connection).run()


class _Walk:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.report = Report()
        self._position = 0
        self._event_nos: dict[str, int] = {}
        zone = self._timezone()
        bays = Bays(self.report, zone)
        offers = Offers(zone, self.report, bays)
        reservations = Reservations(self.report, bays, offers)
        self._requests = Requests(self.report, reservations)
        self._ledger = Ledger(self.report, bays, reservations)
        self._offers = offers
        self._folded = Folded(self.report, bays, offers, reservations)
        self._handlers: dict[str, list[Callable[[int, int, Fields], None]]] = {}
        # Reservations before requests, which ask them whose a reservation is; the ledger looks at what was before.
        for part in (self._ledger, bays, offers, reservations, self._requests):
            for name, handle in part.handlers.items():
                self._handlers.setdefault(name, []).append(handle)

    def run(self) -> Report:
        snapshots = dict(self._connection.execute("SELECT position, image FROM snapshot"))
        self._check_snapshot(snapshots)
        sql = "SELECT position, at, zone, event_no, type, payload FROM event ORDER BY position"
        for position, at, zone, event_no, name, payload in self._connection.execute(sql):
            self._number(position, zone, event_no, name)
            self._fold(position, at, name, payload)
            self._check_snapshot(snapshots)
        for position in snapshots:
            self.report.add("S6", f"the snapshot of position {position} is ahead of the events", position)
        self._offers.check_closed()
        self._folded.check_tables(self._connection)
        self._requests.check_answers(self._connection)
        check_announced(self._connection, self.report, self._position, self._event_nos)
        self._ledger.check(self._connection)
        return self.report

    def _number(self, position: int, zone: str | None, event_no: int | None, name: str) -> None:
        if position != self._position + 1:
            self.report.add("S6", f"position {position} follows {self._position}: events are missing", position)
        self._position = position
        published = zone is not None and name not in UNPUBLISHED
        if not published or zone is None:
            if event_no is not None:
                self.report.add("S6", f"a {name} is never published, but has event_no {event_no}", position)
            return
        due = self._event_nos.get(zone, 0) + 1
        if event_no != due:
            self.report.add("S6", f"event_no {event_no} of {zone} where {due} is due", position)
        self._event_nos[zone] = due if event_no is None else event_no

    def _fold(self, position: int, at: int, name: str, payload: str) -> None:
        counters = self.report.counters
        counters.events += 1
        handlers = self._handlers.get(name)
        if handlers is None:
            self.report.add("S6", f"an event {name!r} that nobody knows", position)
            return
        counters.rejected += name == "request_rejected"
        try:
            data = json.loads(payload)
            for handle in handlers:
                handle(position, at, data)
        except (KeyError, TypeError, ValueError) as error:
            self.report.add("S6", f"{name} does not fit what came before it: {error!r}", position)

    def _check_snapshot(self, snapshots: dict[int, str]) -> None:
        if self._position in snapshots:
            self._folded.check_snapshot(self._position, snapshots.pop(self._position), self._event_nos)

    def _timezone(self) -> ZoneInfo:
        row = self._connection.execute("SELECT value FROM meta WHERE name = 'timezone'").fetchone()
        try:
            return ZoneInfo(row[0])
        except (TypeError, KeyError, ValueError):
            if self._connection.execute("SELECT 1 FROM event WHERE type = 'weekly_offered' LIMIT 1").fetchone():
                self.report.add("S3", "meta names no timezone: weekly offers are read in UTC")
            return ZoneInfo("UTC")
