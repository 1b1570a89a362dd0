"""One allocator a database: a lock that the kernel lets go when its process dies. See docs/adr/0003-lease.md."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from allocator.store.base import LeaseHeldError, StoreError

_MODE = 0o644


class FileLock:
    """An exclusive lock on `<database>.lock`, whose text names the holder. The file stays: removing it would race."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._path = Path(f"{Path(database).resolve()}.lock")
        self._fd: int | None = None

    def acquire(self, holder: str) -> None:
        """Take the lock without waiting; raises LeaseHeldError, or StoreError where the file cannot be made."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.pread(fd, 200, 0).decode(errors="replace").strip() or "unknown"
            os.close(fd)
            if not isinstance(error, BlockingIOError):
                raise StoreError(f"{self._path} cannot be locked: {error.strerror}") from error
            raise LeaseHeldError(
                f"another allocator ({owner}) works on {self._database}: stop it first, or name another --database"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{holder}\n".encode(), 0)
        self._fd = fd

    def release(self) -> None:
        """Let go; does nothing where the lock is not held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
