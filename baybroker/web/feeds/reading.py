"""One consistent reading of the allocator's database for a feed, by named statements."""

from __future__ import annotations

import json
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from allocator.domain.interval import Interval
from allocator.store.database import open_readonly, store_errors
from allocator.store.queries import parse_queries
from baybroker.web.feeds.ids import Ids

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from allocator.domain.money import Tariff

Row = dict[str, Any]


@cache
def statements() -> dict[str, str]:
    """Return the statements of `feeds.sql` by name."""
    return parse_queries(resources.files("baybroker.web.feeds").joinpath("feeds.sql").read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class FeedSource:
    """Where the feeds come from. `tariff` is the city's own, for bays that name none of the `tariffs`."""

    database: Path
    tariffs: Mapping[str, Tariff]
    tariff: Tariff

    @contextmanager
    def open(self) -> Iterator[Feed]:
        """Open the database for one reading; raises StoreError where it cannot be read."""
        with store_errors(str(self.database)), closing(open_readonly(self.database)) as connection:
            connection.execute("BEGIN")
            yield Feed(connection, self)

    def tariff_of(self, name: str | None) -> Tariff:
        """Return what a bay's use costs."""
        return self.tariffs.get(name or "", self.tariff)


class Feed:
    """The database as it is at one moment, and what every feed needs of it.

    `now` is the world's time: the simulated clock's where there is one. `began_at` and `as_of` are when the history
    begins and how far it reaches.
    """

    def __init__(self, connection: sqlite3.Connection, source: FeedSource) -> None:
        self._connection = connection
        self.source = source
        meta = {row["name"]: row["value"] for row in self.rows("meta")}
        self.city: str = meta.get("city", "city")
        self.timezone: str = meta.get("timezone", "UTC")
        self.zone = ZoneInfo(self.timezone)
        self.now = int(meta["now"]) if "now" in meta else time.time_ns() // 1_000_000
        self.ids = Ids(self.city)
        (ends,) = self.rows("ends")
        self._ends: tuple[int, int] = (ends["first"] or 1, (ends["last"] or 0) + 1)
        self.began_at: int = ends["began_at"] or 0
        self.as_of: int = ends["as_of"] or 0
        connection.create_function("feed_id", 2, self.ids.of, deterministic=True)

    def rows(self, name: str, **values: object) -> Iterator[Row]:
        """Yield what a named statement finds, by column name."""
        cursor = self._connection.execute(statements()[name], values)
        columns = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(columns, row, strict=True))

    def one(self, name: str, **values: object) -> Row:
        """Return the only row that a named statement finds."""
        (row,) = self.rows(name, **values)
        return row

    def positions(self, span: Interval) -> Interval:
        """Return the positions of what was committed in a time, by looking at a few events: they are in order."""
        return Interval(self._position_at(span.from_at), self._position_at(span.until))

    def _position_at(self, at: int) -> int:
        """Return the first position that was not committed before `at`."""
        low, high = self._ends
        while low < high:
            middle = (low + high) // 2
            if int(self.one("committed_at", position=middle)["at"]) < at:
                low = middle + 1
            else:
                high = middle
        return low


@lru_cache(maxsize=4_096)
def texts(column: str) -> tuple[str, ...]:
    """Return the texts that a column holds as JSON."""
    return tuple(json.loads(column))
