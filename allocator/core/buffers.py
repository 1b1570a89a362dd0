"""How long a bay is kept free after a stay: the shortest buffer that guests rarely outstay, learnt from the city."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.domain.interval import SLOT_MS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocator.core.state import State
    from allocator.domain.events import ReservationCompleted
    from allocator.domain.model import Reservation

BUFFER_SLOTS_MAX = 6
LATENESS_BINS = BUFFER_SLOTS_MAX + 2
"""Bin 0: on time. Bin n: late by more than n - 1 and at most n slots. The last: later than that."""
STAYS_MIN = 200
STAYS_MAX = 4_000
"""So many stays are remembered; then all count half, so that what is new weighs more."""


def buffer_ms(state: State) -> int:
    """Return the buffer for a booking that is made now.

    The chance constraint: the smallest whole slot b with P(a guest leaves later than b after the end) at most
    `late_risk_permille`, at most half an hour, from the stays seen; `Settings.buffer_ms` until there are enough.
    """
    risk_permille, seen = state.settings.late_risk_permille, sum(state.lateness)
    if risk_permille is None or seen < STAYS_MIN:
        return state.settings.buffer_ms
    later = seen
    for slots, ended in enumerate(state.lateness[:BUFFER_SLOTS_MAX]):
        later -= ended
        if later * 1000 <= risk_permille * seen:
            return slots * SLOT_MS
    return BUFFER_SLOTS_MAX * SLOT_MS


def learn(lateness: Sequence[int], stay: Reservation, ended: ReservationCompleted) -> list[int]:
    """Return the histogram with one stay more; one that a recall cut short, or nobody saw end, tells nothing."""
    counts = list(lateness)
    if ended.source == "timer" or stay.recalled_at is not None:
        return counts
    late_ms = max(ended.at - stay.until, 0)
    counts[min(-(-late_ms // SLOT_MS), LATENESS_BINS - 1)] += 1
    return counts if sum(counts) <= STAYS_MAX else [count // 2 for count in counts]
