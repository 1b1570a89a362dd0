"""What is wrong with a file of settings: each mistake with its line, its field and the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from broker_bridge.wire.errors import SettingsError
from sensors_sim.toml_lines import key_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pydantic import ValidationError

    from sensors_sim.toml_lines import Path as KeyPath

_PLAINER = {"extra_forbidden": "there is no such field", "missing": "it must be there"}


class Mistake(NamedTuple):
    """One mistake; `line` counts from 1."""

    line: int
    field: str
    reason: str


class MistakesError(SettingsError):
    """A file has mistakes. The message is one line and tells the first; `mistakes` has all, in the file's order."""

    def __init__(self, path: object, mistakes: Sequence[Mistake], first: Mistake | None = None) -> None:
        told = first or mistakes[0]
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        super().__init__(f"{path}:{told.line}: {told.field}: {told.reason}{more}")
        self.path, self.mistakes = str(path), tuple(mistakes)


def mistakes_error(path: object, text: str, error: ValidationError) -> MistakesError:
    """Return what pydantic found wrong with the TOML text, with lines."""
    lines = key_lines(text)
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    located = [_located(lines, problem["loc"], problem["type"], problem["msg"]) for problem in problems]
    # a misspelt field is also a missing one: the spelling is the better news
    spelling = [mistake for mistake, problem in zip(located, problems, strict=True) if _is_misspelt(problem["type"])]
    return MistakesError(path, _once_each(sorted(located)), min(spelling, default=None))


def _is_misspelt(kind: str) -> bool:
    return kind == "extra_forbidden"


def _located(lines: dict[KeyPath, int], loc: KeyPath, kind: str, said: str) -> Mistake:
    """Put a problem at its key, or at the nearest table around it."""
    known = loc
    while known and known not in lines:
        known = known[:-1]
    # what follows a known path is a missing field, or the name of a type that was tried
    field = (*known, loc[-1]) if kind == "missing" and loc != known else known
    reason = _PLAINER.get(kind) or said.removeprefix("Value error, ")
    return Mistake(lines.get(known, 1), ".".join(map(str, field)) or "scenario", reason)


def _once_each(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Leave out what another type that was tried says of the same field."""
    return list({(mistake.line, mistake.field): mistake for mistake in reversed(list(mistakes))}.values())[::-1]
