"""Keeping a promise that is in danger: a substitute within it, or farther at the operator's cost, or none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from allocator.core.danger import danger, unusable
from allocator.domain import events as e
from allocator.domain.interval import Interval, slot_floor
from allocator.domain.lifecycle import ReservationStatus
from allocator.matching.filters import BIND_LEAD_MS, wanted_by

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.events import Event
    from allocator.domain.model import Reservation
    from allocator.matching.search import Found

WIDER = 2


def rescue(state: State, reservation: Reservation, now: int) -> list[Event]:
    """Look after a promise in danger: another plan, a substitute, or none yet where it is tried again later.

    Where the bay is gone for good the search goes wider as soon as the stay starts soon, and is the last at its start.
    """
    reason = danger(state, reservation, now)
    if reason is None:
        return []
    if reservation.status is ReservationStatus.ACCEPTED:
        return [*replan(state, reservation, now)]
    gone = unusable(state, reservation, now) is not None
    if gone and now >= reservation.from_at:
        return relocate_or_fail(state, reservation, reason, now)
    return relocate(state, reservation, reason, now, wider=gone and reservation.from_at <= now + BIND_LEAD_MS)


def replan(state: State, reservation: Reservation, now: int) -> list[e.Replanned]:
    """Return the plan of another bay for an unbound reservation, within the promise; none where there is none."""
    moves = away(state, reservation, now)
    return [e.Replanned(moves=moves)] if moves else []


def away(state: State, reservation: Reservation, now: int) -> tuple[e.Move, ...]:
    """Return the moves that take a reservation to another bay within its promise, its own the last; or none."""
    found = state.settings.policy.place(state.board, wanted_by(reservation), now)
    if found.bay is None:
        return ()
    own = e.Move(
        reservation_id=reservation.reservation_id,
        from_bay=reservation.bay or "",
        to_bay=found.bay,
        walk_m=found.walk_m,
    )
    return (*found.moves, own)


def relocate(state: State, reservation: Reservation, reason: str, now: int, *, wider: bool) -> list[Event]:
    """Return the events that give a reservation another bay, told to its driver; none where there is no substitute.

    `wider` also looks up to twice the promised walk, which is recorded as a violation.
    """
    wanted = wanted_by(reservation)
    start = max(reservation.held_from, slot_floor(now))
    wanted = wanted._replace(held=Interval(start, reservation.held_until))
    for factor in (1, WIDER) if wider else (1,):
        reach = wanted._replace(max_walk_m=reservation.max_walk_m * factor)
        found = state.settings.policy.place(state.board, reach, now)
        if found.bay is not None:
            return _moved(state, reservation, found.bay, found, reason, violation=factor > 1)
    return []


def _moved(
    state: State, reservation: Reservation, to_bay: str, found: Found, reason: str, *, violation: bool
) -> list[Event]:
    from_bay = reservation.bay or ""
    happened: list[Event] = [e.Replanned(moves=found.moves)] if found.moves else []
    happened.append(
        e.ReservationRelocated(
            reservation_id=reservation.reservation_id,
            from_bay=from_bay,
            to_bay=to_bay,
            walk_m=found.walk_m,
            reason=reason,
            violation=violation,
            # The driver of a broken promise pays nothing: what it was quoted at is the operator's loss, once.
            cost_won=reservation.quote_won if violation and not reservation.violation else 0,
            explanation=found.explanation,
        )
    )
    if state.board.bay(from_bay).spec.zone != state.board.bay(to_bay).spec.zone:
        happened.append(e.ReservationReceived(reservation_id=reservation.reservation_id, to_bay=to_bay))
    return happened


def relocate_or_fail(
    state: State, reservation: Reservation, reason: str, now: int, request_id: str | None = None
) -> list[Event]:
    """Return the events of a last attempt: a substitute, wider if need be, or the broken promise."""
    happened = relocate(state, reservation, reason, now, wider=True)
    if not happened:
        failed = e.ReservationFailed(reservation_id=reservation.reservation_id, reason=reason, request_id=request_id)
        return [failed]
    return [
        replace(event, request_id=request_id) if isinstance(event, e.ReservationRelocated) else event
        for event in happened
    ]
