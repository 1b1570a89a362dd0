"""What baybroker needs of a database file and of the disk it is on. The user's file is only read."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from allocator.store.database import APPLICATION_ID, open_readonly, open_writer, store_errors
from allocator.store.queries import schemas
from baybroker.doctor.checks import Check, Finding, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK_CHECK_WITHIN_S = 60.0
COMMITS = 20
COMMIT_SLOW_MS = 20.0
FREE_FAIL_BYTES, FREE_WARN_BYTES = 100 * 2**20, 2**30
_MIB = 2**20
_STEPS_BETWEEN_LOOKS = 100_000
_SYNCHRONOUS = ("off", "normal", "full", "extra")


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_readonly(path)
    try:
        with store_errors(str(path)):
            yield connection
    finally:
        connection.close()


def _pragma(connection: sqlite3.Connection, name: str) -> int | str:
    found: int | str = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return found


def _file(path: Path) -> Finding:
    with _reading(path) as connection:
        application_id, version = _pragma(connection, "application_id"), int(_pragma(connection, "user_version"))
        mode = _pragma(connection, "journal_mode")
    if application_id != APPLICATION_ID:
        return Finding(Result.FAIL, f"{path} is not an allocator's database", "name another --database")
    measured = f"{path}, {path.stat().st_size / _MIB:.1f} MiB, user_version {version}, journal_mode {mode}"
    known = len(schemas())
    if version > known:
        return Finding(Result.FAIL, measured, f"this program knows user_version up to {known}: upgrade baybroker")
    if version < known:
        return Finding(Result.WARN, measured, f"the next `baybroker allocate` makes it user_version {known}")
    if mode != "wal":
        return Finding(Result.WARN, measured, "the next `baybroker allocate` makes it wal")
    return Finding(Result.OK, measured)


def _quick_check(path: Path) -> Finding:
    began = time.monotonic()
    with _reading(path) as connection:
        connection.set_progress_handler(
            lambda: int(time.monotonic() - began > QUICK_CHECK_WITHIN_S), _STEPS_BETWEEN_LOOKS
        )
        try:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "interrupted" not in str(error):
                raise
            return Finding(Result.WARN, f"not finished within {QUICK_CHECK_WITHIN_S:.0f} s", "look at a quiet hour")
    if found != "ok":
        return Finding(Result.FAIL, str(found).splitlines()[-1], "restore a backup")
    return Finding(Result.OK, f"ok in {time.monotonic() - began:.2f} s")


def _commits(path: Path) -> Finding:
    """Make a database beside it with the allocator's own settings, and commit a row again and again."""
    try:
        folder = tempfile.TemporaryDirectory(prefix=".baybroker-doctor-", dir=path.resolve().parent)
    except OSError as error:
        return Finding(Result.FAIL, f"nothing can be written beside it: {error.strerror}", "give the user the folder")
    with folder as name:
        connection = open_writer(str(Path(name) / "trial.db"))
        try:
            with store_errors(name):
                mode, full = _pragma(connection, "journal_mode"), _SYNCHRONOUS[int(_pragma(connection, "synchronous"))]
                keys = "on" if _pragma(connection, "foreign_keys") else "off"
                took_ms = [_commit_ms(connection, number) for number in range(COMMITS)]
        finally:
            connection.close()
    median = statistics.median(took_ms)
    measured = (
        f"median {median:.2f} ms, longest {max(took_ms):.2f} ms of {COMMITS}; "
        f"journal_mode {mode}, synchronous {full}, foreign_keys {keys}"
    )
    if mode != "wal":
        return Finding(Result.FAIL, measured, "this file system has no wal: use a local disk")
    if median > COMMIT_SLOW_MS:
        return Finding(Result.WARN, measured, "every answer waits for a commit: use a faster disk")
    return Finding(Result.OK, measured)


def _commit_ms(connection: sqlite3.Connection, number: int) -> float:
    began = time.monotonic()
    connection.execute("INSERT INTO meta (name, value) VALUES (?, 'trial')", (str(number),))
    return (time.monotonic() - began) * 1000


def _free(path: Path) -> Finding:
    free = shutil.disk_usage(path.resolve().parent).free
    measured = f"{free / _MIB:,.0f} MiB free"
    if free < FREE_FAIL_BYTES:
        return Finding(Result.FAIL, measured, "make room: the allocator stops when a commit fails")
    if free < FREE_WARN_BYTES:
        return Finding(Result.WARN, measured, "make room")
    return Finding(Result.OK, measured)


_FILE = "database"
DATABASE_CHECKS: tuple[Check[Path], ...] = (
    Check(_FILE, _file, advice="name the file that `baybroker allocate --database` writes"),
    Check("quick_check", _quick_check, advice="restore a backup"),
    Check("commit time", _commits),
    Check("free disk", _free),
)
