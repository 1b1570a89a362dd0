"""The fit of the absence model. Pure.

Curves: in each quarter of an hour, those who came back by those who were still away (occurrence and exposure),
departures weighted by how near they are to the curve's hour, and drawn towards all hours of such days where they are
few. A resident who comes back quickly counts for more exposure, so that the curves are those of a pace of 1: curves and
paces are estimated in turns, as for a gamma frailty (Klein 1992). Prior: the gamma distribution of paces that makes the
residents' counts of returns most likely (negative binomial).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln

from allocator.domain.absence import HABIT_MS, HOURS, Absence
from allocator.domain.interval import MINUTE_MS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from baybroker.presence.sample import Sample

STEP_MIN = 15
STEPS = 72 * 60 // STEP_MIN
NEAR_H = 2.0
"""Departures nearer to the middle of a curve's hour than this shape it, the nearest most."""
DRAWN_BY = 60.0
"""How many absences of any hour each curve is given beside its own."""
HABIT_MIN = HABIT_MS // MINUTE_MS
KNOTS_MIN = (*range(0, 24 * 60, STEP_MIN), *range(24 * 60, 72 * 60 + 1, 60))
ROUNDS = 3
PRIORS = np.geomspace(0.3, 100, 60)


def fit_absence(sample: Sample) -> Absence:
    """Return the model of these absences; raises ValueError where there are none."""
    if not len(sample.bay):
        msg = "there is no absence between two stays of one bay"
        raise ValueError(msg)
    fitted = _fit(sample, np.ones(len(sample.bay)))
    for _ in range(ROUNDS):
        fitted = _fit(sample, _paces(sample, fitted))
    return fitted


def _fit(sample: Sample, pace: NDArray[np.float64]) -> Absence:
    """Return the model, given each absence's pace: the curves are those of a resident whose pace is 1."""
    everyone = _hazards(sample, np.ones(len(pace)), pace)
    curves = [
        hazard
        for weekend in (False, True)
        for hazard in _curves_of(sample.of(sample.weekend == weekend), pace[sample.weekend == weekend], everyone)
    ]
    kept = np.array(KNOTS_MIN) // STEP_MIN
    rounded = tuple(tuple(int(value) for value in np.round(1_000 * curve[kept])) for curve in curves)
    counts, expected = _first_days(sample, Absence(KNOTS_MIN, rounded))
    seen = expected > 0
    return Absence(KNOTS_MIN, rounded, round(1_000 * _prior(counts[seen], expected[seen])))


def _paces(sample: Sample, absence: Absence) -> NDArray[np.float64]:
    """Return the pace of each absence's resident, of all that is known of it."""
    counts, expected = _first_days(sample, absence)
    prior = absence.prior_permille / 1_000
    return np.asarray(((prior + counts) / (prior + expected))[sample.bay])


def hazards(absence: Absence, away_min: NDArray[Any]) -> NDArray[np.float64]:
    """Return the model's cumulative hazard of every curve at these minutes, none beyond the last knot."""
    return np.array([np.interp(away_min, absence.knots_min, curve) for curve in absence.hazard_permille]) / 1_000


def first_day(sample: Sample, absence: Absence) -> NDArray[np.float64]:
    """Return the hazard of each absence in the part that tells of habits, its first day."""
    minutes = np.minimum(sample.away_min, HABIT_MIN)
    found = np.empty(len(minutes))
    numbers = sample.curve
    for number, curve in enumerate(absence.hazard_permille):
        own = numbers == number
        found[own] = np.interp(minutes[own], absence.knots_min, curve) / 1_000
    return found


def _curves_of(days: Sample, pace: NDArray[np.float64], everyone: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the 24 curves of one kind of day."""
    base = _hazards(days, np.ones(len(pace)), pace, everyone)
    curves = []
    for hour in range(HOURS):
        apart_h = np.abs((days.hour - (hour + 0.5) + HOURS / 2) % HOURS - HOURS / 2)
        steps = _hazards(days, np.clip(1 - apart_h / NEAR_H, 0, 1), pace, base)
        curves.append(np.concatenate([[0.0], np.cumsum(steps)]))
    return curves


def _hazards(
    sample: Sample, weights: NDArray[np.float64], pace: NDArray[np.float64], base: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the hazard of each step: who came back, by who was still away, the quick ones counted for more."""
    step = np.minimum(sample.away_min // STEP_MIN, STEPS).astype(np.int64)
    back = np.bincount(step, weights * sample.ended, STEPS + 1)[:STEPS]
    away = np.bincount(step, weights * pace, STEPS + 1)[::-1].cumsum()[::-1][:STEPS]
    # Those who come back in a step were away for half of it.
    away = away - np.bincount(step, weights * pace, STEPS + 1)[:STEPS] / 2
    if base is None:
        return np.asarray(back / np.maximum(away, 1.0))
    return np.asarray((back + DRAWN_BY * base) / (away + DRAWN_BY))


def _first_days(sample: Sample, absence: Absence) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return each bay's returns within the first day, and how many the curves expect at a pace of 1."""
    counts = np.bincount(sample.bay, (sample.away_min <= HABIT_MIN).astype(float))
    return counts, np.bincount(sample.bay, first_day(sample, absence))


def _prior(counts: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    k = PRIORS[:, None]
    likelihood = (
        gammaln(counts + k) - gammaln(k) + k * np.log(k / (k + expected)) + counts * np.log1p(-k / (k + expected))
    )
    return float(PRIORS[int(np.argmax(likelihood.sum(axis=1)))])
