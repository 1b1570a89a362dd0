"""A process to kill: it opens the store named on the command line and commits until it dies, printing positions."""

from __future__ import annotations

import asyncio
import sys

from store_world import step

from allocator.store.aiosqlite_store import AioSqliteStore


async def main(path: str) -> None:
    store = AioSqliteStore(path)
    await store.open("child")
    number = (await store.load()).tables.position
    print("open", flush=True)  # noqa: T201 - the parent reads it
    while True:
        number += 1
        await store.commit(step(number))
        print(number, flush=True)  # noqa: T201 - likewise


asyncio.run(main(sys.argv[1]))
