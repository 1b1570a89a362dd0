"""Writes the dump of the newest schema, filled by hand-made rows: `python tests/integration/dump_schema.py`."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import store_world as world

from allocator.store.base import Answer, Commit, HeardRow, LedgerEntry, OutboxRow, Quarantined
from allocator.store.database import APPLICATION_ID, schemas
from allocator.store.sqlite3_store import Sqlite3Store


def commit() -> Commit:
    """Return what the dump holds."""
    return Commit(
        events=world.recorded(world.ONE_OF_EACH),
        bays=[world.bay("bay-1"), world.bay("bay-2")],
        offers=[world.weekly(), world.once(), world.auto()],
        reservations=[world.reservation("rsv-1"), world.reservation("rsv-2", "bay-2")],
        answers=[Answer("drivers/drv-1", "q-10", "t/reply", b"{}")],
        outbox=[OutboxRow(1, "t/1", b"{}", retain=True)],
        heard=[HeardRow("bay-1", 1, 2, 3, 4, 1)],
        ledger=[LedgerEntry(1, "driver:drv-1", -1_200), LedgerEntry(1, "operator", 1_200)],
        meta={"timezone": "Asia/Seoul"},
        quarantined=[Quarantined(1, "t/request", b"\xff", "overlap")],
    )


async def fill(path: str) -> None:
    """Make a database with one commit in it."""
    store = Sqlite3Store(path)
    await store.open("dump")
    await store.commit(commit())
    await store.close()


def main() -> None:
    """Write the dump beside the others."""
    number = len(schemas())
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "dump.db")
        asyncio.run(fill(path))
        with closing(sqlite3.connect(path)) as connection:
            lines = [*connection.iterdump()]
    head = [f"PRAGMA application_id = {APPLICATION_ID};", f"PRAGMA user_version = {number};"]
    dump = Path(__file__).with_name("store_dumps") / f"v{number:03}.sql"
    dump.write_text("\n".join([*head, *lines]) + "\n", "utf-8")


if __name__ == "__main__":
    main()
