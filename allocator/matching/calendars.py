"""Per bay, which five-minute slots are offered and which are held: two integer bit masks from a common base."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.domain.interval import DAY_MS, SLOT_MS, Interval
from broker_bridge.wire.errors import InvariantError

if TYPE_CHECKING:
    from collections.abc import Iterable

HORIZON_MS = 7 * DAY_MS
SPAN_MS = HORIZON_MS + 2 * DAY_MS
"""How far the masks reach: the horizon, a stay at its end, and the day until the base moves."""


class Calendars:
    """The masks of all bays. Bit n is the slot that begins at `base_at + n * SLOT_MS`."""

    __slots__ = ("_held", "_open", "base_at")

    def __init__(self, base_at: int) -> None:
        self.base_at = base_at
        self._open: list[int] = []
        self._held: list[int] = []

    @property
    def span(self) -> Interval:
        """What the masks cover."""
        return Interval(self.base_at, self.base_at + SPAN_MS)

    def add_bay(self) -> None:
        """Make room for one bay more."""
        self._open.append(0)
        self._held.append(0)

    def mask(self, interval: Interval) -> int:
        """Return the bits of `interval`, clipped at the base."""
        first = max(interval.from_at - self.base_at, 0) // SLOT_MS
        until = -(-(interval.until - self.base_at) // SLOT_MS)
        return ((1 << (until - first)) - 1) << first if until > first else 0

    def set_open(self, bay: int, windows: Iterable[Interval]) -> None:
        """Replace what is offered of a bay; what lies beyond the span is left out."""
        mask, end = 0, self.span.until
        for window in windows:
            mask |= self.mask(Interval(window.from_at, min(window.until, end)))
        self._open[bay] = mask

    def hold(self, bay: int, interval: Interval) -> None:
        """Hold the slots; raises InvariantError where one is held already (rule S1)."""
        mask = self.mask(interval)
        if self._held[bay] & mask:
            raise InvariantError(f"bay number {bay} would be held twice in {interval}")
        self._held[bay] |= mask

    def release(self, bay: int, interval: Interval) -> None:
        """Let the slots go."""
        self._held[bay] &= ~self.mask(interval)

    def offered(self, bay: int, mask: int) -> bool:
        """Tell whether all of the slots are offered; what lies before the base never is."""
        return mask != 0 and self._open[bay] & mask == mask

    def held(self, bay: int, mask: int) -> bool:
        """Tell whether any of the slots is held."""
        return self._held[bay] & mask != 0

    def next_change(self, bay: int, at_ms: int) -> int | None:
        """Return when the bay next opens or closes after `at_ms`, within the span."""
        slot = (at_ms - self.base_at) // SLOT_MS
        mask = self._open[bay] >> max(slot, 0)
        mask = ~mask if mask & 1 else mask
        mask &= (1 << (SPAN_MS // SLOT_MS)) - 1
        ahead = (mask & -mask).bit_length() - 1
        return self.base_at + (slot + ahead) * SLOT_MS if mask else None

    def rebase(self, base_at: int) -> None:
        """Move the base forward and forget what lies before it; the far end is not offered until set again."""
        shift = (base_at - self.base_at) // SLOT_MS
        if shift <= 0:
            return
        self._open = [mask >> shift for mask in self._open]
        self._held = [mask >> shift for mask in self._held]
        self.base_at = base_at

    def restart(self, base_at: int) -> None:
        """Begin anew at another base, with nothing offered and nothing held."""
        self.base_at = base_at
        self._open = [0] * len(self._open)
        self._held = [0] * len(self._held)
