"""Schemas: from nothing, from every older version, half a migration, and the plans that the triggers rely on."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import store_world as world

from allocator.store.base import Commit, StoreError
from allocator.store.database import migrate, open_readonly, open_writer
from allocator.store.queries import schemas
from allocator.store.sqlite3_store import Sqlite3Store

DUMPS = sorted(Path(__file__).with_name("store_dumps").glob("v*.sql"))


def shape(connection: sqlite3.Connection) -> set[tuple[str, ...]]:
    return set(connection.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def test_every_released_schema_has_a_dump():
    assert [dump.stem for dump in DUMPS] == [f"v{number:03}" for number in range(1, len(schemas()) + 1)]


@pytest.mark.parametrize("dump", DUMPS, ids=[dump.stem for dump in DUMPS])
async def test_a_database_of_each_version_is_brought_up_to_date_with_what_it_holds(dump, tmp_path):
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(dump.read_text("utf-8"))
        old.execute("PRAGMA journal_mode = WAL")
    store = Sqlite3Store(str(path))
    await store.open("test")
    loaded = await store.load()
    assert loaded.events == world.recorded(world.ONE_OF_EACH)
    assert loaded.tables.bays == [world.bay("bay-1"), world.bay("bay-2")]
    assert loaded.tables.offers == [world.weekly(), world.once(), world.auto()]
    assert loaded.tables.reservations == [world.reservation("rsv-1"), world.reservation("rsv-2", "bay-2")]
    await store.commit(Commit(events=world.recorded((world.ONE_OF_EACH[0],), loaded.tables.position + 1)))
    await store.close()
    with closing(open_readonly(path)) as migrated, closing(open_writer(str(tmp_path / "new.db"))) as new:
        assert migrated.execute("PRAGMA user_version").fetchone() == (len(schemas()),)
        assert shape(migrated) == shape(new)


def test_a_migration_that_fails_half_way_leaves_the_version_before_it():
    scripts = ["CREATE TABLE a (x)", "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)"]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(connection, "city.db", scripts)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert {name for _, name, _ in shape(connection)} == {"a"}
        migrate(connection, "city.db", [scripts[0], "CREATE TABLE b (x)"])
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_migration_from_a_newer_version_is_refused():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, "city.db", ["CREATE TABLE a (x)", "CREATE TABLE b (x)"])
        with pytest.raises(StoreError, match=r"schema 2, this program knows up to 1: upgrade"):
            migrate(connection, "city.db", ["CREATE TABLE a (x)"])


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5_000)]
)
def test_the_writers_pragmas(tmp_path, pragma, value):
    with closing(open_writer(str(tmp_path / "city.db"))) as connection:
        assert connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)


def test_a_reader_cannot_write_and_never_creates(tmp_path):
    path = tmp_path / "city.db"
    with pytest.raises(StoreError, match="does not exist"):
        open_readonly(path)
    assert not path.exists()
    open_writer(str(path)).close()
    with closing(open_readonly(path)) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO meta VALUES ('a', '1')")


def test_the_overlap_triggers_and_the_bays_history_use_their_indexes(tmp_path):
    with closing(open_writer(str(tmp_path / "city.db"))) as connection:
        triggers = "".join(sql for kind, _, sql in shape(connection) if kind == "trigger")
        looks = re.findall(r"EXISTS \((.*?)\n    \);", triggers, re.DOTALL)
        assert len(looks) == 4
        for look in looks:
            plan = str(connection.execute("EXPLAIN QUERY PLAN " + re.sub(r"NEW\.\w+", "'x'", look)).fetchall())
            wanted = "reservation_live_bay (bay=?" if " bay = NEW" in look else "reservation_live_vehicle (vehicle_id=?"
            assert f"USING INDEX {wanted}" in plan
        sql = "EXPLAIN QUERY PLAN SELECT at, status FROM occupancy_change WHERE bay = 'bay-1' ORDER BY position"
        plan = str(connection.execute(sql).fetchall())
        assert "USING INDEX event_occupancy" in plan
        assert "TEMP B-TREE" not in plan
