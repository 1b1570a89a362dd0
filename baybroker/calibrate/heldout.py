"""How like real ones simulated residents and visitors are: fitted on two thirds of the bays, judged by the others."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr

from baybroker.calibrate.reading import STAY_LEAST_MIN, Presence
from sensors_sim.engine.presence import (
    DAY,
    DAYS_OF_WEEK,
    HOUR,
    MORNING_HOURS,
    SATURDAY,
    TURN,
    absences,
    draw_residents,
)
from sensors_sim.engine.presence_fit import fit_presence, hours_of_week
from sensors_sim.engine.stay_fit import fit_stays

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from sensors_sim.engine.presence import Floats, Ints, PresenceProfile

SIMULATED = 200
"""So many residents are simulated, for as long as the median bay was observed."""
LEAST_BAYS = 9
"""With fewer, a third of the bays says nothing."""
TRAINED = 2 / 3
NIGHT_H, NOON_H = 4, 13
REGULAR_LEAST = 10


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """What is compared; every bay counts by the time from its first arrival to its last departure."""

    present: Floats
    """[2, 24]: P(present) by hour, on weekdays and at weekends."""
    away_min: Floats
    """Times away, sorted."""
    changes_per_day: float
    night: Floats
    """Each bay's P(present) on weekdays from 04:00 to 05:00."""
    noon: Floats
    """Likewise from 13:00 to 14:00."""
    morning_sd_h: float | None
    """Irregularity: how far a bay's weekday departures of 04:00 to 10:00 scatter, the median of the bays."""


@dataclass(frozen=True, slots=True)
class Differences:
    """How far one set of bays is from another: points, a Kolmogorov-Smirnov distance, shares of the other's figure.

    None where there is nothing to compare: the other's figure is zero, or too few departures tell it.
    """

    present_weekday_points: float
    present_weekend_points: float
    away_ks: float
    changes_share: float | None
    spread_night_share: float | None
    spread_noon_share: float | None
    morning_sd_share: float | None


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Medians over the splits, of simulated residents and of the real bays that they were fitted to."""

    splits: int
    simulated: Differences
    real: Differences


@dataclass(frozen=True, slots=True)
class HeldOutStays:
    """Medians over the splits: KS distance of the fit, and of the stays that it was fitted to, from the others."""

    splits: int
    fitted_ks: float
    real_ks: float


def measure(presence: Presence) -> Measures:
    """Measure bays."""
    first, last = presence.ends()
    at_home = hours_of_week(presence.bay, presence.arrived, presence.departed, presence.bays)
    observed = hours_of_week(np.arange(presence.bays), first, last, presence.bays)
    kinds = (slice(0, SATURDAY), slice(SATURDAY, DAYS_OF_WEEK))
    home_of, seen_of = ([hours[:, kind].sum(axis=1) for kind in kinds] for hours in (at_home, observed))
    shares = home_of[0] / np.maximum(seen_of[0], 1e-9)
    away = (presence.arrived[1:] - presence.departed[:-1])[presence.bay[1:] == presence.bay[:-1]]
    return Measures(
        present=np.array([home.sum(axis=0) / seen.sum(axis=0) for home, seen in zip(home_of, seen_of, strict=True)]),
        away_min=np.sort(away).astype(float),
        changes_per_day=2 * len(presence.bay) / presence.days(),
        night=shares[:, NIGHT_H],
        noon=shares[:, NOON_H],
        morning_sd_h=_morning_sd_h(presence),
    )


def _morning_sd_h(presence: Presence) -> float | None:
    own = presence.departed - TURN
    morning = (own // DAY % DAYS_OF_WEEK < SATURDAY) & (own % DAY < MORNING_HOURS * HOUR)
    bay, hour = presence.bay[morning], own[morning] % DAY / HOUR
    seen = np.bincount(bay, minlength=presence.bays)
    mean = np.bincount(bay, hour, presence.bays) / np.maximum(seen, 1)
    square = np.bincount(bay, (hour - mean[bay]) ** 2, presence.bays) / np.maximum(seen, 1)
    often = seen >= REGULAR_LEAST
    return float(np.median(np.sqrt(square[often]))) if often.any() else None


def compare(one: Measures, other: Measures) -> Differences:
    """Return how far one is from the other."""
    points = 100 * np.abs(one.present - other.present).mean(axis=1)
    return Differences(
        present_weekday_points=float(points[0]),
        present_weekend_points=float(points[1]),
        away_ks=ks(one.away_min, other.away_min),
        changes_share=_off(one.changes_per_day, other.changes_per_day),
        spread_night_share=_off(float(one.night.std()), float(other.night.std())),
        spread_noon_share=_off(float(one.noon.std()), float(other.noon.std())),
        morning_sd_share=_off(one.morning_sd_h, other.morning_sd_h),
    )


def _off(one: float | None, other: float | None) -> float | None:
    return abs(one / other - 1) if one is not None and other else None


def ks(one: Floats, other: Floats) -> float:
    """Return the largest distance between two samples' shares; both are sorted."""
    at = np.concatenate([one, other])
    shares = (np.searchsorted(sample, at, side="right") / len(sample) for sample in (one, other))
    return float(np.abs(np.subtract(*shares)).max())


