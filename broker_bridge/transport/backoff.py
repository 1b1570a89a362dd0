"""How long to wait before the next attempt. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

BASE_S = 0.25
CAP_S = 30.0
_DOUBLINGS_MAX = 16


def delay_s(attempt: int, rng: Random) -> float:
    """Return the wait after `attempt` failures in a row (from 0): uniform in 0..min(30 s, 0.25 s * 2^attempt).

    Full jitter: after a broker's restart its clients must not come back in step.
    """
    return rng.uniform(0.0, min(CAP_S, BASE_S * 2 ** min(attempt, _DOUBLINGS_MAX)))
