"""A damaged, foreign or newer file, a power cut at any byte of the write-ahead log, and a commit that is cancelled."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import store_world as world

from allocator.domain.events import Recorded
from allocator.store.aiosqlite_store import AioSqliteStore
from allocator.store.base import Commit, ConstraintError, StoreError
from allocator.store.sqlite3_store import Sqlite3Store

if TYPE_CHECKING:
    from pathlib import Path

WAL_HEADER_BYTES = 32
WAL_FRAME_HEADER_BYTES = 24
PAGE_BYTES = 4096
FRAME_BYTES = WAL_FRAME_HEADER_BYTES + PAGE_BYTES


@pytest.fixture(params=[AioSqliteStore, Sqlite3Store], ids=["aiosqlite", "sqlite3"])
def driver(request):
    return request.param


async def refused(driver, path: Path) -> str:
    store = driver(str(path))
    with pytest.raises(StoreError) as caught:
        await store.open("test")
    await store.close()
    return str(caught.value)


async def test_a_damaged_page_is_found_on_opening(driver, tmp_path):
    path = tmp_path / "city.db"
    store = driver(str(path))
    await store.open("test")
    await store.commit(Commit(events=world.recorded(world.ONE_OF_EACH), bays=[world.bay()]))
    await store.close()
    pages = bytearray(path.read_bytes())
    for start in range(PAGE_BYTES, len(pages), PAGE_BYTES):
        pages[start : start + 100] = b"\xa5" * 100
    path.write_bytes(pages)
    message = await refused(driver, path)
    assert "is damaged" in message
    assert "restore a backup" in message
    assert "\n" not in message


async def test_a_file_that_is_no_database_is_refused(driver, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but somebody's notes\n" * 200)
    assert "is damaged (file is not a database)" in await refused(driver, path)
    assert path.read_text().startswith("not a database")


async def test_another_programs_database_is_refused_and_left_alone(driver, tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE bookmark (url TEXT)")
        other.commit()
    before = path.read_bytes()
    assert "another program's database" in await refused(driver, path)
    assert path.read_bytes() == before


async def test_a_newer_schema_is_refused(driver, tmp_path):
    path = tmp_path / "city.db"
    store = driver(str(path))
    await store.open("test")
    await store.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 999")
    assert "schema 999" in await refused(driver, path)


async def test_a_folder_that_does_not_exist_is_named(driver, tmp_path):
    assert "nowhere" in await refused(driver, tmp_path / "nowhere" / "city.db")


async def test_an_event_that_this_version_does_not_know_stops_the_start(driver, tmp_path):
    store = driver(str(tmp_path / "city.db"))
    await store.open("test")
    await store.commit(world.step(1))
    with closing(sqlite3.connect(tmp_path / "city.db")) as other:
        other.execute("UPDATE event SET type = 'bay_painted'")
        other.commit()
    with pytest.raises(StoreError, match=r"bay_painted.*upgrade"):
        await store.load()
    await store.close()


async def test_a_failing_disk_is_a_store_error_and_keeps_nothing(driver, tmp_path):
    store = driver(str(tmp_path / "city.db"))
    await store.open("test")
    await store.commit(world.step(1))
    with closing(sqlite3.connect(tmp_path / "city.db")) as other:
        other.execute("ALTER TABLE outbox RENAME TO gone")
        other.commit()
        with pytest.raises(StoreError) as caught:
            await store.commit(world.step(2))
        assert not isinstance(caught.value, ConstraintError)
        assert other.execute("SELECT MAX(position) FROM event").fetchone() == (1,)
    await store.close()


async def test_a_cancelled_commit_is_whole_or_absent_and_the_store_goes_on(tmp_path):
    store = AioSqliteStore(str(tmp_path / "city.db"))
    await store.open("test")
    position = 0
    for _ in range(20):
        task = asyncio.create_task(store.commit(world.step(position + 1)), name="commit")
        await asyncio.sleep(0)  # it has begun, and waits for its thread
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        loaded = await store.load()
        assert loaded.tables.position == len(loaded.outbox)
        position = loaded.tables.position
    await store.commit(world.step(position + 1))
    await store.close()


async def test_a_power_cut_at_any_frame_leaves_an_exact_prefix_of_the_commits(driver, tmp_path):
    path, wal = tmp_path / "city.db", tmp_path / "city.db-wal"
    store = driver(str(path))
    await store.open("test")
    history, sizes = [Commit(bays=[world.bay()]), *map(world.step, range(1, 16))], []
    for commit in history:
        await store.commit(commit)
        sizes.append(wal.stat().st_size)
    for copy in (path, wal):
        shutil.copy(copy, tmp_path / f"whole{copy.name}")
    await store.close()
    whole_db, whole_wal = tmp_path / "wholecity.db", (tmp_path / "wholecity.db-wal").read_bytes()
    assert sorted(set(sizes)) == sizes
    assert (len(whole_wal) - WAL_HEADER_BYTES) % FRAME_BYTES == 0
    cuts = [
        boundary + inside
        for boundary in range(WAL_HEADER_BYTES, len(whole_wal) + 1, FRAME_BYTES)
        for inside in (0, WAL_FRAME_HEADER_BYTES - 1, FRAME_BYTES // 2)
    ]
    for cut in [0, WAL_HEADER_BYTES // 2, *cuts]:
        shutil.copy(whole_db, path)
        wal.write_bytes(whole_wal[:cut])
        survived = sum(1 for size in sizes if size <= cut)
        await check_prefix(driver, path, survived)


async def check_prefix(driver, path: Path, survived: int) -> None:
    """Check that exactly the first `survived` commits are there: the bay, and then one event each."""
    store = driver(str(path))
    await store.open("after the cut")
    loaded = await store.load()
    await store.close()
    path.with_name("city.db-wal").unlink(missing_ok=True)
    steps = max(survived - 1, 0)
    expected = [it for number in range(1, steps + 1) for it in world.step(number).events]
    assert loaded.events == expected
    assert all(isinstance(it, Recorded) for it in loaded.events)
    assert [it.outbox_id for it in loaded.outbox] == list(range(1, steps + 1))
    assert len(loaded.tables.bays) == (1 if survived else 0)
