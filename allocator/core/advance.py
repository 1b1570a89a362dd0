"""Time passes: timers that only keep the derived state in step act here, those that need a decision are returned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.hear import silent_at
from allocator.core.state import LOOK_EVERY_MS
from allocator.domain.commands import FallDue, Timer
from allocator.domain.interval import DAY_MS, slot_floor

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core.state import State


def next_decision(state: State, now: int) -> FallDue | None:
    """Return the next due timer that needs a decision, or None when all that was due is dealt with."""
    if now < state.board.calendars.base_at:
        _rebase(state, now)  # the clock was set back
    while (popped := state.pop_due(now)) is not None:
        due_at, due = popped
        if due.timer is Timer.ROLL:
            _roll(state, now)
        elif due.timer is Timer.REVIEW:
            _review(state, due.key, due_at, now)
        elif due.timer in _APPLIES and not _APPLIES[due.timer](state, due.key, due_at, now):
            continue
        elif due.timer is Timer.NO_SHOW and _is_quiet(state, now):
            state.arm(_quiet_until(state), due.timer, due.key)
        else:
            return due
    return None


def _quiet_until(state: State) -> int:
    return state.connected_at + state.settings.quiet_after_connect_ms


def _is_quiet(state: State, now: int) -> bool:
    """Tell whether we have just connected: the news that a driver came may still be on its way."""
    return state.connected_at <= now < _quiet_until(state)


def _roll(state: State, now: int) -> None:
    """Move the calendars' base to today; the far end of the horizon opens."""
    _rebase(state, now)
    state.arm(now + DAY_MS, Timer.ROLL, "")


def _rebase(state: State, now: int) -> None:
    state.board.rebase(slot_floor(now))
    for name in state.offers_of:
        state.reopen(state.board.number[name])


def _review(state: State, bay: str, due_at: int, now: int) -> None:
    """A window began or ended: the bay shows it."""
    number = state.board.number[bay]
    if state.review_at.get(number) == due_at:
        del state.review_at[number]
        state.dirty.shown.add(number)
        state.review(number, now)


def _is_away(state: State, bay: str, due_at: int, now: int) -> bool:
    """Tell whether an absence is to be looked at now; it will be again for as long as it lasts."""
    if state.look_at.get(bay) != due_at:
        return False
    del state.look_at[bay]
    if state.board.bay(bay).away_since is None:
        return False
    state.arm_look(bay, now + LOOK_EVERY_MS)
    return True


def _is_silent(state: State, bay: str, _due_at: int, now: int) -> bool:
    """Tell whether a sensor is silent; one that spoke in the meantime is looked at later."""
    heard = state.heard[state.board.number[bay]]
    due_at = silent_at(state, heard)
    if due_at > now:
        state.arm(due_at, Timer.SILENCE, bay)
        return False
    heard.watched = False
    return True


_APPLIES: dict[Timer, Callable[[State, str, int, int], bool]] = {Timer.AUTO: _is_away, Timer.SILENCE: _is_silent}
"""Timers of a bay that are armed again for as long as they apply: (state, bay, due_at, now) -> whether now."""
