"""Time passes: timers that only keep the derived state in step act here, those that need a decision are returned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.danger import danger
from allocator.core.hear import silent_at, watch
from allocator.core.state import BATCH, LOOK_EVERY_MS
from allocator.domain.commands import FallDue, Timer
from allocator.domain.interval import DAY_MS, next_multiple, slot_floor
from broker_bridge.wire.errors import InvariantError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from allocator.core.state import State

DECISIONS_MIN, DECISIONS_PER_TIMER = 1_000, 20
"""What may fall due at one instant: more than that, and what is decided brings itself about again for ever."""


def due_decisions(state: State, now: int) -> Iterator[FallDue]:
    """Yield each due timer that needs a decision, which is taken before the next; raises InvariantError on no end."""
    left = DECISIONS_MIN + DECISIONS_PER_TIMER * len(state.timers)
    while (due := _next_decision(state, now)) is not None:
        if left == 0:
            raise InvariantError(f"what falls due at {now} has no end: {due}")
        left -= 1
        yield due


def _next_decision(state: State, now: int) -> FallDue | None:
    if now < state.board.calendars.base_at:
        _rebase(state, now)  # the clock was set back
    while (popped := state.pop_due(now)) is not None:
        due_at, due = popped
        prepare = _PREPARE.get(due.timer)
        if prepare is None or prepare(state, due.key, due_at, now):
            return due
    return None


def _roll(state: State, _key: str, _due_at: int, now: int) -> bool:
    """Move the calendars' base to today; the far end of the horizon opens."""
    _rebase(state, now)
    state.arm(now + DAY_MS, Timer.ROLL, "")
    return False


def _rebase(state: State, now: int) -> None:
    state.board.rebase(slot_floor(now))
    for name, offers in state.offers_of.items():
        if offers:
            state.reopen(state.board.number[name])


def _review(state: State, bay: str, due_at: int, now: int) -> bool:
    """A window began or ended: the bay shows it."""
    number = state.board.number[bay]
    if state.review_at.get(number) == due_at:
        del state.review_at[number]
        state.dirty.shown.add(number)
        state.review(number, now)
    return False


def _absence(state: State, bay: str, due_at: int, now: int) -> bool:
    """Tell whether an absence is to be looked at now; it will be again for as long as it lasts."""
    if state.look_at.get(bay) != due_at:
        return False
    del state.look_at[bay]
    if state.board.bay(bay).away_since is None:
        return False
    state.arm_look(bay, now + LOOK_EVERY_MS)
    return True


def _silence(state: State, bay: str, due_at: int, now: int) -> bool:
    """Tell whether a sensor is silent; one that spoke in the meantime is looked at later."""
    number = state.board.number[bay]
    heard = state.heard[number]
    if heard.watched_at != due_at:
        return False
    heard.watched_at = None
    if silent_at(state, heard) <= now:
        return True
    watch(state, number)
    return False


def _no_show(state: State, key: str, _due_at: int, now: int) -> bool:
    """Tell whether a driver may be said not to have come; just after we connected the news may be on its way."""
    if state.quiet(now):
        state.arm(state.quiet_until, Timer.NO_SHOW, key)
        return False
    return True


def _tick(state: State, key: str, _due_at: int, now: int) -> bool:
    """Arm the next tick, and after this one an attempt for everybody who waits, first come first."""
    if key == BATCH:
        state.waiting.batch_armed = False
        if state.waiting.count:
            state.arm_batch(now)
        return True
    state.arm(next_multiple(now, state.settings.tick_ms), Timer.TICK, key)
    if state.settings.policy.batch_ms is None:
        for held in state.waiting.line():
            state.arm(now, Timer.WAIT, held.reservation_id)
    return True


def _points(state: State, bay: str, _due_at: int, now: int) -> bool:
    """Arm the next week's points."""
    number = state.board.number[bay]
    state.points_armed.discard(number)
    state.arm_points(number, now)
    return True


def _rescue(state: State, key: str, due_at: int, now: int) -> bool:
    """Tell whether a promise is in danger; as long as it is, it is looked after again at the next tick."""
    held = state.reservations.get(key)
    if held is None or state.rescue_at.get(key) != due_at:
        return False
    del state.rescue_at[key]
    if danger(state, held, now) is not None:
        state.arm_rescue(held, next_multiple(now, state.settings.tick_ms))
        return True
    if state.quiet(now) and held.bay is not None and state.board.bay(held.bay).lost is not None:
        state.arm_rescue(held, state.quiet_until)
    return False


def _check(state: State, key: str, _due_at: int, now: int) -> bool:
    """Tell whether a stay begins; before that its bay is looked at, and again at each tick while it is in danger."""
    held = state.reservations.get(key)
    if held is None or now >= held.from_at:
        return held is not None
    state.arm_rescue(held, now)
    return False


def _wait(state: State, key: str, _due_at: int, _now: int) -> bool:
    state.waiting.trying.discard(key)
    return True


_PREPARE: dict[Timer, Callable[[State, str, int, int], bool]] = {
    Timer.ROLL: _roll,
    Timer.REVIEW: _review,
    Timer.SILENCE: _silence,
    Timer.NO_SHOW: _no_show,
    Timer.TICK: _tick,
    Timer.POINTS: _points,
    Timer.AUTO: _absence,
    Timer.WAIT: _wait,
    Timer.RESCUE: _rescue,
    Timer.CHECK: _check,
}
"""What is done before a timer is decided on: (state, key, due_at, now) -> whether it has to be."""
