"""Wall-clock minutes as instants, a whole column at once. Days and minutes count from the midnight before the start."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from sensors_sim.local_time import MINUTE_MS

if TYPE_CHECKING:
    from datetime import date

    from sensors_sim.engine.rows import Ints
    from sensors_sim.local_time import LocalTime

HOUR_MIN = 60
HOURS = 24
DAY_MIN = HOURS * HOUR_MIN


class Calendar:
    """The local days from that of the start on. An hour that the clocks leave out takes no time."""

    def __init__(self, local: LocalTime, start_ms: int) -> None:
        self._local, self._first = local, local.day(start_ms)
        self._hours: Ints = np.empty(0, np.int64)

    def date(self, day: int) -> date:
        """Return the date of that day."""
        return self._first + timedelta(days=day)

    def hours(self, day: int) -> Ints:
        """Return the 25 instants at which that day's clock shows 0 to 24."""
        self._reach((day + 1) * HOURS)
        return self._hours[day * HOURS : (day + 1) * HOURS + 1]

    def instants(self, minutes: Ints) -> Ints:
        """Return when the clock shows these minutes; before the first midnight as if the clocks were never changed."""
        if not len(minutes):
            return minutes
        hour, minute = np.divmod(minutes, HOUR_MIN)
        self._reach(max(int(hour.max()) + 1, 1))
        within = np.maximum(hour, 0)
        shown = np.minimum(self._hours[within] + minute * MINUTE_MS, self._hours[within + 1])
        at_ms: Ints = np.where(hour < 0, self._hours[0] + minutes * MINUTE_MS, shown)
        return at_ms

    def _reach(self, hours: int) -> None:
        known = len(self._hours)
        if hours < known:
            return
        more = [self._local.instant(self._first, hour) for hour in range(known, hours + HOURS)]
        self._hours = np.maximum.accumulate(np.concatenate((self._hours, np.array(more, np.int64))))
