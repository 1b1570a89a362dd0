"""What time it is: the wall clock, or the clock of a simulated world."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from allocator.domain.interval import MINUTE_MS

if TYPE_CHECKING:
    from broker_bridge.wire.messages import Clock

TICK_MS = MINUTE_MS


class Timepiece(Protocol):
    """Tells the time that decisions are made at, in epoch milliseconds."""

    def now(self) -> int | None:
        """Return the time, or None where it is not known yet."""
        ...

    def seconds_until(self, due_at: int) -> float | None:
        """Return how many real seconds pass until then; None: not by itself."""
        ...


class WallClock:
    """The time of day."""

    def now(self) -> int:
        """Return the time."""
        return time.time_ns() // 1_000_000

    def seconds_until(self, due_at: int) -> float:
        """Return the seconds until then."""
        return max(due_at - self.now(), 0) / 1000


class MqttClock:
    """The time that `clock` messages tell; between two of them it runs on at their speed, one tick at most."""

    def __init__(self, last_known: int | None = None) -> None:
        self._sim_time = last_known
        self._told_at = time.monotonic()
        self._speed = 0.0

    def tell(self, message: Clock) -> None:
        """Take the time of a message; time never runs backwards."""
        self._sim_time = max(message.sim_time, self.now() or 0)
        self._told_at = time.monotonic()
        self._speed = 0.0 if message.paused else message.speed

    def now(self) -> int | None:
        """Return the simulated time."""
        if self._sim_time is None:
            return None
        passed_ms = (time.monotonic() - self._told_at) * 1000 * self._speed
        return self._sim_time + int(min(passed_ms, TICK_MS))

    def seconds_until(self, due_at: int) -> float | None:
        """Return the real seconds until then; None where only the next message can bring it."""
        now = self.now()
        if now is None or self._speed == 0:
            return None
        if self._sim_time is not None and due_at > self._sim_time + TICK_MS:
            return None
        return max(due_at - now, 0) / 1000 / self._speed
