"""When residents' cars are away: everybody's pattern, and how each resident differs from it.

A renewal process on a week of local days that turn at 04:00. A car that stands at home leaves at a rate by hour and
weekday; it is away within the day, or over one night and more; then it comes back. Each resident has traits of its own
(how often it leaves, stays away at night, and for how long, and how early or late its day is), drawn together from one
normal distribution. Times are whole minutes, so the last bit of a machine's logarithm seldom shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

HOUR, DAY, WEEK = 60, 1_440, 10_080
TURN = 4 * HOUR
"""Days turn at 04:00, when the fewest cars move: an absence over that hour is one over night."""
DAYS_OF_WEEK, HOURS, SATURDAY = 7, 24, 5
MORNING_HOURS = 6
"""A weekday's morning: the first six hours after the turn."""
LEAVE_HOURS = (4, 6, 7, 8, 9, 11, 13, 15, 17, 19, 22)
"""The clock hours at which the blocks of departures begin that share their times away."""
AWAY_SHARES = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 1.0)
"""The shares of a block's times away that `away_min` tells the quantiles of."""
NIGHTS = (1, 2, 3, 4, 5, 6, 7, 8, 15, 29, 61, 121)
"""The bounds of the classes of nights away: one to seven, 8 to 14, 15 to 28, 29 to 60, 61 to 120."""
TRAITS = ("weekday_morning", "weekday_later", "weekend", "over_night", "nights", "away", "phase_h")
BURN_IN_DAYS = 56
"""So long before the first midnight the process begins with every car at home."""
TRAIT_LIMIT = 3.0
"""No resident is drawn further from the mean, in standard deviations."""
TRAIT_MOST = 5.0
"""Nor has a larger trait, in either direction: a factor of 148."""
FACTOR_DIGITS = 6
"""Factors are rounded to so many decimals: the last bit of an exponential is not the same on every machine."""
RATE_LEAST, RATE_MOST = 1e-4, 60.0
"""Departures in an hour at home; a car moves at most once a minute."""

BLOCK_OF_HOUR: Ints = np.searchsorted([hour - 4 for hour in LEAVE_HOURS], np.arange(HOURS), side="right") - 1
"""The block of each hour after the turn."""
WEEKEND: Ints = (np.arange(DAYS_OF_WEEK) >= SATURDAY).astype(np.int64)
CLASS_OF_HOUR: Ints = np.where(WEEKEND[:, None] == 1, 2, np.where(np.arange(HOURS) < MORNING_HOURS, 0, 1))
"""Which of the first three traits scales the departures of a weekday's hour."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PresenceProfile:
    """Fitted figures. Hours count from 04:00; the first axis of most is weekday, weekend."""

    leave_per_hour: Floats
    """[2, 24]: departures in an hour at home, of a resident whose traits are all 0."""
    weekday_factor: Floats
    """[7]: departures of Monday to Sunday beside those of their kind of day."""
    over_night: Floats
    """[2, blocks]: the share of departures that are not back before 04:00."""
    over_night_factor: Floats
    """[7]: the odds of that for departures of Monday to Sunday, beside those of their kind of day."""
    away_min: Floats
    """[2, blocks, quantiles]: minutes away of those that are back before 04:00."""
    nights: Floats
    """[7, classes]: shares of one night, two, ... of those that are not, by the weekday of departure."""
    return_share: Floats
    """[2, 24]: the hours at which those come back, by the kind of the day of return."""
    trait_mean: Floats
    """[7]: logarithms of factors (`over_night`: of odds), except the phase in hours."""
    trait_sd: Floats
    trait_correlation: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residents:
    """Residents with their own parameters; factors of everybody's."""

    profile: PresenceProfile
    leaves: Floats
    """[residents, 3]: of departures on weekday mornings, later on weekdays, at weekends."""
    over_night_odds: Floats
    nights: Floats
    """Of the cumulative hazard at which the time over night ends: above 1 is longer away."""
    away: Floats
    """Likewise for the absences within a day."""
    phase_min: Ints
    """How much later than everybody's its day is."""

    def __len__(self) -> int:
        return len(self.phase_min)


