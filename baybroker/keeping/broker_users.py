"""The broker's users: what may be a name or a password, and Mosquitto's password file."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING, Protocol

from baybroker.keeping.files import PRIVATE, KeepingError, read_whole, working_folder, write_whole
from broker_bridge.wire.topics import is_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROLES = ("gw-", "drv-", "res-", "op-")
PROGRAM = "mosquitto_passwd"
HASH_WITHIN_S = 30
PASSWORD_BYTES = 24
_UNWANTED = re.compile(r"[:\x00-\x1f\x7f]")


class Users(Protocol):
    """Where users are kept. `put` and `drop` replace the file in one step."""

    def names(self) -> list[str]:
        """Return the users in their order; raises KeepingError where the file cannot be read."""
        ...

    def put(self, users: Mapping[str, str]) -> list[str]:
        """Add users with their passwords; return those whose password was changed."""
        ...

    def drop(self, name: str) -> None:
        """Take the user out; raises KeepingError where there is none of the name."""
        ...


def check_name(name: str) -> str:
    """Return the name; raises KeepingError where the access rules would not know its role."""
    if not is_name(name) or not any(name.startswith(role) and name != role for role in ROLES):
        raise KeepingError(f"{name!r} is no user's name: begin with {', '.join(ROLES)} and use a-z, 0-9 and '-'")
    return name


def check_password(password: str) -> str:
    """Return the password; raises KeepingError where Mosquitto's file cannot hold it."""
    if not password or _UNWANTED.search(password):
        raise KeepingError("the password is empty, or has a colon or a line break, which Mosquitto's file cannot hold")
    return password


def new_password() -> str:
    """Return a random password of letters, digits, '-' and '_'."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


class PasswordFile:
    """Users as Mosquitto's `password_file` has them, a `name:hash` a line."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def names(self) -> list[str]:
        """Return the users in their order."""
        return [_name_of(line) for line in self._lines() if _name_of(line)]

    def put(self, users: Mapping[str, str]) -> list[str]:
        """Add users or change passwords, hashed by Mosquitto's own program; a missing file is made."""
        lines = self._lines() if self._file.exists() else []
        new = hashed({name: check_password(password) for name, password in users.items()}, self._file)
        self._write([*(line for line in lines if _name_of(line) not in users), *new])
        return [_name_of(line) for line in lines if _name_of(line) in users]

    def drop(self, name: str) -> None:
        """Take the user out."""
        lines = self._lines()
        others = [line for line in lines if _name_of(line) != name]
        if len(others) == len(lines):
            raise KeepingError(f"{self._file} has no user {name}")
        self._write(others)

    def _lines(self) -> list[bytes]:
        return read_whole(self._file).splitlines()

    def _write(self, lines: list[bytes]) -> None:
        write_whole(self._file, b"".join(line + b"\n" for line in lines))


def hashed(users: Mapping[str, str], beside: Path) -> list[bytes]:
    """Return the users' lines; raises KeepingError. No password is on a command line, where others could see it."""
    program = shutil.which(PROGRAM, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        raise KeepingError(
            f"{PROGRAM} is not installed here: it comes with Mosquitto (Debian: apt-get install mosquitto)"
        )
    with working_folder(beside.resolve()) as folder:
        file = folder / "users"
        file.touch(PRIVATE)
        file.write_text("".join(f"{name}:{password}\n" for name, password in users.items()), encoding="utf-8")
        try:
            subprocess.run([program, "-U", str(file)], check=True, capture_output=True, timeout=HASH_WITHIN_S)  # noqa: S603 - found on the PATH, no shell
        except subprocess.SubprocessError as error:
            raise KeepingError(f"{program} failed: {error}") from error
        lines = file.read_bytes().splitlines()
    if [_name_of(line) for line in lines] != list(users) or any(b":$" not in line for line in lines):
        raise KeepingError(f"{program} did not hash the password: nothing was changed")
    return lines


def _name_of(line: bytes) -> str:
    """Return whose line it is; nothing for a comment or an empty one."""
    name, colon, _ = line.partition(b":")
    return name.decode(errors="replace") if colon and not name.startswith(b"#") else ""
