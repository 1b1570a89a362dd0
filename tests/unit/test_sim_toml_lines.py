"""Every key of a TOML document is found on its line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sensors_sim.toml_lines import key_lines

CONFIG = Path(__file__).parents[2] / "config"
HARD = '''# a comment with [table] and = in it
a = "x # no comment [" # [b]
"quo.ted" = 1
'lit\\eral'.deep."er" = 2
long = """
[not.a.table]
key = 3 \\""" still
"""
raw = \'\'\'
[[nor.this]]
\'\'\'
when = 2026-03-02 09:00:00
list = [ # comment ]
  1, "two,]", [3,
  4], { five = 5, six.seven = [6,
  7] },
]
[table.sub]
x = {}
y = []
[[many]]
name = "one"
[[many.inner]]
z = 1
[[many.inner]]
z = 2
[many.inner.last]
w = 1
[[many]]
name = "two"
[many.inner]
z = 3
[ "sp ac" . e ]
end = 1'''


def paths(value, so_far=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*so_far, key)
        yield from paths(inner, (*so_far, key))


@pytest.mark.parametrize("text", [HARD, *(path.read_text(encoding="utf-8") for path in CONFIG.rglob("*.toml"))])
def test_every_path_of_the_document_has_a_line_which_has_the_key(text):
    lines, rows = key_lines(text), text.split("\n")
    known = set(paths(tomllib.loads(text)))
    assert set(lines) == known
    for path in known:
        key = next(part for part in reversed(path) if isinstance(part, str))
        if isinstance(path[-1], str):
            assert key in rows[lines[path] - 1]


def test_the_lines_are_right():
    lines = key_lines(HARD)
    assert {path: lines[path] for path in lines if path[0] in {"list", "many"}} == {
        ("list",): 13, ("list", 0): 14, ("list", 1): 14, ("list", 2): 14, ("list", 2, 0): 14, ("list", 2, 1): 15,
        ("list", 3): 15, ("list", 3, "five"): 15, ("list", 3, "six"): 15, ("list", 3, "six", "seven"): 15,
        ("list", 3, "six", "seven", 0): 15, ("list", 3, "six", "seven", 1): 16,
        ("many",): 21, ("many", 0): 21, ("many", 0, "name"): 22, ("many", 0, "inner"): 23, ("many", 0, "inner", 0): 23,
        ("many", 0, "inner", 0, "z"): 24, ("many", 0, "inner", 1): 25, ("many", 0, "inner", 1, "z"): 26,
        ("many", 0, "inner", 1, "last"): 27, ("many", 0, "inner", 1, "last", "w"): 28, ("many", 1): 29,
        ("many", 1, "name"): 30, ("many", 1, "inner"): 31, ("many", 1, "inner", "z"): 32,
    }  # fmt: skip
    assert lines["sp ac", "e", "end"] == 34
    assert lines["lit\\eral", "deep", "er"] == 4


def test_windows_line_ends_count_once():
    assert key_lines("a = 1\r\n[b]\r\nc = 2\r\n") == {("a",): 1, ("b",): 2, ("b", "c"): 3}
