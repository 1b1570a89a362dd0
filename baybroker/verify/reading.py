"""The database file as plain rows, read only and as of one moment, also while an allocator writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker_bridge.wire.errors import BaybrokerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

APPLICATION_ID = 0x62617962
SCHEMAS = range(1, 2)
Fields = dict[str, Any]


class HistoryError(BaybrokerError):
    """The database cannot be read."""


@contextmanager
def open_history(path: str | Path) -> Iterator[sqlite3.Connection]:
    """Open the database for one consistent reading; raises HistoryError where it is none of ours."""
    if not Path(path).is_file():
        raise HistoryError(f"{path} does not exist: name an allocator's database")
    try:
        uri = f"{Path(path).resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            (found,) = connection.execute("PRAGMA application_id").fetchone()
            if found != APPLICATION_ID:
                raise HistoryError(f"{path} is not an allocator's database")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in SCHEMAS:
                raise HistoryError(f"{path} has schema {version}, this program knows up to {SCHEMAS[-1]}: upgrade it")
            yield connection
    except sqlite3.Error as error:
        raise HistoryError(f"{path} cannot be read: {error}") from error


def rows_of(connection: sqlite3.Connection, sql: str, values: Sequence[object] = ()) -> Iterator[Fields]:
    """Yield the rows of a query by column name."""
    cursor = connection.execute(sql, tuple(values))
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))
