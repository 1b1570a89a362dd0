"""Drawing: one stream of random numbers for each kind of agent, so that one kind's draws never shift another's."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator

    from sensors_sim.local_time import LocalTime

_TRIES = 200


class Streams(NamedTuple):
    """A generator for each kind of agent."""

    city: Generator
    residents: Generator
    drivers: Generator
    squatters: Generator
    sensors: Generator


def streams(seed: int, start_ms: int = 0) -> Streams:
    """Return the streams of a seed; a world that continues at another start draws anew, but keeps its city."""
    city, *others = np.random.SeedSequence([seed]).spawn(len(Streams._fields))
    started = [np.random.SeedSequence([*_words(other), start_ms // 1000]) for other in others]
    return Streams(np.random.default_rng(city), *(np.random.default_rng(one) for one in started))


def _words(sequence: np.random.SeedSequence) -> list[int]:
    return [int(word) for word in sequence.generate_state(4)]


def weighted(rng: Generator, weights: Sequence[float]) -> int:
    """Return an index, each as often as its weight says."""
    left = rng.random() * sum(weights)
    for index, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return index
    return len(weights) - 1


def stay_minutes(rng: Generator, log_mean: float, log_sd: float, least: float, most: float) -> float:
    """Return a log-normal stay, drawn again until it lies within the limits."""
    for _ in range(_TRIES):
        drawn = float(rng.lognormal(log_mean, log_sd))
        if least <= drawn <= most:
            return drawn
    return least


class Arrivals:
    """A Poisson process whose rate follows the hour of the local day, by thinning."""

    def __init__(self, rng: Generator, local: LocalTime, per_hour: float, hourly: Sequence[float]) -> None:
        mean = sum(hourly) / len(hourly)
        self._rng, self._local = rng, local
        self._rates = [per_hour * weight / mean for weight in hourly] if mean else [0.0] * len(hourly)
        self._highest = max(self._rates)

    def next_after(self, now_ms: int) -> int | None:
        """Return when the next one comes; None: never."""
        if self._highest <= 0:
            return None
        at_ms = float(now_ms)
        while True:
            at_ms += self._rng.exponential(3_600_000 / self._highest)
            if self._rng.random() * self._highest < self._rates[self._local.hour(int(at_ms))]:
                return int(at_ms)
