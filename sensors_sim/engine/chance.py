"""Drawing: one stream of random numbers for each kind of agent, so that one kind's draws never shift another's.

What is drawn becomes whole numbers at once, so that the last bit of a machine's logarithm seldom shows. We rely on
NumPy's `random`, `integers`, `standard_normal`, `standard_exponential` and `permutation` to give the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import NDArray

    from sensors_sim.engine.rows import Ints

    Floats = NDArray[np.float64]

_TRIES = 200


class Streams(NamedTuple):
    """A generator for each kind of agent; `answers`: for what depends on answers."""

    city: Generator
    residents: Generator
    drivers: Generator
    squatters: Generator
    sensors: Generator
    faults: Generator
    answers: Generator


def streams(seed: int, start_ms: int = 0) -> Streams:
    """Return the streams of a seed; a world that continues at another start draws anew, but keeps its city."""
    city, *others = np.random.SeedSequence([seed]).spawn(len(Streams._fields))
    started = [np.random.SeedSequence([*_words(other), start_ms // 1000]) for other in others]
    return Streams(np.random.default_rng(city), *(np.random.default_rng(one) for one in started))


def _words(sequence: np.random.SeedSequence) -> list[int]:
    return [int(word) for word in sequence.generate_state(4)]


def weighted(rng: Generator, weights: Sequence[float], count: int) -> Ints:
    """Return indices, each as often as its weight says."""
    until = np.cumsum(np.array(weights, float))
    index: Ints = np.minimum(np.searchsorted(until, rng.random(count) * until[-1], side="right"), len(weights) - 1)
    return index


def stay_minutes(rng: Generator, log: tuple[float, float], limits: tuple[float, float], count: int) -> Ints:
    """Return log-normal stays by their (mean, sd), each drawn again until it lies within the limits."""
    drawn = np.zeros(count)
    again = np.arange(count)
    for _ in range(_TRIES):
        drawn[again] = np.exp(log[0] + log[1] * rng.standard_normal(len(again)))
        again = again[(drawn[again] < limits[0]) | (drawn[again] > limits[1])]
        if not again.size:
            break
    drawn[again] = limits[0]
    return np.rint(drawn).astype(np.int64)


def exponential_ms(rng: Generator, mean_ms: float, count: int) -> Ints:
    """Return exponential lengths of time."""
    return np.rint(rng.standard_exponential(count) * mean_ms).astype(np.int64)


def arrivals(rng: Generator, hours: Ints, per_hour: float, hourly: Sequence[float]) -> Ints:
    """Return the instants of a Poisson process whose rate follows the hours of the day that begin at `hours`."""
    mean = sum(hourly) / len(hourly)
    lengths_h = np.diff(hours) / 3_600_000
    rates = per_hour * np.array(hourly, float) / mean if mean else np.zeros(len(hourly))
    expected = np.concatenate(([0.0], np.cumsum(rates * lengths_h)))
    passed = poisson(rng, float(expected[-1]))
    at_ms: Ints = hours[0] + np.floor(np.interp(passed, expected, hours - hours[0])).astype(np.int64)
    return at_ms


def poisson(rng: Generator, length: float) -> Floats:
    """Return the points of a Poisson process of rate 1 on `[0, length)`."""
    if length <= 0:
        return np.empty(0)
    some = int(length + 6 * np.sqrt(length)) + 16
    passed = np.cumsum(rng.standard_exponential(some))
    while passed[-1] < length:
        passed = np.concatenate((passed, passed[-1] + np.cumsum(rng.standard_exponential(some))))
    return passed[passed < length]
