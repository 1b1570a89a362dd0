"""The fit of the absence model. Pure.

Curves: the product-limit estimate (Kaplan and Meier 1958) in steps of a quarter of an hour, departures weighted by how
near they are to the curve's hour, and drawn towards all hours of such days where they are few. Prior: the gamma
distribution of residents' paces that makes their counts of returns most likely (negative binomial).
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
LEAVES_SOME = 0.9
HABIT_MIN = HABIT_MS // MINUTE_MS
KNOTS_MIN = (*range(0, 24 * 60, STEP_MIN), *range(24 * 60, 72 * 60 + 1, 60))
LEAST = 1e-9
PRIORS = np.geomspace(0.3, 100, 60)


def fit_absence(sample: Sample) -> Absence:
    """Return the model of these absences; raises ValueError where there are none."""
    if not len(sample.bay):
        msg = "there is no absence between two stays of one bay"
        raise ValueError(msg)
    curves = [
        hazard for weekend in (False, True) for hazard in _curves_of(sample.of(sample.weekend == weekend), sample)
    ]
    kept = np.array(KNOTS_MIN) // STEP_MIN
    rounded = tuple(tuple(int(value) for value in np.round(1_000 * curve[kept])) for curve in curves)
    unsure = Absence(KNOTS_MIN, rounded)
    counts, expected = _first_days(sample, unsure)
    return Absence(KNOTS_MIN, rounded, round(1_000 * _prior(counts, expected)))


def hazards(absence: Absence, away_min: NDArray[Any]) -> NDArray[np.float64]:
    """Return the model's cumulative hazard of every curve at these minutes, none beyond the last knot."""
    return np.array([np.interp(away_min, absence.knots_min, curve) for curve in absence.hazard_permille]) / 1_000


def first_day(sample: Sample, absence: Absence) -> NDArray[np.float64]:
    """Return the hazard of each absence in the part that tells of habits, its first day."""
    minutes = np.minimum(sample.away_min, HABIT_MIN)
    found = np.empty(len(minutes))
    for number, curve in enumerate(absence.hazard_permille):
        own = sample.curve == number
        found[own] = np.interp(minutes[own], absence.knots_min, curve) / 1_000
    return found


def _curves_of(days: Sample, everyone: Sample) -> list[NDArray[np.float64]]:
    """Return the 24 curves of one kind of day."""
    base = _rates(days if len(days.bay) else everyone, None, None)
    curves = []
    for hour in range(HOURS):
        apart_h = np.abs((days.hour - (hour + 0.5) + HOURS / 2) % HOURS - HOURS / 2)
        rates = _rates(days, np.clip(1 - apart_h / NEAR_H, 0, 1), base)
        curves.append(np.concatenate([[0.0], np.cumsum(-np.log1p(-np.minimum(rates, LEAVES_SOME)))]))
    return curves


def _rates(sample: Sample, weights: Any, base: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return which share of those still away comes back in each step."""
    step = np.minimum(sample.away_min // STEP_MIN, STEPS).astype(np.int64)
    weights = np.ones(len(step)) if weights is None else weights
    back = np.bincount(step, weights * sample.ended, STEPS + 1)[:STEPS]
    away = np.bincount(step, weights, STEPS + 1)[::-1].cumsum()[::-1][:STEPS]
    if base is None:
        return np.asarray(back / np.maximum(away, 1.0))
    return np.asarray((back + DRAWN_BY * base) / (away + DRAWN_BY))


def _first_days(sample: Sample, absence: Absence) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return each bay's returns within the first day, and how many the curves expect."""
    counts = np.bincount(sample.bay, (sample.away_min <= HABIT_MIN).astype(float))
    expected = np.bincount(sample.bay, first_day(sample, absence))
    seen = np.bincount(sample.bay) > 0
    return np.asarray(counts[seen]), np.asarray(np.maximum(expected[seen], LEAST))


def _prior(counts: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    k = PRIORS[:, None]
    likelihood = (
        gammaln(counts + k) - gammaln(k) + k * np.log(k / (k + expected)) + counts * np.log1p(-k / (k + expected))
    )
    return float(PRIORS[int(np.argmax(likelihood.sum(axis=1)))])
