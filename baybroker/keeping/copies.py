"""Backup and restore: a copy gets its name only after it was checked."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from allocator.store.lease import FileLock
from baybroker.keeping.files import KeepingError, put_in_place, working_folder
from baybroker.verify import verify_history
from baybroker.verify.reading import open_history

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGES = 4_096
KEPT = ".before-restore"
LOG, INDEX = "-wal", "-shm"


class UncleanError(KeepingError):
    """The database does not pass the checks: nothing was kept of the copy."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy holds; `verified` says whether its history was checked beside its pages."""

    bytes: int
    position: int
    verified: bool


def silent(_said: str) -> None:
    """Tell nobody."""


def backup(
    database: Path, file: Path, *, force: bool = False, verify: bool = True, told: Callable[[str], None] = silent
) -> Copied:
    """Write a checked copy of a database, also while an allocator works on it; raises KeepingError, HistoryError.

    `told` hears what is going on.
    """
    file = file.resolve()
    _apart(file, database)
    if file.exists() and not force:
        raise KeepingError(f"{file} is there already: name another file, or overwrite it with --force")
    with working_folder(file) as folder:
        copied = checked_copy(database, folder / "copy.db", verify=verify, told=told)
        put_in_place(folder / "copy.db", file)
    return copied


def restore(
    file: Path,
    database: Path,
    holder: str,
    *,
    force: bool = False,
    verify: bool = True,
    told: Callable[[str], None] = silent,
) -> Copied:
    """Put a backup in the database's place and keep the old one as `.before-restore`.

    Raises KeepingError, HistoryError, or LeaseHeldError while an allocator works there. The backup stays as it is.
    """
    database = database.resolve()
    _apart(file, database)
    kept = Path(f"{database}{KEPT}")
    if kept.exists() and not force:
        raise KeepingError(f"{kept} is there from an earlier restore: move it away, or overwrite it with --force")
    with working_folder(database) as folder, offline(database, holder):
        copied = checked_copy(file, folder / "copy.db", verify=verify, told=told)
        if database.exists():
            _keep(database, kept)
        replace_database(folder / "copy.db", database)
    return copied


@contextmanager
def offline(database: Path, holder: str) -> Iterator[None]:
    """Hold the lease, so that no allocator can start; raises LeaseHeldError where one works."""
    lock = FileLock(str(database))
    lock.acquire(holder)
    try:
        yield
    finally:
        lock.release()


def checked_copy(source: Path, target: Path, *, verify: bool, told: Callable[[str], None] = silent) -> Copied:
    """Copy the database as of one moment and check the copy; raises UncleanError, HistoryError."""
    with (
        open_history(source) as reader,
        closing(sqlite3.connect(target, isolation_level=None)) as writer,
        _damage_of(source),
    ):
        # The reader's transaction holds the moment: whatever is committed meanwhile does not begin the copy anew.
        (position,) = reader.execute("SELECT COALESCE(MAX(position), 0) FROM event").fetchone()
        reader.backup(
            writer, pages=PAGES, progress=lambda _, left, total: told(f"copied {100 - 100 * left // max(total, 1)} %")
        )
        # One file that stands for itself, readable where nothing can be written.
        writer.execute("PRAGMA journal_mode = DELETE")
    check(target, source, verify=verify, told=told)
    return Copied(target.stat().st_size, position, verify)


def check(copy: Path, source: Path, *, verify: bool, told: Callable[[str], None] = silent) -> None:
    """Check a copy's pages and, if wanted, its history; raises UncleanError that speaks of the source."""
    told("checking the pages")
    with open_history(copy) as connection, _damage_of(source):
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise UncleanError(f"{source} is damaged ({found.splitlines()[-1]}): nothing was kept of the copy")
    if not verify:
        return
    told("verifying the history")
    report = verify_history(copy)
    if not report.clean:
        broken = ", ".join(f"{rule}: {count}" for rule, count in sorted(report.violations_by_rule.items()))
        raise UncleanError(f"the history of {source} breaks rules ({broken}): look with verify-history")


def settle(database: Path) -> bool:
    """Bring the write-ahead log into the file itself; False where a reader is in the way. Hold the lease."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def replace_database(copy: Path, database: Path) -> None:
    """Put a copy in a database's place. Hold the lease, and settle or keep what stands there first."""
    for suffix in (LOG, INDEX):
        Path(f"{database}{suffix}").unlink(missing_ok=True)  # SQLite would replay a log that stays into the copy
    put_in_place(copy, database)


@contextmanager
def _damage_of(source: Path) -> Iterator[None]:
    """Tell a damaged file, which fails the check, from one that cannot be read now."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        raise UncleanError(f"{source} is damaged ({error}): nothing was kept of the copy") from error


def _apart(file: Path, database: Path) -> None:
    if file.exists() and database.exists() and file.samefile(database):
        raise KeepingError(f"{file} is the database itself: name another file")


def _keep(database: Path, kept: Path) -> None:
    """Give the old database, with whatever is still in its log, a second name."""
    with suppress(sqlite3.Error):  # what is damaged is kept as it is
        settle(database)
    for suffix in ("", LOG):
        old, new = Path(f"{database}{suffix}"), Path(f"{kept}{suffix}")
        new.unlink(missing_ok=True)
        if old.exists():
            os.link(old, new)
