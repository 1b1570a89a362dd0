"""How often anyone may ask."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

KNOWN_MAX = 20_000
BURST_S = 4.0
"""How many seconds' worth of requests may come at once: a page loads a dozen things."""


class RateLimit:
    """A bucket of tokens for each asker; of those who have not asked for longest, nothing is remembered."""

    def __init__(self, rate_per_s: float) -> None:
        self._rate = rate_per_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, asker: str) -> int:
        """Take one request off the asker's bucket: 0, or in how many seconds to try again."""
        if not self._rate:
            return 0
        now, full = time.monotonic(), max(self._rate * BURST_S, 1.0)
        left, at = self._buckets.pop(asker, (full, now))
        left = min(full, left + (now - at) * self._rate)
        allowed = left >= 1
        self._buckets[asker] = (left - 1 if allowed else left, now)
        if len(self._buckets) > KNOWN_MAX:
            self._buckets.popitem(last=False)
        return 0 if allowed else math.ceil((1 - left) / self._rate)
