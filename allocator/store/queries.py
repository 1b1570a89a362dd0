"""The statements of `queries.sql` by name, and the schema files by version."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_HEADER = re.compile(r"^-- ([a-z_]+) --\n", re.MULTILINE)
_SCHEMA_NAME = re.compile(r"v(\d{3})\.sql")


def parse_queries(text: str) -> dict[str, str]:
    """Return {name: statement} of a file with `-- name --` headers; raises ValueError where a name stands twice."""
    parts = _HEADER.split(text)[1:]
    names, statements = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"a name stands twice: {sorted(names)}")
    return {name: statement.strip() for name, statement in zip(names, statements, strict=True)}


@cache
def queries() -> dict[str, str]:
    """Return the store's statements."""
    return parse_queries(resources.files("allocator.store").joinpath("queries.sql").read_text("utf-8"))


@cache
def schemas() -> tuple[str, ...]:
    """Return the schema scripts; the first makes version 1 of an empty database, each other the next version."""
    folder = resources.files("allocator.store").joinpath("schema")
    numbered = {
        int(match[1]): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if (match := _SCHEMA_NAME.fullmatch(entry.name))
    }
    return tuple(numbered[version] for version in range(1, len(numbered) + 1))
