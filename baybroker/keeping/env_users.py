"""The broker's users of the compose setup: one line of `.env`, the rest of which stays byte for byte."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from baybroker.keeping.broker_users import check_password
from baybroker.keeping.files import PRIVATE, KeepingError, read_whole, write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

VARIABLE = "BAYBROKER_EXTRA_USERS"
_LINE = re.compile(
    rb"^(?P<head>[ \t]*(?:export[ \t]+)?" + VARIABLE.encode() + rb"[ \t]*=[ \t]*)(?P<value>[^\r\n]*)", re.MULTILINE
)
_QUOTED = re.compile(r"""(["']?)([^"'\s#$\\]*)\1[ \t]*""")
_PLAIN = re.compile(r"[A-Za-z0-9._~@%^+=/-]+")


@dataclass(slots=True)
class _Found:
    """The file's content around the users, and the users."""

    before: bytes
    users: dict[str, str]
    after: bytes

    def content(self) -> bytes:
        value = ",".join(f"{name}:{password}" for name, password in self.users.items())
        return self.before + value.encode() + self.after


class EnvUsers:
    """Users as `BAYBROKER_EXTRA_USERS=name:password,...` in a `.env` file, which becomes readable by its owner only."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def names(self) -> list[str]:
        """Return the users in their order."""
        return list(self._read().users)

    def put(self, users: Mapping[str, str]) -> list[str]:
        """Add users or change passwords; a missing file is made."""
        if not all(_PLAIN.fullmatch(check_password(password)) for password in users.values()):
            raise KeepingError("the password has characters that mean something in .env: use letters, digits and -._~")
        found = self._read() if self._file.exists() else _parse(b"", self._file)
        known = [name for name in users if name in found.users]
        found.users |= users
        self._write(found)
        return known

    def drop(self, name: str) -> None:
        """Take the user out."""
        found = self._read()
        if found.users.pop(name, None) is None:
            raise KeepingError(f"{VARIABLE} in {self._file} has no user {name}")
        self._write(found)

    def _read(self) -> _Found:
        return _parse(read_whole(self._file), self._file)

    def _write(self, found: _Found) -> None:
        if self._file.exists():
            self._file.chmod(PRIVATE)
        write_whole(self._file, found.content())


def _parse(content: bytes, file: Path) -> _Found:
    lines = list(_LINE.finditer(content))
    if len(lines) > 1:
        raise KeepingError(f"{file} sets {VARIABLE} {len(lines)} times: leave one of the lines")
    if not lines:
        gap = b"" if not content or content.endswith(b"\n") else b"\n"
        return _Found(content + gap + VARIABLE.encode() + b"=", {}, b"\n")
    (line,) = lines
    value = line["value"].decode(errors="replace")
    match = _QUOTED.fullmatch(value)
    if match is None:
        raise KeepingError(f"{VARIABLE} in {file} has blanks, quotes, # or $ within: write user:password,user:password")
    users = dict(_user(entry, file) for entry in match[2].split(",") if entry)
    start = line.start("value") + len(match[1])
    return _Found(content[:start], users, content[start + len(match[2].encode()) :])


def _user(entry: str, file: Path) -> tuple[str, str]:
    name, colon, password = entry.partition(":")
    if not colon or not password:
        raise KeepingError(f"{VARIABLE} in {file}: {name} has no password (write {name}:password)")
    return name, password
