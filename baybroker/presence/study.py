"""`auto` offers against fixed windows over many splits of the bays: medians, and what they must reach. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from baybroker.presence.heldout import AHEAD_MIN, Held, fixed_windows, held_out
from baybroker.presence.sample import sample_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ERROR_MOST_POINTS = 2.5
BROKEN_MOST_PCT = 10.0
GAIN_LEAST = 2.0
MONDAY_MIN = 4 * 24 * 60
"""Minutes from the epoch, a Thursday, to its first Monday."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the result: medians without (`new`) and with each resident's own history; `own` is judged."""

    what: str
    unit: str
    new: float
    own: float
    target: str | None = None
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """What came of it. `prior` is how many returns of its own history weigh as much as everyone's."""

    rows: tuple[Row, ...]
    bays: int
    absences: int
    splits: int
    risk_pct: float
    prior: float

    @property
    def met(self) -> bool:
        """Whether every target is."""
        return all(row.met is not False for row in self.rows)


def study(
    stays: Mapping[str, Sequence[tuple[int, int]]], *, splits: int, risk_pct: float, said: Callable[[str], None]
) -> Study:
    """Measure; `stays` are `(arrived, departed)` of each bay in order, a local clock read as epoch milliseconds."""
    sample = sample_of(stays, "UTC")
    minutes = {
        bay: [(arrived // 60_000 - MONDAY_MIN, departed // 60_000 - MONDAY_MIN) for arrived, departed in of_bay]
        for bay, of_bay in stays.items()
    }
    weekdays, fixed_hours = fixed_windows(minutes, 1 - risk_pct / 100)
    new, own, priors, fixed = [], [], [], []
    for seed in range(splits):
        said(f"split {seed + 1} of {splits}")
        fresh, known, prior, tried = held_out(sample, weekdays, seed, risk_pct / 100)
        new.append(fresh)
        own.append(known)
        priors.append(prior)
        fixed.append(float(np.average(fixed_hours[tried], weights=weekdays[tried])))
    rows = _rows(new, own, fixed)
    return Study(tuple(rows), len(stays), len(sample.bay), splits, risk_pct, _figures(median(priors)))


def _rows(new: list[Held], own: list[Held], fixed: list[float]) -> list[Row]:
    def row(what: str, unit: str, figure: Callable[[Held], float], most: float | None = None) -> Row:
        one, other = median(map(figure, new)), median(map(figure, own))
        target, met = (None, None) if most is None else (f"at most {most:g}", other <= most)
        return Row(what, unit, _figures(one), _figures(other), target, met)

    rows = []
    for ahead in AHEAD_MIN:
        what = f"P(away {ahead // 60} h later), error"
        rows.append(row(what, "points", lambda it, at=ahead: it.errors_points[at], ERROR_MOST_POINTS))  # type: ignore[misc]
        rows.append(
            row(f"{what} at departure", "points", lambda it, at=ahead: it.departure_points[at], ERROR_MOST_POINTS)  # type: ignore[misc]
        )
    rows += [
        row("one-hour bookings broken", "%", lambda it: it.broken_pct, BROKEN_MOST_PCT),
        row("one-hour bookings may begin", "h a weekday", lambda it: it.hours),
        row("windows set", "an absence", lambda it: it.windows_per_absence),
    ]
    gains = [[it.hours / hours for it, hours in zip(helds, fixed, strict=True)] for helds in (new, own)]
    gain = median(gains[1])
    longest = _figures(median(fixed))
    rows.append(Row("longest fixed window as safe", "h a weekday", longest, longest))
    met = gain >= GAIN_LEAST
    rows.append(Row("hours, of the fixed window's", "x", _figures(median(gains[0])), _figures(gain), "at least 2", met))
    return rows


def _figures(value: float) -> float:
    """Three figures are more than the data gives."""
    return float(f"{value:.3g}")
