"""API tokens: a file of their own that holds salted hashes only. A token is `bb_ID_SECRET`; the ID finds its row."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from baybroker.keeping.files import KeepingError, read_whole, write_whole
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.topics import is_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TokenRole = Literal["public", "driver", "resident", "operator"]
PREFIXES: dict[str, str] = {"public": "pub-", "driver": "drv-", "resident": "res-", "operator": "op-"}
ID_BYTES, SECRET_BYTES, SALT_BYTES = 6, 32, 16
SCRYPT = {"n": 2**14, "r": 8, "p": 1}
VERIFIED_MAX = 10_000


class TokenRow(BaseModel):
    """What is kept of a token. The secret itself is kept nowhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token_id: str
    role: TokenRole
    subject: str
    salt: str
    hash: str
    created_at: int


_ROWS = TypeAdapter(list[TokenRow])


class TokenFile:
    """The file, mode 600, replaced whole at each change."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> list[TokenRow]:
        """Return the tokens; raises KeepingError where the file cannot be read."""
        if not self.path.exists():
            return []
        try:
            return _ROWS.validate_json(read_whole(self.path))
        except ValidationError:
            raise KeepingError(f"{self.path} is no file of tokens") from None

    def create(self, role: TokenRole, subject: str) -> str:
        """Add a token and return it: it is shown once; raises SettingsError, KeepingError."""
        prefix = PREFIXES[role]
        if not is_name(subject) or not subject.startswith(prefix) or subject == prefix:
            raise SettingsError(f"{subject!r} is no {role}: begin with {prefix} and use a-z, 0-9 and '-'")
        token_id, secret = secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)
        salt = secrets.token_bytes(SALT_BYTES)
        row = TokenRow(
            token_id=token_id,
            role=role,
            subject=subject,
            salt=salt.hex(),
            hash=_hashed(secret, salt),
            created_at=time.time_ns() // 1_000_000,
        )
        with self._alone():
            self._write([*self.rows(), row])
        return f"bb_{token_id}_{secret}"

    def revoke(self, name: str) -> list[TokenRow]:
        """Take out the token of that ID, or every token of that subject; raises SettingsError where there is none."""
        with self._alone():
            rows = self.rows()
            gone = [row for row in rows if name in (row.token_id, row.subject)]
            if not gone:
                raise SettingsError(f"no token has the ID or the subject {name!r}: see `baybroker token list`")
            self._write([row for row in rows if row not in gone])
        return gone

    def _write(self, rows: list[TokenRow]) -> None:
        write_whole(self.path, json.dumps([row.model_dump() for row in rows], indent=1).encode())

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else change the file meanwhile: a revocation must not be lost to another's change."""
        try:
            with self.path.with_name(f".{self.path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise KeepingError(f"{self.path} cannot be changed: {error.strerror}") from None


class Tokens:
    """Verifies tokens; a change of the file holds from the next request on."""

    def __init__(self, file: TokenFile) -> None:
        self._file = file
        self._seen: tuple[int, int, int] | None = None
        self._rows: dict[str, TokenRow] = {}
        self._verified: OrderedDict[bytes, TokenRow] = OrderedDict()
        self._hashing = asyncio.Semaphore(2)

    def find(self, token: str) -> tuple[TokenRow, str] | None:
        """Return the row that a token names and its secret, which is not verified yet."""
        head, _, rest = token.partition("_")
        token_id, _, secret = rest.partition("_")
        row = self._known().get(token_id) if head == "bb" else None
        return None if row is None else (row, secret)

    def stands(self, token_id: str | None) -> bool:
        """Tell whether a token was not revoked meanwhile; who had none cannot lose it."""
        return token_id is None or token_id in self._known()

    def known(self, row: TokenRow, secret: str) -> bool:
        """Tell whether this secret of this row was verified before."""
        return self._verified.get(_digest(row, secret)) == row

    async def verify(self, row: TokenRow, secret: str) -> bool:
        """Tell whether the secret is that of the row. Takes a while, in a thread: that is the hash's purpose."""
        async with self._hashing:
            found = await asyncio.to_thread(_hashed, secret, bytes.fromhex(row.salt))
        if not hmac.compare_digest(found, row.hash):
            return False
        self._verified[_digest(row, secret)] = row
        if len(self._verified) > VERIFIED_MAX:
            self._verified.popitem(last=False)
        return True

    def _known(self) -> dict[str, TokenRow]:
        try:
            found = os.stat(self._file.path)  # noqa: PTH116 - what is compared is the file, not its name
        except FileNotFoundError:
            self._seen, self._rows = None, {}
            return self._rows
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen != self._seen:
            self._rows = {row.token_id: row for row in self._file.rows()}
            self._seen = seen
        return self._rows


def _hashed(secret: str, salt: bytes) -> str:
    return hashlib.scrypt(secret.encode(), salt=salt, n=SCRYPT["n"], r=SCRYPT["r"], p=SCRYPT["p"]).hex()


def _digest(row: TokenRow, secret: str) -> bytes:
    return hashlib.sha256(f"{row.token_id} {secret}".encode()).digest()
