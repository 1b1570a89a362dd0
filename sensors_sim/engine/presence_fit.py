"""Fitting the residents' profile to presence rows. Pure: arrays in, figures out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logit

from sensors_sim.engine.presence import (
    AWAY_SHARES,
    BLOCK_OF_HOUR,
    CLASS_OF_HOUR,
    DAY,
    DAYS_OF_WEEK,
    HOUR,
    HOURS,
    LEAVE_HOURS,
    NIGHTS,
    RATE_LEAST,
    RATE_MOST,
    TRAIT_MOST,
    TURN,
    WEEK,
    WEEKEND,
    PresenceProfile,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sensors_sim.engine.presence import Floats, Ints

HOURS_OF_WEEK = DAYS_OF_WEEK * HOURS
ROUNDS = 6
PRIOR = 2.0
"""Each bay's own figure is drawn to everybody's as if it had been seen this often to be the same."""
LEAST_CELL = 20
"""A block with fewer absences borrows those of the same hours, or of everybody."""
FACTOR_MOST = 50.0
"""A weekday beside the others of its kind, or they beside it."""
PHASES_H: Floats = np.arange(-4, 4.01, 0.25)
PHASE_SD_H = 1.5
PHASE_STEP = 15
"""Minutes of the histogram that each bay's departures are laid over everybody's by."""
PHASE_ROUNDS = 4
CORRELATION_KEPT = 0.99
"""So that a few bays, or rounded figures, still give a matrix that has a root."""


@dataclass(frozen=True, slots=True)
class _Trips:
    """Absences of all bays, on each bay's own clock that starts on a Monday at 04:00."""

    bay: Ints
    weekday: Ints
    kind: Ints
    block: Ints
    minutes: Ints
    nights: Ints
    back: Ints


def fit_presence(bay: ArrayLike, arrived_min: ArrayLike, departed_min: ArrayLike) -> PresenceProfile:
    """Fit bays (numbered from 0) by stays in minutes since a Monday's midnight, sorted by bay and time, no overlaps.

    Every bay counts by the time from its first arrival to its last departure. Needs a bay with two stays.
    """
    bays, arrived, departed = (np.asarray(column).astype(np.int64) for column in (bay, arrived_min, departed_min))
    count = int(bays.max()) + 1
    ends = np.flatnonzero(np.append(bays[1:] != bays[:-1], True))
    starts = np.append(0, ends[:-1] + 1)
    observed = departed[ends] - arrived[starts]
    phase_h = _phases(bays, departed, count)
    own = (TURN + np.round(phase_h * HOUR).astype(np.int64))[bays]
    arrived, departed = arrived - own, departed - own
    leave_per_hour, weekday_factor, leaves = _departures(bays, arrived, departed, count)
    trips = _trips(bays, arrived, departed)
    over_night, over_night_factor, over_night_log_odds = _over_night(trips, count)
    away_min, away = _within_day(trips, count)
    nights, nights_longer = _nights(trips, count)
    traits = np.column_stack([leaves, over_night_log_odds, nights_longer, away, phase_h])
    mean, sd, correlation = _spread(np.clip(traits, -TRAIT_MOST, TRAIT_MOST), observed / observed.sum())
    return PresenceProfile(
        leave_per_hour=leave_per_hour,
        weekday_factor=weekday_factor,
        over_night=over_night,
        over_night_factor=over_night_factor,
        away_min=away_min,
        nights=nights,
        return_share=_return_share(trips),
        trait_mean=mean,
        trait_sd=sd,
        trait_correlation=correlation,
    )


