"""The allocator's database through the store's read-only side: named statements on one connection of its own."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import aiosqlite

from allocator.store.base import StoreError
from allocator.store.database import open_readonly, store_errors
from allocator.store.queries import parse_queries

if TYPE_CHECKING:
    from pathlib import Path

_ITER_CHUNK = 1_000
Row = dict[str, Any]


@cache
def queries() -> dict[str, str]:
    """Return the statements of `queries.sql`."""
    return parse_queries(resources.files("baybroker.web").joinpath("queries.sql").read_text("utf-8"))


class Database:
    """A reader that opens the file when it is first asked, and again after an error."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()

    async def rows(self, name: str, *values: object) -> list[Row]:
        """Return the rows of a named statement by column name; raises StoreError."""
        connection = await self._open()
        try:
            with store_errors(str(self.path)):
                async with connection.execute(queries()[name], values) as cursor:
                    names = [column[0] for column in cursor.description]
                    return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
        except StoreError:
            await self.close()
            raise

    async def row(self, name: str, *values: object) -> Row | None:
        """Return the first row of a named statement, or None; raises StoreError."""
        found = await self.rows(name, *values)
        return found[0] if found else None

    async def meta(self) -> dict[str, str]:
        """Return the values of the database as a whole."""
        return {row["name"]: row["value"] for row in await self.rows("select_meta")}

    async def close(self) -> None:
        """Close the connection; the next question opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _open(self) -> aiosqlite.Connection:
        async with self._opening:
            if self._connection is None:
                # Opened elsewhere: aiosqlite does not wait for its thread where the connector fails.
                opened = await asyncio.to_thread(open_readonly, self.path)
                self._connection = await aiosqlite.Connection(lambda: opened, _ITER_CHUNK)
            return self._connection
