"""Policies beside each other: means over the seeds, and how sure their differences are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from baybroker.lab.trial.figures import Run

CONFIDENCE = 0.95
LEAST = 2
"""One world tells nothing of how much worlds differ."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `n` worlds; the truth lies within `half_width` of it with 95 % confidence, or None for one world."""

    mean: float
    half_width: float | None
    n: int


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of independent values and its interval, by Student's t."""
    n = len(values)
    mean = math.fsum(values) / n
    if n < LEAST:
        return Estimate(mean, None, n)
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    return Estimate(mean, float(student.ppf((1 + CONFIDENCE) / 2, n - 1)) * error, n)


def of_policy(runs: Sequence[Run], policy: str, name: str) -> Estimate | None:
    """Return a figure's mean over a policy's worlds; None where a run has no such figure."""
    values = [getattr(run, name) for run in runs if run.policy == policy]
    return None if not values or None in values else estimate(values)


def difference(runs: Sequence[Run], policy: str, base: str, name: str) -> Estimate | None:
    """Return how much more a policy has of a figure than the base, world by world: each is its own control."""
    by_seed = _by_seed(runs, name)
    pairs = [values[policy] - values[base] for values in by_seed.values() if policy in values and base in values]
    return estimate(pairs) if pairs else None


def _by_seed(runs: Sequence[Run], name: str) -> Mapping[int, dict[str, float]]:
    by_seed: dict[int, dict[str, float]] = {}
    for run in runs:
        value = getattr(run, name)
        if value is not None:
            by_seed.setdefault(run.seed, {})[run.policy] = value
    return by_seed
