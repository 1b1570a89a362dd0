"""Tables and snapshots against the fold (S6)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

from baybroker.verify.reading import rows_of
from baybroker.verify.reservations import LIVE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from baybroker.verify.bays import Bays
    from baybroker.verify.offers import Offers
    from baybroker.verify.reading import Fields
    from baybroker.verify.report import Report
    from baybroker.verify.reservations import Reservations

_KEYS = {"bay": "bay", "offer": "offer_id", "reservation": "reservation_id"}
KEPT = LIVE | {"waiting"}
"""The statuses of the reservations that a snapshot has."""
_JSON_COLUMNS = ("needs", "except_dates")


class Folded:
    """The three folds that tables and snapshots are compared with."""

    def __init__(self, report: Report, bays: Bays, offers: Offers, reservations: Reservations) -> None:
        self._report = report
        self._bays = bays
        self._offers = offers
        self._reservations = reservations

    def check_tables(self, connection: sqlite3.Connection) -> None:
        """Compare every row of the tables."""
        folds = {"bay": self._bays.rows, "offer": self._offers.rows, "reservation": self._reservations.rows}
        for table, folded in folds.items():
            rows = (_plain(row) for row in rows_of(connection, f"SELECT * FROM {table}"))  # noqa: S608 - our names
            self._compare(f"table {table}", _KEYS[table], folded, rows)

    def check_snapshot(self, position: int, text: str, event_nos: Mapping[str, int]) -> None:
        """Compare a snapshot with the fold up to its position, which is now."""
        try:
            image = json.loads(text)
            where = f"snapshot {position}"
            live = {name: row for name, row in self._reservations.rows.items() if row["status"] in KEPT}
            numbers = [image["position"], image["event_nos"], image["accepted"], image["offered"]]
            bays = [
                {**bay["spec"], **{key: value for key, value in bay.items() if key != "spec"}} for bay in image["bays"]
            ]
            if numbers != [position, event_nos, len(self._reservations.bookings), len(self._offers.rows)]:
                self._report.add("S6", f"{where} has other numbers than the events", position)
            if image["lateness"] != self._reservations.lateness:
                text = f"{where} has seen guests late {image['lateness']}, the events {self._reservations.lateness}"
                self._report.add("S6", text, position)
            self._compare(where, "bay", self._bays.rows, bays, position)
            self._compare(where, "offer_id", self._offers.rows, image["offers"], position)
            self._compare(where, "reservation_id", live, image["reservations"], position)
        except (KeyError, TypeError, ValueError) as error:
            self._report.add("S6", f"snapshot {position} cannot be read: {error!r}", position)

    def _compare(
        self, where: str, key: str, folded: Mapping[str, Fields], rows: Iterable[Fields], position: int | None = None
    ) -> None:
        missing = set(folded)
        for row in rows:
            name = row[key]
            expected = folded.get(name)
            if expected is None:
                self._report.add("S6", f"{where} has {name}, the events have not", position)
                continue
            missing.discard(name)
            wrong = [column for column, value in expected.items() if not _same(value, row.get(column))]
            if wrong:
                told = "; ".join(f"{column} is {row.get(column)!r}, not {expected[column]!r}" for column in wrong)
                self._report.add("S6", f"{where}, {name}: {told}", position)
        for name in sorted(missing):
            self._report.add("S6", f"{where} lacks {name}", position)


def _plain(row: Fields) -> Fields:
    """Return the row with its JSON columns read; text that is no JSON stays, and equals nothing."""
    for column in _JSON_COLUMNS:
        if column in row:
            with suppress(ValueError):
                row[column] = json.loads(row[column])
    return row


def _same(expected: object, found: object) -> bool:
    return found in expected if isinstance(expected, frozenset) else found == expected
