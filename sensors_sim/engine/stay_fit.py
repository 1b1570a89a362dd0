"""Fitting visitors' stays to a log-normal that is known only from some length on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sensors_sim.engine.presence import Floats


def fit_stays(minutes: ArrayLike, least: float) -> tuple[float, float]:
    """Return mean and deviation of the logarithm, by maximum likelihood among the stays of at least that length."""
    logs = np.log(np.asarray(minutes, dtype=float))
    bound = np.log(least)
    logs = logs[logs >= bound]

    def loss(point: Floats) -> float:
        mean, sd = point[0], np.exp(point[1])
        return float(np.mean(0.5 * ((logs - mean) / sd) ** 2) + point[1] + log_ndtr((mean - bound) / sd))

    start = np.array([logs.mean(), np.log(logs.std())])
    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10})
    return float(found.x[0]), float(np.exp(found.x[1]))