class Absences(NamedTuple):
    """When cars are away, in minutes since the first day's local midnight, in order of leaving."""

    resident: NDArray[np.int32]
    leave_min: Floats
    return_min: Floats


def draw_residents(profile: PresenceProfile, count: int, rng: Generator) -> Residents:
    """Return so many residents of that profile."""
    root = _root(profile.trait_correlation) * profile.trait_sd[:, None]
    normal = np.clip(rng.standard_normal((count, len(TRAITS))), -TRAIT_LIMIT, TRAIT_LIMIT)
    # column by column: a library's product may differ in the last bit from machine to machine
    traits = np.tile(profile.trait_mean, (count, 1))
    for trait in range(len(TRAITS)):
        traits += normal[:, trait, None] * root[:, trait]
    np.clip(traits, -TRAIT_MOST, TRAIT_MOST, out=traits)
    factors: Floats = np.exp(traits[:, :6]).round(FACTOR_DIGITS)
    return Residents(
        profile=profile,
        leaves=factors[:, :3],
        over_night_odds=factors[:, 3],
        nights=factors[:, 4],
        away=factors[:, 5],
        phase_min=np.round(traits[:, 6] * HOUR).astype(np.int64),
    )


def _root(correlation: Floats) -> Floats:
    """Return the lower triangle whose product with its transpose this is (Cholesky, always in the same order)."""
    root = np.zeros(correlation.shape)
    for row in range(len(root)):
        for column in range(row + 1):
            left = float(correlation[row, column])
            for before in range(column):
                left -= float(root[row, before] * root[column, before])
            root[row, column] = math.sqrt(left) if row == column else left / root[column, column]
    return root


def absences(residents: Residents, first_weekday: int, days: int, rng: Generator) -> Absences:
    """Return the absences that touch so many days from a weekday (0 is Monday) on; those under way leave before 0."""
    return Presence(residents, first_weekday, rng).until(days)


class Presence:
    """The residents' comings and goings from a weekday (0 is Monday) on, which are drawn part by part."""

    def __init__(self, residents: Residents, first_weekday: int, rng: Generator) -> None:
        self._rng = rng
        # the working clock starts on a Monday at the turn, and is each resident's own
        self._own = TURN + residents.phase_min - first_weekday * DAY
        self._departures, self._returns = _Departures(residents), _Returns(residents)
        self._home_since = -BURN_IN_DAYS * DAY - self._own

    def until(self, days: int) -> Absences:
        """Return the absences that begin before so many days have passed and are not yet told, nor over before 0."""
        rng, own, end = self._rng, self._own, days * DAY
        active = np.flatnonzero(self._home_since + own < end)
        since = self._home_since[active]
        parts: list[tuple[Ints, Ints, Ints]] = []
        while active.size:
            leave, leaves = self._departures.candidates(active, since, rng)
            still = leave + own[active] < end
            # at home until the end: the process has no memory, so it goes on from there
            self._home_since[active[~still]] = np.maximum(since, end - own[active])[~still]
            active, leave, leaves = active[still], leave[still], leaves[still]
            since = leave.copy()
            gone = leave[leaves]
            if gone.size:
                back = gone + self._returns.minutes(active[leaves], gone, rng)
                since[leaves] = back
                offset = own[active[leaves]]
                seen = back + offset > 0
                parts.append((active[leaves][seen], (gone + offset)[seen], (back + offset)[seen]))
        return _sorted(parts)


class _Departures:
    """Departures by thinning: candidates at each resident's highest factor, kept as often as the hour's factor says."""

    def __init__(self, residents: Residents) -> None:
        profile = residents.profile
        rates = profile.leave_per_hour[WEEKEND] * profile.weekday_factor[:, None]
        self._until = np.concatenate(([0.0], np.cumsum(rates)))
        self._leaves = residents.leaves
        self._highest = residents.leaves.max(axis=1)

    def candidates(self, who: Ints, since: Ints, rng: Generator) -> tuple[Ints, NDArray[np.bool_]]:
        """Return when each may leave next, at least a minute later, and whether it does."""
        until, highest = self._until, self._highest[who]
        week, minute = np.divmod(since, WEEK)
        hour = minute // HOUR
        spent = until[hour] + (until[hour + 1] - until[hour]) * (minute % HOUR) / HOUR
        weeks, rest = np.divmod(spent + rng.standard_exponential(len(who)) / highest, until[-1])
        hour = np.minimum(np.searchsorted(until, rest, side="right") - 1, len(until) - 2)
        within = (rest - until[hour]) / (until[hour + 1] - until[hour])
        drawn = (week + weeks.astype(np.int64)) * WEEK + hour * HOUR + np.floor(within * HOUR).astype(np.int64)
        factor = self._leaves[who, CLASS_OF_HOUR.ravel()[hour]]
        return np.maximum(drawn, since + 1), rng.random(len(who)) * highest < factor


