"""How well the absence model holds for residents that it was not fitted on. Pure.

*Error*: every quarter of an hour of a held-out absence's first day, P(still away 1, 2, 4 hours later) is predicted. The
looks are grouped by prediction in tenths; the error is the mean distance in percentage points between what was
predicted and what came true in a group, groups weighted by their looks.

*Error at departure*: the same probabilities, predicted at each departure; the distance between the mean prediction
and the share that came true.

*Bookings*: windows are set as the allocator sets them, in an absence's first three days. A booking of one hour is
begun in every five-minute slot in which it fits, with its buffer; it is broken where the resident is back before its
end. Every booking weighs the same. *Hours* are the five-minute slots of weekdays in which it may begin, an average
weekday of a bay, counted from its first stay to its last without what lies in gaps of more than 14 days.

*Fixed windows*: for each held-out bay the longest daily window that was free on as large a share of weekdays as the
set risk leaves, chosen with hindsight on those same days; all of its length counts, a booking may begin in its last
hour too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from allocator.core.auto import GROWTH_LEAST_MS, GROWTH_PARTS, WINDOW_LEAST_MS
from allocator.core.state import LOOK_EVERY_MS, Settings
from allocator.domain.absence import SATURDAY, Absence
from allocator.domain.interval import DAY_MS, MINUTE_MS, SLOT_MS
from baybroker.presence.fit import first_day, fit_absence, hazards
from baybroker.presence.sample import LONGEST_MIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from baybroker.presence.sample import Sample

AHEAD_MIN = (60, 120, 240)
STAY_MIN = 60
DAY_MIN = DAY_MS // MINUTE_MS
WEEK_MIN = 7 * DAY_MIN
SLOT_MIN = SLOT_MS // MINUTE_MS
SLOTS = DAY_MIN // SLOT_MIN
LOOK_MIN = LOOK_EVERY_MS // MINUTE_MS
FOLLOWED_MIN = 3 * DAY_MIN
GRID_MIN = np.arange(0, FOLLOWED_MIN + 1, LOOK_MIN)
FIT_SHARE = 2 / 3
GROUPS = 10


@dataclass(frozen=True, slots=True)
class Held:
    """What one split measured: errors in points by minutes ahead, hours a weekday, and the share broken."""

    errors_points: dict[int, float]
    departure_points: dict[int, float]
    hours: float
    broken_pct: float
    windows_per_absence: float


def held_out(
    sample: Sample, weekdays: NDArray[np.int64], seed: int, risk: float
) -> tuple[Held, Held, float, NDArray[np.bool_]]:
    """Fit on two thirds of the bays, try the others: without and with their history, the prior, and who was tried.

    `weekdays`: how many of each bay are known.
    """
    bays = len(weekdays)
    order = np.random.default_rng(seed).permutation(bays)
    tried = np.ones(bays, bool)
    tried[order[: round(bays * FIT_SHARE)]] = False
    absence = fit_absence(sample.of(~tried[sample.bay]))
    others = sample.of(tried[sample.bay])
    days = int(weekdays[tried].sum())
    same = np.ones(len(others.bay))
    both = [_measure(others, absence, pace, days, risk) for pace in (same, own_paces(others, absence))]
    return both[0], both[1], absence.prior_permille / 1_000, tried


def own_paces(sample: Sample, absence: Absence) -> NDArray[np.float64]:
    """Return the pace that each absence began with: what the bay's earlier ones made of it."""
    ended = (sample.away_min <= DAY_MIN).astype(float)
    expected = np.round(1_000 * first_day(sample, absence)) / 1_000
    prior = absence.prior_permille / 1_000
    return np.asarray((prior + _before(sample.bay, ended)) / (prior + _before(sample.bay, expected)))


