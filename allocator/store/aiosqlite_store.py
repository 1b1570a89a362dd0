"""The store in production: SQLite on a thread of its own, through aiosqlite."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

import aiosqlite

from allocator.store import session
from allocator.store.base import StoreError
from allocator.store.database import open_writer, store_errors
from allocator.store.lease import FileLock
from allocator.store.rows import positions_of, writes_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from allocator.store.base import Answer, Commit, Loaded

_ITER_CHUNK = 1_000
_P = ParamSpec("_P")
_T = TypeVar("_T")


class _Thread(aiosqlite.Connection):
    """A connection whose thread also runs whole functions.

    A transaction is one call there: nobody's cancellation can leave it half done, and a commit crosses between
    the threads once instead of once for each statement.
    """

    @classmethod
    async def of(cls, connection: sqlite3.Connection) -> Self:
        """Start a thread that has the connection to itself from now on."""
        thread = cls(lambda: connection, _ITER_CHUNK)
        await thread
        return thread

    async def call(
        self,
        work: Callable[Concatenate[sqlite3.Connection, _P], _T],
        *values: _P.args,
        **named: _P.kwargs,
    ) -> _T:
        """Call `work(connection, ...)` on the thread."""
        result: _T = await self._execute(work, self._conn, *values, **named)  # type: ignore[no-untyped-call]
        return result


class AioSqliteStore:
    """A Store on a file."""

    def __init__(self, path: str) -> None:
        self.path = str(path)
        self._lock = FileLock(self.path)
        self._thread: _Thread | None = None
        self._epoch = 0

    async def open(self, holder: str) -> None:
        """Take the lease, open, migrate and check; raises StoreError, LeaseHeldError."""
        self._lock.acquire(holder)
        try:
            # Opened elsewhere: aiosqlite does not wait for its thread where the connector fails.
            connection = await asyncio.to_thread(open_writer, self.path)
            self._thread = await _Thread.of(connection)
            with store_errors(self.path):
                self._epoch = await self._thread.call(session.take_lease, holder)
        except BaseException:
            await self.close()
            raise

    async def load(self) -> Loaded:
        """Read what a restart needs."""
        with store_errors(self.path):
            return await self._open_thread().call(session.load)

    async def answers(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Answer]:
        """Return the answers already given to these (party, request_id)."""
        with store_errors(self.path):
            return await self._open_thread().call(session.answers, keys)

    async def commit(self, commit: Commit) -> None:
        """Write it in one durable transaction, or nothing of it; raises ConstraintError, StoreError.

        Cancelled, it goes to its end all the same, unseen: whoever cancels must not acknowledge.
        """
        with store_errors(self.path):
            # The rows are made before the first await, so that the caller's objects may change after it.
            await self._open_thread().call(session.write, self._epoch, positions_of(commit), writes_of(commit))

    async def close(self) -> None:
        """Give the lease back and close; may be called again."""
        thread, self._thread = self._thread, None
        try:
            if thread is not None:
                await self._stop(thread)
        finally:
            self._lock.release()

    async def _stop(self, thread: _Thread) -> None:
        with store_errors(self.path):
            try:
                await thread.call(session.give_lease_back, self._epoch)
            finally:
                await thread.close()

    def _open_thread(self) -> _Thread:
        if self._thread is None:
            raise StoreError("the store is not open")
        return self._thread
