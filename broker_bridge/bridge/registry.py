"""The devices that were heard, in a small SQLite file: a row each, written once per batch of uplinks."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from broker_bridge.bridge.record import Device
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_RECORD = TypeAdapter(Device)
_APPLICATION_ID = 0x62626272
_BUSY_S = 5.0
_SCHEMA = "CREATE TABLE IF NOT EXISTS device (name TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID"
_SAVE = "INSERT INTO device VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET record = excluded.record"


class Registry:
    """The bridge's own file. `save` may be called from another thread, by one caller at a time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        with _told(file):
            self._connection = sqlite3.connect(file, timeout=_BUSY_S, check_same_thread=False, isolation_level=None)
            _check(self._connection, file)
            # An uplink that power cut off is acknowledged to its network only after the write: it comes again.
            self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
            self._connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            self._connection.execute(_SCHEMA)

    def load(self) -> dict[str, Device]:
        """Return every device; raises SettingsError where the file is not readable as such."""
        with _told(self._file):
            return _devices(self._connection)

    def save(self, devices: Iterable[Device]) -> None:
        """Write records in one transaction; raises SettingsError."""
        rows = [(device.name, _RECORD.dump_json(device).decode()) for device in devices]
        with _told(self._file):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._connection.executemany(_SAVE, rows)
            except sqlite3.Error:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def read_devices(file: Path) -> dict[str, Device]:
    """Return every device in a registry that a running bridge may be writing; raises SettingsError."""
    if not file.is_file():
        return {}
    with _told(file), contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        _check(connection, file)
        return _devices(connection)


def _check(connection: sqlite3.Connection, file: Path) -> None:
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if tables and application_id != _APPLICATION_ID:
        raise SettingsError(f"{file}: is no registry of the bridge")


def _devices(connection: sqlite3.Connection) -> dict[str, Device]:
    rows = connection.execute("SELECT name, record FROM device ORDER BY name").fetchall()
    return {name: _RECORD.validate_json(record) for name, record in rows}


@contextlib.contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, ValidationError) as error:
        raise SettingsError(f"{file}: the registry cannot be used: {str(error).splitlines()[0]}") from None
