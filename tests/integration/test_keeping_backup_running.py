"""A backup of a database that an allocator's store writes to all the time."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from allocator.store.sqlite3_store import Sqlite3Store
from baybroker.keeping.copies import backup

CHILD = Path(__file__).with_name("store_child.py")
ANSWER_S = 30


async def test_each_copy_is_of_one_moment_and_the_writer_goes_on(tmp_path):
    database = tmp_path / "city.db"
    process = await asyncio.create_subprocess_exec(sys.executable, CHILD, database, stdout=asyncio.subprocess.PIPE)
    try:
        said = await asyncio.wait_for(process.stdout.readline(), ANSWER_S)
        assert said == b"open\n"
        newest = 0
        for number in range(3):
            said = 0
            while said <= newest + 20:
                said = int(await asyncio.wait_for(process.stdout.readline(), ANSWER_S))
            file = tmp_path / f"{number}.bak"
            newest = (await asyncio.to_thread(backup, database, file, verify=False)).position
            assert newest >= said
            await assert_whole(file, newest)
        assert process.returncode is None
    finally:
        process.kill()
        await process.communicate()


async def assert_whole(file: Path, position: int) -> None:
    """Events and the messages committed with them end at the same position."""
    store = Sqlite3Store(str(file))
    await store.open("test")
    loaded = await store.load()
    await store.close()
    assert [it.position for it in loaded.events] == list(range(1, position + 1))
    assert [it.outbox_id for it in loaded.outbox] == [it.position for it in loaded.events]
