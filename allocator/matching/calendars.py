"""Per bay, which five-minute slots are offered, held and held for good, as bits: one bay as an int, many as arrays.

The bits lie in words of 64 slots, one row of words for all bays, so that "is this stay offered, is it held?" is asked
of hundreds of bays with one numpy operation for each word that the stay touches: one to three.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from allocator.domain.interval import DAY_MS, SLOT_MS, Interval
from broker_bridge.wire.errors import InvariantError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

HORIZON_MS = 7 * DAY_MS
SPAN_MS = HORIZON_MS + 2 * DAY_MS
"""How far the bits reach: the horizon, a stay at its end, and the day until the base moves."""
WORD_SLOTS = 64
WORDS = -(-SPAN_MS // (SLOT_MS * WORD_SLOTS))
SPAN_SLOTS = SPAN_MS // SLOT_MS
SPAN_MASK = (1 << SPAN_SLOTS) - 1
ROOM_AT_FIRST = 64
REMEMBERED_MAX = 1_024
_LOW = np.array([(1 << count) - 1 for count in range(WORD_SLOTS + 1)], dtype=np.uint64)
"""By number: so many low bits."""


class Asked(NamedTuple):
    """The slots of one interval, or of several: the words that they touch, with the bits in each.

    `bits` of each word are a number, or a number for each interval; so is `within`, whether the calendars cover it all.
    """

    words: tuple[int, ...]
    bits: tuple[Any, ...]
    within: Any


class Calendars:
    """The slots of all bays. Bit n is the slot that begins at `base_at + n * SLOT_MS`."""

    __slots__ = ("_bays", "_fixed", "_held", "_open", "_words_of", "base_at")

    def __init__(self, base_at: int) -> None:
        self.base_at = base_at
        self._bays = 0
        self._open = np.zeros((WORDS, ROOM_AT_FIRST), dtype="<u8")
        self._held = np.zeros((WORDS, ROOM_AT_FIRST), dtype="<u8")
        self._fixed = np.zeros((WORDS, ROOM_AT_FIRST), dtype="<u8")
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
            self._open, self._held, self._fixed = (
                np.hstack((words, more)) for words in (self._open, self._held, self._fixed)
            )
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

    def fix(self, bay: int, interval: Interval) -> None:
        """Note that whoever holds the slots stays there."""
        _write(self._fixed, bay, _read(self._fixed, bay) | self.mask(interval) & SPAN_MASK)

    def release(self, bay: int, interval: Interval) -> None:
        """Let the slots go."""
        mask = self.mask(interval)
        for words in (self._held, self._fixed):
            _write(words, bay, _read(words, bay) & ~mask)

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

    def asked(self, intervals: Sequence[Interval]) -> Asked:
        """Return the slots of one interval, or of several, to ask many bays about; what is before the base is none."""
        if len(intervals) == 1:
            return self._asked_of(*intervals[0])
        ends = np.fromiter(chain.from_iterable(intervals), np.int64, 2 * len(intervals)) - self.base_at
        first, until = np.maximum(ends[::2], 0) // SLOT_MS, -(-ends[1::2] // SLOT_MS)
        words = range(int(first.min()) // WORD_SLOTS, min(-(-int(until.max()) // WORD_SLOTS), WORDS))
        begins = WORD_SLOTS * np.array(words, dtype=np.int64)[:, np.newaxis]
        bits = _LOW.take(until - begins, mode="clip") & ~_LOW.take(first - begins, mode="clip")
        return Asked(tuple(words), tuple(bits), (until > first) & (until <= SPAN_SLOTS))

    def _asked_of(self, from_at: int, until: int) -> Asked:
        first, end = max(from_at - self.base_at, 0) // SLOT_MS, -(-(until - self.base_at) // SLOT_MS)
        end = max(end, first)
        words = range(first // WORD_SLOTS, min(-(-end // WORD_SLOTS), WORDS))
        ends = (min(end - word * WORD_SLOTS, WORD_SLOTS) for word in words)
        begins = (max(first - word * WORD_SLOTS, 0) for word in words)
        bits = tuple((1 << to) - (1 << since) for since, to in zip(begins, ends, strict=True))
        return Asked(tuple(words), bits, first < end <= SPAN_SLOTS)

    def which_offered(
        self, bays: NDArray[np.intp], asked: Asked, rows: NDArray[np.intp] | None = None
    ) -> NDArray[np.bool_]:
        """Tell of each bay whether all slots are offered: of the interval that `rows` names, or of the only one."""
        offered = np.full(len(bays), asked.within) if rows is None else asked.within.take(rows)
        for word, bits in zip(asked.words, asked.bits, strict=True):
            mine = bits if rows is None else bits.take(rows)
            offered &= self._open[word].take(bays) & mine == mine
        return offered

    def which_held(
        self, bays: NDArray[np.intp], asked: Asked, rows: NDArray[np.intp] | None = None, *, fixed: bool = False
    ) -> NDArray[np.bool_]:
        """Tell of each bay whether any slot is held, or with `fixed`, held for good."""
        held = np.zeros(len(bays), dtype=np.bool_)
        slots = self._fixed if fixed else self._held
        for word, bits in zip(asked.words, asked.bits, strict=True):
            held |= slots[word].take(bays) & (bits if rows is None else bits.take(rows)) != 0
        return held

    def restart(self, base_at: int) -> None:
        """Begin anew at another base, with nothing offered and nothing held."""
        self.base_at = base_at
        self._words_of.clear()
        self._open[:] = 0
        self._held[:] = 0
        self._fixed[:] = 0


def _read(words: NDArray[np.uint64], bay: int) -> int:
    return int.from_bytes(words[:, bay].tobytes(), "little")


def _write(words: NDArray[np.uint64], bay: int, mask: int) -> None:
    words[:, bay] = _as_words(mask)


def _as_words(mask: int) -> NDArray[np.uint64]:
    return np.frombuffer(mask.to_bytes(WORDS * 8, "little"), dtype="<u8")