class _Returns:
    """Times away: within the day by quantiles, over night by a number of nights and an hour of return."""

    def __init__(self, residents: Residents) -> None:
        self._residents, self._profile = residents, residents.profile
        self._shares, self._bounds = np.array(AWAY_SHARES), np.array(NIGHTS)
        self._nights, self._hours = _Choice(residents.profile.nights), _Choice(residents.profile.return_share)

    def minutes(self, who: Ints, leave: Ints, rng: Generator) -> Ints:
        """Return for how many minutes each is away that leaves then."""
        profile, residents = self._profile, self._residents
        weekday = leave // DAY % DAYS_OF_WEEK
        kind, block = WEEKEND[weekday], BLOCK_OF_HOUR[leave % DAY // HOUR]
        share = profile.over_night[kind, block]
        odds = residents.over_night_odds[who] * profile.over_night_factor[weekday]
        long = rng.random(len(who)) < share * odds / (1 - share + share * odds)
        # S(t) ** (1 / factor) in place of S(t): every hazard of return divided by the factor
        quantile = 1 - rng.random(len(who)) ** np.where(long, residents.nights[who], residents.away[who])
        away = self._within_day(kind, block, leave, quantile)
        away[long] = self._over_nights(leave[long], quantile[long], rng)
        return away

    def _within_day(self, kind: Ints, block: Ints, leave: Ints, quantile: Floats) -> Ints:
        shares, table = self._shares, self._profile.away_min
        left = np.minimum(np.searchsorted(shares, quantile, side="right") - 1, len(shares) - 2)
        low, high = table[kind, block, left], table[kind, block, left + 1]
        minutes = low + (high - low) * (quantile - shares[left]) / (shares[left + 1] - shares[left])
        whole: Ints = np.maximum(np.minimum(minutes.astype(np.int64), DAY - 1 - leave % DAY), 1)
        return whole

    def _over_nights(self, leave: Ints, quantile: Floats, rng: Generator) -> Ints:
        uniform = rng.random((3, len(leave)))
        chosen = self._nights.of(leave // DAY % DAYS_OF_WEEK, quantile)
        low, high = self._bounds[chosen], self._bounds[chosen + 1]
        day = leave // DAY + low + (uniform[0] * (high - low)).astype(np.int64)
        hour = self._hours.of(WEEKEND[day % DAYS_OF_WEEK], uniform[1])
        back: Ints = day * DAY + hour * HOUR + (uniform[2] * HOUR).astype(np.int64)
        return back - leave


class _Choice:
    """Columns of a table, each as often as its share of the row says."""

    def __init__(self, shares: Floats) -> None:
        until = np.cumsum(shares, axis=1)
        self._columns = shares.shape[1]
        self._until = (until / until[:, -1:] + np.arange(len(shares))[:, None]).ravel()

    def of(self, row: Ints, uniform: Floats) -> Ints:
        """Return a column for each row, where its uniform number falls."""
        found = np.searchsorted(self._until, uniform + row, side="right") - row * self._columns
        column: Ints = np.minimum(found, self._columns - 1)
        return column


def _sorted(parts: list[tuple[Ints, Ints, Ints]]) -> Absences:
    if not parts:
        return Absences(np.empty(0, np.int32), np.empty(0), np.empty(0))
    resident, leave, back = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((resident, leave))
    return Absences(resident[order].astype(np.int32), leave[order].astype(float), back[order].astype(float))
