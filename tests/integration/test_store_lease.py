"""One allocator a database, and no dead one in its way."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
import store_world as world

from allocator.store.aiosqlite_store import AioSqliteStore
from allocator.store.base import Commit, LeaseHeldError, StoreError
from allocator.store.sqlite3_store import Sqlite3Store

CHILD = Path(__file__).with_name("store_child.py")
ANSWER_S = 30


@pytest.fixture(params=[AioSqliteStore, Sqlite3Store], ids=["aiosqlite", "sqlite3"])
def make(request, tmp_path):
    return lambda: request.param(str(tmp_path / "city.db"))


@asynccontextmanager
async def child(path: Path):
    """Run the committing child and yield it once it has the store; whatever happens, it is gone at the end."""
    process = await asyncio.create_subprocess_exec(sys.executable, CHILD, path, stdout=asyncio.subprocess.PIPE)
    try:
        assert await asyncio.wait_for(process.stdout.readline(), ANSWER_S) == b"open\n"
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.communicate()


def lease_row(path: Path) -> tuple[str | None, int]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT holder, epoch FROM lease").fetchone()


async def test_a_second_holder_is_refused_by_name_and_exits_with_2(make):
    first, second = make(), make()
    await first.open("allocator-1")
    with pytest.raises(LeaseHeldError, match=r"another allocator \(allocator-1\).*stop it first") as caught:
        await second.open("allocator-2")
    assert caught.value.exit_code == 2
    await first.commit(world.step(1))  # the holder is not disturbed
    await first.close()
    await second.open("allocator-2")
    assert (await second.load()).tables.position == 1
    await second.close()


async def test_the_lease_row_says_who_works_here_and_the_epoch_only_grows(make, tmp_path):
    for epoch in (1, 2):
        store = make()
        await store.open(f"allocator-{epoch}")
        assert lease_row(tmp_path / "city.db") == (f"allocator-{epoch}", epoch)
        await store.close()
        assert lease_row(tmp_path / "city.db") == (None, epoch)


async def test_a_former_holder_cannot_commit(make, tmp_path):
    store = make()
    await store.open("former")
    await store.commit(world.step(1))
    with closing(sqlite3.connect(tmp_path / "city.db")) as other:
        other.execute("UPDATE lease SET holder = 'usurper', epoch = epoch + 1")
        other.commit()
    with pytest.raises(LeaseHeldError, match="epoch 2, ours was 1"):
        await store.commit(world.step(2))
    assert (await store.load()).tables.position == 1
    await store.close()
    assert lease_row(tmp_path / "city.db") == ("usurper", 2)  # not the former one's to give back


async def test_a_store_that_cannot_be_opened_lets_the_lock_go(make, tmp_path):
    (tmp_path / "city.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError):
        await make().open("allocator")
    (tmp_path / "city.db").unlink()
    store = make()
    await store.open("allocator")
    await store.close()


async def test_a_living_process_holds_the_lease_and_a_killed_one_does_not(make, tmp_path):
    store = make()
    async with child(tmp_path / "city.db") as process:
        with pytest.raises(LeaseHeldError, match=r"\(child\)"):
            await store.open("next")
        process.send_signal(signal.SIGKILL)
        await asyncio.wait_for(process.wait(), ANSWER_S)
        await store.open("next")
    await store.commit(Commit(meta={"a": "1"}))
    await store.close()


async def test_whatever_a_killed_process_said_was_committed_is_there(make, tmp_path):
    said = 0
    for least in (1, 20, 45):
        async with child(tmp_path / "city.db") as process:
            while said < least:
                said = int(await asyncio.wait_for(process.stdout.readline(), ANSWER_S))
            process.send_signal(signal.SIGKILL)
            rest, _ = await asyncio.wait_for(process.communicate(), ANSWER_S)
        said = max([said, *(int(line) for line in rest.splitlines(keepends=True) if line.endswith(b"\n"))])
        store = make()
        await store.open("check")
        loaded = await store.load()
        await store.close()
        assert loaded.tables.position in (said, said + 1)  # the last may be committed and not yet said
        assert [it.position for it in loaded.events] == list(range(1, loaded.tables.position + 1))
        assert [it.outbox_id for it in loaded.outbox] == [it.position for it in loaded.events]
        said = loaded.tables.position
