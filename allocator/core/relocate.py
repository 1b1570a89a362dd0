"""Keeping a promise that is in danger: a substitute within it, or farther at the operator's cost, or none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from allocator.domain import events as e
from allocator.domain.interval import Interval, slot_floor
from allocator.domain.lifecycle import Occupancy, ReservationStatus
from allocator.matching.search import wanted_by

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.events import Event
    from allocator.domain.model import Bay, Reservation

WIDER = 2


def blocked(state: State, bay: Bay, reservation: Reservation) -> str | None:
    """Return why a bound reservation cannot begin on the bay now, or None."""
    if bay.retired or bay.closed:
        return "closed"
    if bay.occupancy is not Occupancy.OCCUPIED:
        return None
    others = state.board.on_bay[state.board.number[bay.spec.bay]].values()
    guest = any(other.status is ReservationStatus.ACTIVE and other is not reservation for other in others)
    return "overstay" if guest else "contested"


def relocate(state: State, reservation: Reservation, reason: str, now: int, *, wider: bool) -> list[Event]:
    """Return the events that give a bound reservation another bay; none where there is no substitute.

    `wider` also looks up to twice the promised walk, which is recorded as a violation.
    """
    wanted = wanted_by(reservation)
    start = max(reservation.held_from, slot_floor(now))
    wanted = replace(wanted, held=Interval(start, reservation.held_until))
    for factor in (1, WIDER) if wider else (1,):
        reach = replace(wanted, max_walk_m=reservation.max_walk_m * factor)
        found = state.settings.policy.place(state.board, reach, now)
        if found.bay is not None:
            return _moved(state, reservation, found.bay, found.walk_m, found.moves, reason, violation=factor > 1)
    return []


def _moved(
    state: State,
    reservation: Reservation,
    to_bay: str,
    walk_m: int,
    moves: tuple[e.Move, ...],
    reason: str,
    *,
    violation: bool,
) -> list[Event]:
    from_bay = reservation.bay or ""
    happened: list[Event] = [e.Replanned(moves=moves)] if moves else []
    happened.append(
        e.ReservationRelocated(
            reservation_id=reservation.reservation_id,
            from_bay=from_bay,
            to_bay=to_bay,
            walk_m=walk_m,
            reason=reason,
            violation=violation,
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
