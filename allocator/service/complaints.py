"""What was wrong with what came in: counted by reason, logged at most once a minute for each sender."""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict

LOG_EVERY_S = 60.0
SENDERS_MAX = 10_000
log = logging.getLogger("allocator.intake")


class Complaints:
    """Counts and logs bad messages. `senders` remembers at most 10,000 of them."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self._logged_at: OrderedDict[str, float] = OrderedDict()

    def note(self, topic: str, reason: str, detail: str = "", *, quiet: bool = False) -> None:
        """Count a message that was dropped, and log it unless its sender was logged a moment ago, or it is `quiet`."""
        self.counters[reason] += 1
        if quiet:
            return
        now = time.monotonic()
        sender = topic[:200]
        if now - self._logged_at.get(sender, -LOG_EVERY_S) < LOG_EVERY_S:
            return
        self._logged_at[sender] = now
        self._logged_at.move_to_end(sender)
        if len(self._logged_at) > SENDERS_MAX:
            self._logged_at.popitem(last=False)
        log.warning("dropped a message on %s: %s %s", sender, reason, detail)
