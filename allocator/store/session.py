"""The store's work on a connection, written once for both drivers. Every function here blocks on the disk."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from allocator.store.base import Answer
from allocator.store.queries import queries
from allocator.store.rows import TABLES, Row, Write, check_fence, loaded_from, newest_snapshot

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from allocator.store.base import Loaded


def take_lease(connection: sqlite3.Connection, holder: str) -> int:
    """Write down who works here and return the new epoch."""
    ((epoch,),) = _select(connection, "take_lease", (holder, time.time_ns() // 1_000_000))
    return int(epoch)


def give_lease_back(connection: sqlite3.Connection, epoch: int) -> None:
    """Write down that nobody works here, and close."""
    try:
        connection.execute(queries()["give_lease_back"], (epoch,))
    finally:
        connection.close()


def load(connection: sqlite3.Connection) -> Loaded:
    """Read what a restart needs."""
    snapshot = newest_snapshot(_select(connection, "select_snapshots"))
    events = _select(connection, "select_events", (snapshot.position if snapshot else 0,))
    return loaded_from(snapshot, events, {name: _select(connection, name) for name in TABLES})


def answers(connection: sqlite3.Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Answer]:
    """Return the answers already given to these (party, request_id)."""
    if not keys:
        return {}
    return {row[:2]: Answer(*row) for row in _select(connection, "select_answers", (json.dumps(keys),))}


def write(connection: sqlite3.Connection, epoch: int, positions: Sequence[int], writes: Sequence[Write]) -> None:
    """Execute it all in one transaction that the lease's epoch fences, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        check_fence(connection.execute(queries()["fence"]).fetchone(), epoch, positions)
        for name, rows in writes:
            connection.executemany(queries()[name], rows)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _select(connection: sqlite3.Connection, name: str, values: Row = ()) -> list[Row]:
    return connection.execute(queries()[name], values).fetchall()
