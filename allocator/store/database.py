"""Opening the database file: pragmas, migrations, the check of its pages. One place for every connection."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from allocator.store.base import ConstraintError, StoreError
from allocator.store.queries import schemas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MEMORY = ":memory:"
BUSY_TIMEOUT_MS = 5_000
CACHE_KIB = 65_536  # the default of 2 MB does not hold the bays of a city
APPLICATION_ID = 0x62617962  # "bayb", so that nobody's browser history is taken for a database of ours
_SQLITE_MIN = (3, 37, 0)  # STRICT tables


@contextmanager
def store_errors(path: str) -> Iterator[None]:
    """Turn the driver's errors into ours: a value or a row refused is a ConstraintError, all else a StoreError."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError) as error:
        raise ConstraintError(f"the database refused the batch: {error}") from error
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be used: {error}") from error


def open_writer(path: str, scripts: Sequence[str] | None = None) -> sqlite3.Connection:
    """Open or create the database, migrate and check it; raises StoreError. Hold the lease before you call this.

    The connection may go to another thread, but only one at a time may use it.
    """
    if sqlite3.sqlite_version_info < _SQLITE_MIN:
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old: baybroker needs 3.37 or newer")
    if path != MEMORY and not Path(path).resolve().parent.is_dir():
        raise StoreError(f"{path} cannot be created: its folder does not exist")
    with store_errors(path):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path, schemas() if scripts is None else scripts)
        except BaseException:
            connection.close()
            raise
    return connection


def open_readonly(path: str | Path) -> sqlite3.Connection:
    """Open an existing database to read only; raises StoreError where there is none.

    The connection may go to another thread, but only one at a time may use it.
    """
    if not Path(path).is_file():
        raise StoreError(f"{path} does not exist")
    with store_errors(str(path)):
        uri = f"{Path(path).resolve().as_uri()}?mode=ro"
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON")
    return connection


def _prepare(connection: sqlite3.Connection, path: str, scripts: Sequence[str]) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    try:
        _check_ours(connection, path)
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        found = str(error)
    if found != "ok":
        raise StoreError(f"{path} is damaged ({found.splitlines()[-1]}): restore a backup or name another --database")
    if path != MEMORY:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    migrate(connection, path, scripts)
    connection.execute("PRAGMA foreign_keys = ON")


def _check_ours(connection: sqlite3.Connection, path: str) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (objects,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    if objects and application_id != APPLICATION_ID:
        raise StoreError(f"{path} is another program's database: name another --database")


def migrate(connection: sqlite3.Connection, path: str, scripts: Sequence[str]) -> None:
    """Apply the scripts that the database has not seen, each in a transaction; raises StoreError where it is newer."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(scripts):
        raise StoreError(f"{path} has schema {version}, this program knows up to {len(scripts)}: upgrade baybroker")
    for number in range(version + 1, len(scripts) + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};"
                f"{scripts[number - 1]}\n; COMMIT;"
            )
        except BaseException:
            connection.rollback()
            raise
