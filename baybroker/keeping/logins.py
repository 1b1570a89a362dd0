"""Logins in clear text, a `user:password` a line, for clients that connect as these users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baybroker.keeping.files import KeepingError, read_whole, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_logins(file: Path) -> dict[str, str]:
    """Return the passwords by user; raises KeepingError with the line that is none."""
    logins = {}
    for number, line in enumerate(read_whole(file).decode(errors="replace").splitlines(), 1):
        user, colon, password = line.partition(":")
        if line and not (user and colon and password):
            raise KeepingError(f"{file}: line {number} is no user:password")
        if line:
            logins[user] = password
    return logins


def write_logins(file: Path, logins: Mapping[str, str]) -> None:
    """Add logins to the file, or change those of its users; a new one is readable by its owner only."""
    known = read_logins(file) if file.exists() else {}
    write_whole(file, "".join(f"{user}:{password}\n" for user, password in (known | dict(logins)).items()).encode())
