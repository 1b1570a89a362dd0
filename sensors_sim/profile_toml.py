"""A profile as a TOML file that explains itself."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

from sensors_sim.engine.presence import AWAY_SHARES, LEAVE_HOURS, NIGHTS, TRAITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sensors_sim.profile import KindOfDay, Profile, Residents, Visitors

WIDTH = 118
_BLOCKS = ", ".join(f"{hour:02}" for hour in LEAVE_HOURS)
_NIGHTS = ", ".join(str(low) if after == low + 1 else f"{low}-{after - 1}" for low, after in pairwise(NIGHTS))
COMMENTS = {
    "leave_per_hour": "Departures in an hour at home, for the hours from 04:00 to 03:00, of a resident without traits.",
    "over_night": f"Share of departures not back before 04:00, leaving from {_BLOCKS} o'clock on.",
    "away_min": f"Minutes away of the others, a line for each of those hours:\n# the quantiles {AWAY_SHARES}.",
    "return_share": "When those who stayed over night come back: shares of the hours from 04:00 to 03:00.",
    "weekday_factor": "Departures of Monday to Sunday beside those of their kind of day.",
    "over_night_factor": "Odds of staying over night, leaving on Monday to Sunday, beside those of their kind of day.",
    "nights": f"Shares of the numbers of nights away ({_NIGHTS}),\n# a line for the departures of each weekday.",
    "mean": f"{', '.join(TRAITS)}:\n# logarithms of each resident's factors, and the phase of its day in hours.",
}


def format_profile(profile: Profile) -> str:
    """Return the text of a profile's file."""
    parts = [f"about = {json.dumps(profile.about, ensure_ascii=False)}\n"]
    if profile.visitors is not None:
        parts.append(_visitors(profile.visitors))
    if profile.residents is not None:
        parts.append("".join(_residents(profile.residents)))
    return "\n".join(parts)


def _visitors(visitors: Visitors) -> str:
    fields = "".join(f"{name} = {value:.6g}\n" for name, value in visitors)
    return (
        f"# Stays of visitors: log-normal in minutes, fitted to those of at least stay_least_min.\n[visitors]\n{fields}"
    )


def _residents(residents: Residents) -> Iterator[str]:
    yield "[residents]\n"
    for name in ("weekday_factor", "over_night_factor", "nights"):
        yield _field(name, getattr(residents, name))
    for name in ("weekday", "weekend"):
        yield f"\n[residents.{name}]\n"
        kind: KindOfDay = getattr(residents, name)
        yield from (_field(field, value, explained=name == "weekday") for field, value in kind)
    yield "\n[residents.traits]\n"
    yield from (_field(field, value) for field, value in residents.traits)


def _field(name: str, value: Sequence[float] | Sequence[Sequence[float]], *, explained: bool = True) -> str:
    comment = f"# {COMMENTS[name]}\n" if explained and name in COMMENTS else ""
    if isinstance(value[0], tuple):
        rows = "".join(f"    [{', '.join(f'{one:g}' for one in row)}],\n" for row in value if isinstance(row, tuple))
        return f"{comment}{name} = [\n{rows}]\n"
    return f"{comment}{name} = [\n{_wrapped([f'{one:g}' for one in value])}]\n"


def _wrapped(words: list[str]) -> str:
    lines = ["   "]
    for word in words:
        if len(lines[-1]) + len(word) > WIDTH:
            lines.append("   ")
        lines[-1] += f" {word},"
    return "".join(f"{line}\n" for line in lines)