def simulated(profile: PresenceProfile, count: int, days: int, rng: Generator) -> Presence:
    """Return what residents' bays would record, each from its first arrival to its last departure."""
    drawn = absences(draw_residents(profile, count, rng), 0, days, rng)
    order = np.lexsort((drawn.leave_min, drawn.resident))
    resident, leave, back = (column[order].astype(np.int64) for column in drawn)
    again = resident[1:] == resident[:-1]
    _, bay = np.unique(resident[1:][again], return_inverse=True)
    return Presence(bay, back[:-1][again], leave[1:][again])


def median_days(presence: Presence) -> int:
    """Return for how many days the median bay was observed."""
    first, last = presence.ends()
    return round(float(np.median(last - first)) / DAY)


def held_out(presence: Presence, splits: int, told: Callable[[int], None] = lambda _: None) -> HeldOut:
    """Return the medians over seeded splits of the bays; `told` hears each split's number."""
    ours, theirs = [], []
    for seed in range(splits):
        rng = np.random.default_rng(seed)
        fitted, others = (presence.only(part.tolist()) for part in _parted(presence.bays, rng))
        judge = measure(others)
        profile = fit_presence(fitted.bay, fitted.arrived, fitted.departed)
        ours.append(compare(measure(simulated(profile, SIMULATED, median_days(fitted), rng)), judge))
        theirs.append(compare(measure(fitted), judge))
        told(seed)
    return HeldOut(splits, _medians(ours), _medians(theirs))


def held_out_stays(minutes: Floats, splits: int) -> HeldOutStays:
    """Return the medians over seeded splits of the stays."""
    ours, theirs = [], []
    for seed in range(splits):
        fitted, others = (np.sort(minutes[part]) for part in _parted(len(minutes), np.random.default_rng(seed)))
        log_mean, log_sd = fit_stays(fitted, STAY_LEAST_MIN)
        ours.append(ks_of_fit(others, log_mean, log_sd))
        theirs.append(ks(fitted, others))
    return HeldOutStays(splits, float(np.median(ours)), float(np.median(theirs)))


def ks_of_fit(minutes: Floats, log_mean: float, log_sd: float) -> float:
    """Return the largest distance between sorted stays and the truncated log-normal."""
    expected = stays_within(minutes, log_mean, log_sd)
    steps = np.arange(len(minutes) + 1) / len(minutes)
    return float(max((steps[1:] - expected).max(), (expected - steps[:-1]).max()))


def stays_within(minutes: Floats, log_mean: float, log_sd: float) -> Floats:
    """Return the share of the truncated log-normal up to each length."""
    below, until = (ndtr((np.log(at) - log_mean) / log_sd) for at in (STAY_LEAST_MIN, minutes))
    return np.asarray((until - below) / (1 - below))


def _parted(count: int, rng: Generator) -> tuple[Ints, Ints]:
    order = rng.permutation(count)
    cut = round(count * TRAINED)
    return order[:cut], order[cut:]


def _medians(found: list[Differences]) -> Differences:
    medians: dict[str, Any] = {}
    for name in (field.name for field in fields(Differences)):
        known = [value for value in (getattr(one, name) for one in found) if value is not None]
        medians[name] = float(np.median(known)) if known else None
    return Differences(**medians)
