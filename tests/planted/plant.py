"""Puts a mistake into a function of the product for as long as a test runs.

The text of one function is changed and compiled again, and its code object swapped in place: whoever holds the
function, by import or in a table, has the mistake. A text that is not found once, exactly, fails the test: then the
rule has moved, and the planted bug has to move with it.
"""

from __future__ import annotations

import inspect
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FunctionType


@dataclass(frozen=True)
class Bug:
    """A realistic mistake: in the function `where` (`module:name` or `module:Class.name`), `text` becomes `fault`."""

    name: str
    where: str
    text: str
    fault: str


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    """Run the body with the mistake in place."""
    function, forget = _function(bug.where)
    right = function.__code__
    function.__code__ = _compiled(function, bug)
    forget()
    try:
        yield
    finally:
        function.__code__ = right
        forget()


def _function(where: str) -> tuple[FunctionType, object]:
    """Return the plain function, and what empties its cache where it has one."""
    module, _, path = where.partition(":")
    found = import_module(module)
    for name in path.split("."):
        found = inspect.getattr_static(found, name)
    found = getattr(found, "__func__", getattr(found, "fget", found))
    return inspect.unwrap(found), getattr(found, "cache_clear", lambda: None)


def _compiled(function: FunctionType, bug: Bug) -> CodeType:
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(bug.text) == 1, f"{bug.name}: {bug.text!r} is {source.count(bug.text)} times in {bug.where}"
    lines = source.replace(bug.text, bug.fault).splitlines(keepends=True)
    start = next(at for at, line in enumerate(lines) if line.startswith("def "))
    text = "from __future__ import annotations\n" + "".join(lines[start:])
    scratch = dict(function.__globals__)
    exec(compile(text, f"<planted: {bug.name}>", "exec"), scratch)  # noqa: S102 - our own text
    return scratch[function.__name__].__code__
