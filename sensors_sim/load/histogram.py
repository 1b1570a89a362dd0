"""A histogram of durations in bounded memory: fine enough for percentiles, however long it is filled. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import accumulate

_FINE_BITS = 6
_EXACT = 1 << _FINE_BITS
_STEPS = _EXACT // 2
_DOUBLINGS = 31
"""Up to 2 ** 37 us, a day and a half; what is longer falls into the last bucket."""


class Histogram:
    """Microseconds in buckets that are at most a thirty-second of their value wide. The maximum is exact."""

    def __init__(self) -> None:
        self.count = 0
        self.max_us = 0
        self._buckets = [0] * (_EXACT + _STEPS * _DOUBLINGS)

    def add(self, duration_us: int) -> None:
        """Count a duration; a negative one is 0."""
        value = max(duration_us, 0)
        self.count += 1
        self.max_us = max(self.max_us, value)
        doublings = max(value.bit_length() - _FINE_BITS, 0)
        at = (value >> doublings) + _STEPS * doublings
        self._buckets[min(at, len(self._buckets) - 1)] += 1

    def percentile_us(self, percent: float) -> int:
        """Return what so many percent do not exceed, rounded up to its bucket's end; 0 where nothing was counted."""
        wanted = math.ceil(self.count * percent / 100)
        at = bisect_left(list(accumulate(self._buckets)), wanted)
        return self.max_us if at == len(self._buckets) - 1 else min(_end_us(at), self.max_us)


def _end_us(at: int) -> int:
    """Return the largest value of a bucket."""
    if at < _EXACT:
        return at
    doublings = at // _STEPS - 1
    return ((at - _STEPS * doublings + 1) << doublings) - 1