def _before(bay: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over the bay's earlier absences."""
    total = np.cumsum(values) - values
    first = np.concatenate([[True], bay[1:] != bay[:-1]])
    return np.asarray(total - total[first][np.cumsum(first) - 1])


def _measure(sample: Sample, absence: Absence, pace: NDArray[np.float64], weekdays: int, risk: float) -> Held:
    begun, broken, on_weekdays, windows = bookings(sample, absence, pace, risk)
    return Held(
        errors_points=_errors(sample, absence, pace),
        departure_points=_errors_at_departure(sample, absence, pace),
        hours=on_weekdays * SLOT_MIN / 60 / weekdays,
        broken_pct=100 * broken / max(begun, 1),
        windows_per_absence=windows / len(sample.bay),
    )


def _errors(sample: Sample, absence: Absence, pace: NDArray[np.float64]) -> dict[int, float]:
    """Return the error of each time ahead."""
    looks = np.arange(0, DAY_MIN, LOOK_MIN)
    still = sample.away_min[:, None] > looks
    now = hazards(absence, looks)[sample.curve]
    errors = {}
    for ahead in AHEAD_MIN:
        later = hazards(absence, looks + ahead)[sample.curve]
        predicted = np.exp(-pace[:, None] * (later - now))[still]
        true = (sample.away_min[:, None] >= looks + ahead)[still]
        group = np.minimum((predicted * GROUPS).astype(int), GROUPS - 1)
        apart = np.bincount(group, predicted, GROUPS) - np.bincount(group, true, GROUPS)
        errors[ahead] = float(100 * np.abs(apart).sum() / len(predicted))
    return errors


def _errors_at_departure(sample: Sample, absence: Absence, pace: NDArray[np.float64]) -> dict[int, float]:
    own = hazards(absence, np.array(AHEAD_MIN))[sample.curve]
    apart = np.exp(-pace[:, None] * own) - (sample.away_min[:, None] >= AHEAD_MIN)
    return dict(zip(AHEAD_MIN, (100 * np.abs(apart.mean(axis=0))).tolist(), strict=True))


def bookings(sample: Sample, absence: Absence, pace: NDArray[np.float64], risk: float) -> tuple[int, int, int, int]:
    """Return how many bookings were begun, broken, begun on weekdays, and how often a window was set."""
    longest_first = np.flatnonzero(sample.ended)[np.argsort(-sample.away_min[sample.ended])]
    sample, pace = sample.of(longest_first), pace[longest_first]
    reaches = _reaches(sample, absence, -math.log1p(-risk) / pace)
    buffer_min = Settings().buffer_ms // MINUTE_MS
    until = np.zeros(len(pace))
    counts = np.zeros(4, dtype=np.int64)
    for look in range(0, FOLLOWED_MIN, LOOK_MIN):
        still = int(np.searchsorted(-sample.away_min, -look))
        reach, open_until = reaches[:still, look // LOOK_MIN], until[:still]
        away, wall = sample.away_min[:still], sample.wall_min[:still]
        first = -(-(look + wall) // SLOT_MIN) * SLOT_MIN - wall
        opens = (open_until <= look) & (reach >= first + WINDOW_LEAST_MS // MINUTE_MS)
        step = np.maximum(GROWTH_LEAST_MS // MINUTE_MS, (open_until - look) / GROWTH_PARTS)
        changes = opens | ((open_until > look) & (reach >= open_until + step))
        open_until[changes] = reach[changes]
        counts[3] += changes.sum()
        for slot in range(0, LOOK_MIN, SLOT_MIN):
            start = first + slot
            fits = (away > start) & (start + STAY_MIN + buffer_min <= open_until)
            weekday = (wall + start) // DAY_MIN % 7 < SATURDAY
            counts[:3] += (fits.sum(), (fits & (away < start + STAY_MIN)).sum(), (fits & weekday).sum())
    begun, broken, on_weekdays, windows = counts.tolist()
    return begun, broken, on_weekdays, windows


def _reaches(sample: Sample, absence: Absence, allowed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far a window would reach, in whole slots, of each absence at each look."""
    reaches = np.empty((len(allowed), len(GRID_MIN) - 1))
    numbers = sample.curve
    for number, curve in enumerate(hazards(absence, GRID_MIN)):
        own = numbers == number
        reaches[own] = np.interp(curve[:-1] + allowed[own][:, None], curve, GRID_MIN)
    wall = sample.wall_min[:, None]
    return np.asarray((reaches + wall) // SLOT_MIN * SLOT_MIN - wall)


def fixed_windows(stays: Mapping[str, Sequence[tuple[int, int]]], share: float) -> tuple[Any, Any]:
    """Return of each bay its known weekdays, and the hours of its longest daily window free on that share of them.

    `stays` are `(arrived, departed)` in minutes of the local clock from a Monday, in order.
    """
    found = [_fixed(of_bay, share) for of_bay in stays.values()]
    return np.array([days for days, _ in found]), np.array([hours for _, hours in found])


def _fixed(stays: Sequence[tuple[int, int]], share: float) -> tuple[int, float]:
    first, last = stays[0][0] // DAY_MIN + 1, stays[-1][1] // DAY_MIN
    known = np.arange(first, max(last, first)) % 7 < SATURDAY
    taken = np.zeros((len(known), SLOTS), bool).reshape(-1)
    before = stays[0][0]
    for arrived, departed in stays:
        if arrived - before > LONGEST_MIN:
            known[max(before // DAY_MIN - first, 0) : max(arrived // DAY_MIN + 1 - first, 0)] = False
        begins, ends = arrived // SLOT_MIN - first * SLOTS, -(-departed // SLOT_MIN) - first * SLOTS
        taken[max(begins, 0) : max(ends, 0)] = True
        before = departed
    days = taken.reshape(-1, SLOTS)[known]
    if not len(days):
        return 0, 0.0
    free_until = np.full((len(days), SLOTS + 1), SLOTS)
    for slot in range(SLOTS - 1, -1, -1):
        free_until[:, slot] = np.where(days[:, slot], slot, free_until[:, slot + 1])
    must = math.ceil(share * len(days))
    reach = np.sort(free_until[:, :SLOTS], axis=0)[len(days) - must]
    return len(days), float((reach - np.arange(SLOTS)).max() * SLOT_MIN / 60)
