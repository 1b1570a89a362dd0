"""From real time to simulated time. Pure: `now_s` is the real time, from any clock that does not jump."""

from __future__ import annotations

TICK_MS = 60_000


class Pacer:
    """Simulated time runs at `speed` from `sim_ms` on, unless it is paused."""

    def __init__(self, now_s: float, sim_ms: int, speed: float) -> None:
        self.speed, self.paused = speed, False
        self._real_s, self._sim_ms = now_s, sim_ms

    def begin(self, now_s: float) -> None:
        """Start the simulated time now."""
        self._real_s = now_s

    def sim_at(self, now_s: float) -> int:
        """Return the simulated time that it should be."""
        if self.paused:
            return self._sim_ms
        return self._sim_ms + int((now_s - self._real_s) * 1000 * self.speed)

    def seconds_until(self, now_s: float, sim_ms: int) -> float | None:
        """Return the real seconds until that simulated time; None while paused."""
        if self.paused:
            return None
        return max(self._real_s + (sim_ms - self._sim_ms) / 1000 / self.speed - now_s, 0.0)

    def lag_ms(self, now_s: float, sim_ms: int) -> int:
        """Return how many real milliseconds a world that is at `sim_ms` is behind."""
        return 0 if self.paused else max(round((self.sim_at(now_s) - sim_ms) / self.speed), 0)

    def set_speed(self, now_s: float, speed: float) -> None:
        """Go on from here at another speed."""
        self._sim_ms, self._real_s, self.speed = self.sim_at(now_s), now_s, speed

    def pause(self, now_s: float, *, paused: bool) -> None:
        """Stop the simulated time, or let it go on from where it stopped."""
        self._sim_ms, self._real_s, self.paused = self.sim_at(now_s), now_s, paused