def _phases(bay: Ints, departed: Ints, count: int) -> Floats:
    """Return how many hours later each bay's weekday departures are than everybody's, by posterior mean."""
    own_day = departed - TURN
    weekdays = WEEKEND[own_day // DAY % DAYS_OF_WEEK] == 0
    bins = DAY // PHASE_STEP
    seen = np.zeros((count, bins))
    np.add.at(seen, (bay[weekdays], (own_day[weekdays] % DAY) // PHASE_STEP), 1)
    steps = np.round(PHASES_H * HOUR / PHASE_STEP).astype(np.int64)
    prior = -0.5 * (PHASES_H / PHASE_SD_H) ** 2
    phase = np.zeros(count)
    for _ in range(PHASE_ROUNDS):
        back = np.round(phase * HOUR / PHASE_STEP).astype(np.int64)
        aligned = np.take_along_axis(seen, (np.arange(bins)[None, :] + back[:, None]) % bins, axis=1).sum(axis=0)
        smooth = sum(np.roll(aligned, shift) for shift in (-2, -1, 0, 1, 2)) + 1.0
        log_shape = np.log(smooth / smooth.sum())
        scores = np.stack([seen @ np.roll(log_shape, step) for step in steps], axis=1) + prior
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        phase = weights @ PHASES_H / weights.sum(axis=1)
        phase -= phase.mean()
    return phase


def _departures(bay: Ints, arrived: Ints, departed: Ints, count: int) -> tuple[Floats, Floats, Floats]:
    """Return departures per hour [2, 24], the weekdays' factors [7] and the bays' log factors [bays, 3]."""
    left, home_h = _left_and_home(bay, arrived, departed, count)
    factor = np.ones((count, 3))
    day_factor = np.ones(DAYS_OF_WEEK)
    rate = np.zeros((2, HOURS))
    for _ in range(ROUNDS):
        expected = home_h * factor[:, CLASS_OF_HOUR]
        for kind in (0, 1):
            days = kind == WEEKEND
            due = (expected * day_factor[:, None])[:, days].sum(axis=(0, 1))
            gone = left[:, days].sum(axis=(0, 1))
            overall = gone.sum() / max(due.sum(), 1e-9)
            rate[kind] = np.clip((gone + overall) / (due + 1), RATE_LEAST, RATE_MOST)
        due_by_day = (expected * rate[WEEKEND]).sum(axis=(0, 2))
        day_factor = _bounded((left.sum(axis=(0, 2)) + 1) / (due_by_day + 1))
        due_of_bay = home_h * rate[WEEKEND] * day_factor[:, None]
        for chosen in range(3):
            cells = chosen == CLASS_OF_HOUR
            factor[:, chosen] = (left[:, cells].sum(axis=1) + PRIOR) / (due_of_bay[:, cells].sum(axis=1) + PRIOR)
    return rate, day_factor, np.log(factor)


def _bounded(factors: Floats) -> Floats:
    return np.clip(factors, 1 / FACTOR_MOST, FACTOR_MOST)


def _left_and_home(bay: Ints, arrived: Ints, departed: Ints, count: int) -> tuple[Floats, Floats]:
    """Return departures, and hours at home, by bay, weekday and hour."""
    left = np.zeros((count, DAYS_OF_WEEK, HOURS))
    # a bay is observed to its last departure because it left: that one is not counted
    again = np.append(bay[1:] == bay[:-1], False)
    np.add.at(left, (bay[again], departed[again] // DAY % DAYS_OF_WEEK, departed[again] % DAY // HOUR), 1)
    # the minute of the departure counts as one at home, so that no hour has departures and nobody to leave
    return left, hours_of_week(bay, arrived, departed + 1, count)


def hours_of_week(bay: Ints, start: Ints, end: Ints, count: int) -> Floats:
    """Return how many hours the spans of each bay cover of each weekday's hours: [bays, 7, 24]."""
    weeks = (end - start) // WEEK
    whole = np.bincount(bay, weeks, count)
    start = start + weeks * WEEK
    hours = np.maximum((end - 1) // HOUR - start // HOUR + 1, 0)
    span = np.repeat(np.arange(len(bay)), hours)
    hour = np.arange(len(span)) + (start // HOUR - np.cumsum(hours) + hours)[span]
    spent = np.minimum(end[span] - hour * HOUR, HOUR) - np.maximum(start[span] - hour * HOUR, 0)
    cell = (bay * HOURS_OF_WEEK)[span] + hour % HOURS_OF_WEEK
    covered = np.bincount(cell, spent, count * HOURS_OF_WEEK) / HOUR
    return whole[:, None, None] + covered.reshape(count, DAYS_OF_WEEK, HOURS)


def _trips(bay: Ints, arrived: Ints, departed: Ints) -> _Trips:
    same = bay[1:] == bay[:-1]
    leave, back = departed[:-1][same], arrived[1:][same]
    return _Trips(
        bay=bay[1:][same],
        weekday=leave // DAY % DAYS_OF_WEEK,
        kind=WEEKEND[leave // DAY % DAYS_OF_WEEK],
        block=BLOCK_OF_HOUR[leave % DAY // HOUR],
        minutes=np.maximum(back - leave, 1),
        nights=back // DAY - leave // DAY,
        back=back,
    )


def _over_night(trips: _Trips, count: int) -> tuple[Floats, Floats, Floats]:
    """Return the shares of departures over night [2, blocks], the weekdays' odds [7] and each bay's log odds."""
    shape = (2, len(LEAVE_HOURS))
    long, all_ = np.zeros(shape), np.zeros(shape)
    np.add.at(all_, (trips.kind, trips.block), 1)
    np.add.at(long, (trips.kind, trips.block), trips.nights > 0)
    overall = (long.sum() + 1) / (all_.sum() + 2)
    share = (long + LEAST_CELL * overall) / (all_ + LEAST_CELL)
    base = logit(share)[trips.kind, trips.block]
    own, of_day = np.zeros(count), np.zeros(DAYS_OF_WEEK)
    for _ in range(2 * ROUNDS):
        own = own + _step(trips, base + of_day[trips.weekday], own, trips.bay)
        of_day = of_day + _step(trips, base + own[trips.bay], of_day, trips.weekday)
    return share, _bounded(np.exp(of_day)), own


def _step(trips: _Trips, log_odds: Floats, offset: Floats, group: Ints) -> Floats:
    """Return Newton's step of a logistic regression on groups' offsets, which are standard normal beforehand."""
    chance = expit(log_odds + offset[group])
    slope = np.bincount(group, (trips.nights > 0) - chance, len(offset)) - offset
    step: Floats = slope / (np.bincount(group, chance * (1 - chance), len(offset)) + 1)
    return step


def _within_day(trips: _Trips, count: int) -> tuple[Floats, Floats]:
    """Return the quantiles of minutes away [2, blocks, quantiles], and by how much each bay's log hazard is less."""
    short = trips.nights == 0
    table = np.zeros((2, len(LEAVE_HOURS), len(AWAY_SHARES)))
    survival = np.zeros(len(trips.bay))
    everything = trips.minutes[short] if short.any() else np.array([HOUR])
    for block in range(len(LEAVE_HOURS)):
        of_block = short & (trips.block == block)
        for kind in (0, 1):
            cell = of_block & (trips.kind == kind)
            sample = next((s for s in (cell, of_block) if s.sum() >= LEAST_CELL), None)
            values = np.sort(everything if sample is None else trips.minutes[sample])
            table[kind, block] = np.quantile(values, AWAY_SHARES)
            rank = np.searchsorted(values, trips.minutes[cell]) + np.searchsorted(values, trips.minutes[cell], "right")
            survival[cell] = 1 - rank / (2 * len(values))
    return table, _log_longer(trips.bay[short], survival[short], count)


def _nights(trips: _Trips, count: int) -> tuple[Floats, Floats]:
    """Return the shares of the classes of nights [7, classes], and by how much each bay's log hazard is less."""
    long = trips.nights > 0
    weekday, nights = trips.weekday[long], np.searchsorted(NIGHTS[1:-1], trips.nights[long], side="right")
    classes = len(NIGHTS) - 1
    overall = np.bincount(nights, minlength=classes) + 1 / classes
    seen = np.tile(LEAST_CELL * overall / overall.sum(), (DAYS_OF_WEEK, 1))
    np.add.at(seen, (weekday, nights), 1)
    shares = seen / seen.sum(axis=1, keepdims=True)
    middle = 1 - (np.cumsum(shares, axis=1) - shares / 2)
    return shares, _log_longer(trips.bay[long], middle[weekday, nights], count)


def _log_longer(bay: Ints, survival: Floats, count: int) -> Floats:
    """Return the logarithm of each bay's mean cumulative hazard, which everybody has as 1."""
    spent = np.bincount(bay, -np.log(np.maximum(survival, 1e-6)), count)
    longer: Floats = np.log((spent + PRIOR) / (np.bincount(bay, minlength=count) + PRIOR))
    return longer


def _return_share(trips: _Trips) -> Floats:
    long = trips.nights > 0
    seen = np.full((2, HOURS), 0.5)
    np.add.at(seen, (WEEKEND[trips.back[long] // DAY % DAYS_OF_WEEK], trips.back[long] % DAY // HOUR), 1)
    shares: Floats = seen / seen.sum(axis=1, keepdims=True)
    return shares


def _spread(traits: Floats, weight: Floats) -> tuple[Floats, Floats, Floats]:
    mean = weight @ traits
    centred = traits - mean
    covariance = (centred * weight[:, None]).T @ centred
    sd = np.sqrt(np.diag(covariance))
    scale = np.where(sd > 0, sd, 1.0)
    correlation = CORRELATION_KEPT * covariance / np.outer(scale, scale)
    np.fill_diagonal(correlation, 1.0)
    return mean, sd, correlation
