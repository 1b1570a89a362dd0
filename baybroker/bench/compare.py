"""Two sides, several repetitions, one line each: medians, the range, and the ratio against its target."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

from broker_bridge.wire.errors import BaybrokerError

if TYPE_CHECKING:
    from collections.abc import Sequence


class BenchError(BaybrokerError):
    """A measurement went wrong, so that its figures mean nothing."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Spread:
    """The repetitions' median and range."""

    median: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A line of a benchmark's result. `ratio` is ours to the peer's in each repetition."""

    what: str
    unit: str
    peer_is: str
    ours: Spread
    peer: Spread
    ratio: Spread
    target: str | None
    met: bool | None


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the range."""
    return Spread(_figures(median(values)), _figures(min(values)), _figures(max(values)))


def compare(
    what: str,
    unit: str,
    ours: Sequence[float],
    peer: Sequence[float],
    *,
    peer_is: str,
    bound: Literal["at least", "at most"],
    target: float | None,
) -> Comparison:
    """Compare repetitions that were measured side by side; the target, if there is one, is for the median ratio."""
    ratio = spread([one / other for one, other in zip(ours, peer, strict=True)])
    if target is None:
        return Comparison(what, unit, peer_is, spread(ours), spread(peer), ratio, None, None)
    met = ratio.median >= target if bound == "at least" else ratio.median <= target
    return Comparison(what, unit, peer_is, spread(ours), spread(peer), ratio, f"{bound} {target:g} x", met)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that `percent` of the values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]


def _figures(value: float) -> float:
    """Four figures are more than a measurement gives."""
    return float(f"{value:.4g}")
