"""The store's twin on plain sqlite3, called inline: no thread, so a simulation with it is deterministic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.store import session
from allocator.store.base import StoreError
from allocator.store.database import MEMORY, open_writer, store_errors
from allocator.store.lease import FileLock
from allocator.store.rows import positions_of, writes_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from allocator.store.base import Answer, Commit, Loaded


class Sqlite3Store:
    """A Store whose calls block. `:memory:` needs no lock and forgets everything on close."""

    def __init__(self, path: str = MEMORY) -> None:
        self.path = str(path)
        self._lock = None if self.path == MEMORY else FileLock(self.path)
        self._connection: sqlite3.Connection | None = None
        self._epoch = 0

    async def open(self, holder: str) -> None:
        """Take the lease, open, migrate and check; raises StoreError, LeaseHeldError."""
        if self._lock:
            self._lock.acquire(holder)
        try:
            self._connection = open_writer(self.path)
            with store_errors(self.path):
                self._epoch = session.take_lease(self._connection, holder)
        except BaseException:
            await self.close()
            raise

    async def load(self) -> Loaded:
        """Read what a restart needs."""
        with store_errors(self.path):
            return session.load(self._open_connection())

    async def answers(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Answer]:
        """Return the answers already given to these (party, request_id)."""
        with store_errors(self.path):
            return session.answers(self._open_connection(), keys)

    async def commit(self, commit: Commit) -> None:
        """Write it in one durable transaction, or nothing of it; raises ConstraintError, StoreError."""
        with store_errors(self.path):
            session.write(self._open_connection(), self._epoch, positions_of(commit), writes_of(commit))

    async def close(self) -> None:
        """Give the lease back and close; may be called again."""
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                with store_errors(self.path):
                    session.give_lease_back(connection, self._epoch)
        finally:
            if self._lock:
                self._lock.release()

    def _open_connection(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError("the store is not open")
        return self._connection
