"""What a check is, and how a table of checks is run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

from broker_bridge.wire.errors import BaybrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Context = TypeVar("Context")


class Result(StrEnum):
    """How a check went. `skipped`: another one that it needs was not ok, or there is nothing to look at."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found: how it went, what was measured, and what to do about it."""

    result: Result
    measured: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Check(Generic[Context]):
    """A named check. It runs only when every one of `needs` was ok; a BaybrokerError that it raises is its failure."""

    name: str
    run: Callable[[Context], Finding]
    needs: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the report."""

    check: str
    result: Result
    measured: str
    advice: str


def run_checks(checks: Sequence[Check[Context]], context: Context) -> Iterator[Row]:
    """Run the checks in order and yield a row as each is done."""
    ok: set[str] = set()
    for check in checks:
        missing = next((name for name in check.needs if name not in ok), None)
        found = _tried(check, context) if missing is None else Finding(Result.SKIPPED, f"needs: {missing}")
        if found.result is Result.OK:
            ok.add(check.name)
        yield Row(check.name, found.result, found.measured, found.advice)


def _tried(check: Check[Context], context: Context) -> Finding:
    try:
        return check.run(context)
    except BaybrokerError as error:
        return Finding(Result.FAIL, str(error), check.advice)
