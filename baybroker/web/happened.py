"""What the history comes to, counted: each event once, with a cursor, so that a scrape reads only what is new."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from allocator.store.database import open_readonly, store_errors
from allocator.store.queries import parse_queries

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from pathlib import Path


@dataclass(slots=True)
class Happened:
    """What the history comes to, up to `position`."""

    position: int = 0
    outbox: int = 0
    quarantined: int = 0
    reservations: int = 0
    events: Counter[str] = field(default_factory=Counter)
    violations: int = 0
    rejected_at_once: int = 0
    live: Counter[str] = field(default_factory=Counter)


class History:
    """Counts the events of a database, each once; may be asked from several threads."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._asking = threading.Lock()
        self._so_far = Happened()
        self._waiting: set[str] = set()

    def read(self) -> Happened:
        """Take in what was committed since the last time; raises StoreError."""
        with self._asking, store_errors(str(self._database)), closing(open_readonly(self._database)) as connection:
            connection.execute("BEGIN")
            (now,) = _rows(connection, "now")
            if now["position"] < self._so_far.position:  # another database has taken its place
                self._so_far, self._waiting = Happened(), set()
            self._take_events(connection, now["position"])
            seen = self._so_far
            seen.outbox, seen.quarantined, seen.reservations = (now[it] for it in ("outbox", "quarantined", "numbers"))
            seen.live = Counter({row["status"]: row["reservations"] for row in _rows(connection, "live")})
            seen.live["waiting"] = len(self._waiting)
            return seen

    def _take_events(self, connection: sqlite3.Connection, until: int) -> None:
        seen, span = self._so_far, {"after": self._so_far.position, "until": until}
        if seen.position:
            self._follow(_rows(connection, "lining_up", **span))
        else:
            self._waiting = {row["reservation_id"] for row in _rows(connection, "waiting")}
        for row in _rows(connection, "counts", **span):
            seen.events[row["type"]] += row["events"]
            seen.violations += row["violations"]
            if row["type"] == "request_rejected":
                seen.rejected_at_once += row["events"] - row["of_reservations"]
        seen.position = until

    def _follow(self, rows: Iterable[Mapping[str, Any]]) -> None:
        for row in rows:
            if row["type"] == "request_waitlisted":
                self._waiting.add(row["reservation_id"])
            else:
                self._waiting.discard(row["reservation_id"])


@cache
def statements() -> dict[str, str]:
    """Return the statements of `metrics.sql` by name."""
    return parse_queries(resources.files("baybroker.web").joinpath("metrics.sql").read_text("utf-8"))


def _rows(connection: sqlite3.Connection, name: str, **values: object) -> list[dict[str, Any]]:
    cursor = connection.execute(statements()[name], values)
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]
