"""Per bay, which five-minute slots are offered and which are held, as bits: one bay as an int, many bays as arrays.

The bits lie in words of 64 slots, one row of words for all bays, so that "is this stay offered, is it held?" is asked
of hundreds of bays with one numpy operation for each word that the stay touches: one to three.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from allocator.domain.interval import DAY_MS, SLOT_MS, Interval
from broker_bridge.wire.errors import InvariantError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

HORIZON_MS = 7 * DAY_MS
SPAN_MS = HORIZON_MS + 2 * DAY_MS
"""How far the bits reach: the horizon, a stay at its end, and the day until the base moves."""
WORD_SLOTS = 64
WORDS = -(-SPAN_MS // (SLOT_MS * WORD_SLOTS))
SPAN_MASK = (1 << SPAN_MS // SLOT_MS) - 1
ROOM_AT_FIRST = 64
REMEMBERED_MAX = 1_024


class Calendars:
    """The slots of all bays. Bit n is the slot that begins at `base_at + n * SLOT_MS`."""

    __slots__ = ("_bays", "_held", "_open", "_words_of", "base_at")

    def __init__(self, base_at: int) -> None:
        self.base_at = base_at
        self._bays = 0
        self._open = np.zeros((WORDS, ROOM_AT_FIRST), dtype="<u8")
        self._held = np.zeros((WORDS, ROOM_AT_FIRST), dtype="<u8")
        self._words_of: dict[tuple[Interval, ...], NDArray[np.uint64]] = {}

    @property
    def span(self) -> Interval:
        """What the bits cover."""
        return Interval(self.base_at, self.base_at + SPAN_MS)

    def add_bay(self) -> None:
        """Make room for one bay more."""
        room = self._open.shape[1]
        if self._bays == room:
            more = np.zeros((WORDS, room), dtype="<u8")
            self._open, self._held = np.hstack((self._open, more)), np.hstack((self._held, more))
        self._bays += 1

    def mask(self, interval: Interval) -> int:
        """Return the bits of `interval`, clipped at the base."""
        first = max(interval.from_at - self.base_at, 0) // SLOT_MS
        until = -(-(interval.until - self.base_at) // SLOT_MS)
        return ((1 << (until - first)) - 1) << first if until > first else 0

    # ---- one bay

    def set_open(self, bay: int, windows: Iterable[Interval]) -> None:
        """Replace what is offered of a bay; what lies beyond the span is left out."""
        key = tuple(windows)  # many bays are offered alike
        words = self._words_of.get(key)
        if words is None:
            mask, end = 0, self.span.until
            for window in key:
                mask |= self.mask(Interval(window.from_at, min(window.until, end)))
            if len(self._words_of) == REMEMBERED_MAX:
                self._words_of.clear()
            words = self._words_of[key] = _as_words(mask)
        self._open[:, bay] = words

    def hold(self, bay: int, interval: Interval) -> None:
        """Hold the slots; raises InvariantError where one is held already (rule S1). Beyond the span is no slot."""
        mask, held = self.mask(interval) & SPAN_MASK, _read(self._held, bay)
        if held & mask:
            raise InvariantError(f"bay number {bay} would be held twice in {interval}")
        _write(self._held, bay, held | mask)

    def release(self, bay: int, interval: Interval) -> None:
        """Let the slots go."""
        _write(self._held, bay, _read(self._held, bay) & ~self.mask(interval))

    def offered(self, bay: int, mask: int) -> bool:
        """Tell whether all of the slots are offered; what lies before the base never is."""
        return mask != 0 and _read(self._open, bay) & mask == mask

    def held(self, bay: int, mask: int) -> bool:
        """Tell whether any of the slots is held."""
        return _read(self._held, bay) & mask != 0

    def next_change(self, bay: int, at_ms: int) -> int | None:
        """Return when the bay next opens or closes after `at_ms`; what is open when the span ends closes there."""
        slot = (at_ms - self.base_at) // SLOT_MS
        mask = _read(self._open, bay) >> max(slot, 0)
        mask = ~mask if mask & 1 else mask
        mask &= SPAN_MASK
        ahead = (mask & -mask).bit_length() - 1
        return self.base_at + (slot + ahead) * SLOT_MS if mask else None

    # ---- many bays

    def which_offered(self, bays: NDArray[np.intp], mask: int) -> NDArray[np.bool_]:
        """Tell of each bay whether all of the slots are offered."""
        if mask == 0 or mask & ~SPAN_MASK:
            return np.zeros(len(bays), dtype=np.bool_)
        offered = np.ones(len(bays), dtype=np.bool_)
        for row, bits in _words(mask):
            offered &= self._open[row].take(bays) & bits == bits
        return offered

    def which_held(self, bays: NDArray[np.intp], mask: int) -> NDArray[np.bool_]:
        """Tell of each bay whether any of the slots is held."""
        held = np.zeros(len(bays), dtype=np.bool_)
        for row, bits in _words(mask & SPAN_MASK):
            held |= self._held[row].take(bays) & bits != 0
        return held

    def restart(self, base_at: int) -> None:
        """Begin anew at another base, with nothing offered and nothing held."""
        self.base_at = base_at
        self._words_of.clear()
        self._open[:] = 0
        self._held[:] = 0


def _read(words: NDArray[np.uint64], bay: int) -> int:
    return int.from_bytes(words[:, bay].tobytes(), "little")


def _write(words: NDArray[np.uint64], bay: int, mask: int) -> None:
    words[:, bay] = _as_words(mask)


def _as_words(mask: int) -> NDArray[np.uint64]:
    return np.frombuffer(mask.to_bytes(WORDS * 8, "little"), dtype="<u8")


def _words(mask: int) -> Iterator[tuple[int, np.uint64]]:
    """Yield (row, bits) of each word that the mask touches."""
    row = ((mask & -mask).bit_length() - 1) // WORD_SLOTS if mask else 0
    mask >>= row * WORD_SLOTS
    while mask:
        yield row, np.uint64(mask & (1 << WORD_SLOTS) - 1)
        mask >>= WORD_SLOTS
        row += 1
