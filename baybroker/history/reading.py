"""What statements and explanations have in common: the city's clock, days as periods, and events as rows."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from allocator.domain.interval import Interval
from baybroker.verify.reading import rows_of
from broker_bridge.wire.errors import BaybrokerError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from baybroker.verify.reading import Fields

# Said twice so that SQLite sees that the index on reservation_id serves.
_OF_RESERVATION = """
SELECT position, at, type, payload FROM event
WHERE json_extract(payload, '$.reservation_id') = ? AND type <> 'occupancy_changed' ORDER BY position
"""


class UnknownNameError(BaybrokerError):
    """The database has nothing of that name."""


class CityClock:
    """The city's wall clock, and how far the history reaches."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT value FROM meta WHERE name = 'timezone'").fetchone()
        self.zone = ZoneInfo(row[0]) if row else ZoneInfo("UTC")
        last = connection.execute("SELECT at FROM event ORDER BY position DESC LIMIT 1").fetchone()
        self.as_of: int = last[0] if last else 0

    def local(self, at_ms: int) -> datetime:
        """Return an instant as the city's clock shows it."""
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)

    def midnight(self, day: date) -> int:
        """Return when a day begins."""
        return round(datetime.combine(day, time.min, tzinfo=self.zone).timestamp() * 1000)

    def period(self, first: date | None, last: date | None) -> Interval:
        """Return the days from first to last, both included; without one, as far as there is any history."""
        until = self.midnight(last + timedelta(days=1)) if last else self.as_of + 1
        return Interval(self.midnight(first) if first else 0, until)

    def days(self, intervals: Iterable[Interval]) -> dict[date, int]:
        """Return how many milliseconds of the intervals fall on each day."""
        found: dict[date, int] = {}
        for one in intervals:
            at = one.from_at
            while at < one.until:
                day = self.local(at).date()
                end = min(one.until, self.midnight(day + timedelta(days=1)))
                found[day] = found.get(day, 0) + end - at
                at = end
        return found


def events_of(connection: sqlite3.Connection, reservation_id: str) -> Iterator[Fields]:
    """Yield the events of a reservation in order: position, at, type, data."""
    for position, at, name, payload in connection.execute(_OF_RESERVATION, (reservation_id,)):
        yield {"position": position, "at": at, "type": name, "data": json.loads(payload)}


def booked(connection: sqlite3.Connection, account: str) -> dict[int, dict[str, int]]:
    """Return what the ledger has of an account: position -> unit -> amount."""
    amounts: dict[int, dict[str, int]] = {}
    sql = "SELECT position, unit, SUM(amount) AS amount FROM ledger WHERE account = ? GROUP BY position, unit"
    for position, unit, amount in connection.execute(sql, (account,)):
        amounts.setdefault(position, {})[unit] = amount
    return amounts


def one_row(connection: sqlite3.Connection, sql: str, *values: object) -> Fields | None:
    """Return the first row of a query by column name."""
    return next(rows_of(connection, sql, values), None)
