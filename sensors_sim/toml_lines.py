"""Where the keys of a TOML document stand: tomllib tells values, this tells their lines."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right

Path = tuple[str | int, ...]
_STRINGS = (
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})',
    r"'''.*?'''(?:'{0,2})",
    r'"(?:[^"\\]|\\.)*"',
    r"'[^']*'",
)
_STRING = re.compile("|".join(_STRINGS), re.DOTALL)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_BLANK = re.compile(r"[ \t]*")
_GAP = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


def key_lines(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every key, table and array element of a document that tomllib takes."""
    return _Reader(text).read()


class _Reader:
    """Walks a valid document once; on one that is not valid its answer means nothing."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[Path, int] = {}
        self._elements: dict[Path, int] = {}

    def read(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_GAP)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_GAP)
        return self._lines

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _take(self, sign: str) -> bool:
        found = self._text.startswith(sign, self._at)
        if found:
            self._at += len(sign)
        return found

    def _note(self, path: Path, at: int) -> Path:
        """Note where a path stands, and its parents where they stand nowhere of their own."""
        line = bisect_right(self._newlines, at - 1) + 1
        for size in range(1, len(path) + 1):
            self._lines.setdefault(path[:size], line)
        return path

    def _header(self) -> Path:
        """`[table]`, or `[[one of several]]`: the parents that are arrays mean their latest element."""
        begun = self._at
        several = self._take("[[") or not self._take("[")
        *parents, last = self._key()
        self._take("]]" if several else "]")
        path: Path = ()
        for part in parents:
            path = self._latest((*path, part))
        path = (*path, last)
        if several:
            self._elements[path] = self._elements.get(path, -1) + 1
            path = self._latest(path)
        return self._note(path, begun)

    def _latest(self, path: Path) -> Path:
        return (*path, self._elements[path]) if path in self._elements else path

    def _key(self) -> list[str]:
        """A key, dotted or not."""
        parts = []
        while True:
            self._skip(_BLANK)
            quoted = self._skip(_STRING)
            parts.append(next(iter(tomllib.loads(f"{quoted} = 0"))) if quoted else self._skip(_BARE_KEY))
            self._skip(_BLANK)
            if not self._take("."):
                return parts

    def _pair(self, table: Path) -> None:
        begun = self._at
        path = self._note((*table, *self._key()), begun)
        if not self._take("="):
            self._at = len(self._text)
            return
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._take("["):
            self._several(path, "]")
        elif self._take("{"):
            self._several(path, "}")
        elif not self._skip(_STRING):
            self._skip(_SCALAR)

    def _several(self, path: Path, closing: str) -> None:
        """The elements of an array, or the pairs of an inline table."""
        number = 0
        self._skip(_GAP)
        while not self._take(closing) and self._at < len(self._text):
            if closing == "]":
                self._value(self._note((*path, number), self._at))
                number += 1
            else:
                self._pair(path)
            self._skip(_GAP)
            self._take(",")
            self._skip(_GAP)
