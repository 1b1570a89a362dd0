"""Files that are replaced whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from broker_bridge.wire.errors import BaybrokerError

if TYPE_CHECKING:
    from collections.abc import Iterator

PRIVATE = 0o600


class KeepingError(BaybrokerError):
    """It cannot be done; everything is as it was."""


@contextmanager
def working_folder(beside: Path) -> Iterator[Path]:
    """Yield a private folder on the file system of `beside`, gone afterwards; raises KeepingError for any OSError."""
    if not beside.parent.is_dir():
        raise KeepingError(f"{beside} cannot be written: its folder does not exist")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{beside.name}.", dir=beside.parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise KeepingError(f"{error.filename2 or error.filename or beside}: {error.strerror}") from error


def put_in_place(new: Path, old: Path) -> None:
    """Give `new` the name of `old` in one step, durably, and its owner and mode; else the folder's owner and 600."""
    known = old.stat() if old.exists() else None
    new.chmod(stat.S_IMODE(known.st_mode) if known else PRIVATE)
    if os.geteuid() == 0:
        owner = known or old.parent.stat()
        os.chown(new, owner.st_uid, owner.st_gid)
    _sync(new)
    new.replace(old)
    _sync(old.parent)


def write_whole(file: Path, content: bytes) -> None:
    """Replace the file's content in one step; raises KeepingError."""
    file = file.resolve()
    with working_folder(file) as folder:
        new = folder / file.name
        new.touch(PRIVATE)
        new.write_bytes(content)
        put_in_place(new, file)


def read_whole(file: Path) -> bytes:
    """Return the file's content; raises KeepingError."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise KeepingError(f"{file} cannot be read: {error.strerror}") from error


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
