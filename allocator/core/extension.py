"""A guest wants to stay longer: granted where the bay stays free, or can be kept so by moves that nobody notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.buffers import buffer_ms
from allocator.core.relocate import away
from allocator.domain.interval import Interval, outward, slot_floor
from allocator.domain.lifecycle import ReservationStatus

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.events import Move
    from allocator.domain.model import Reservation


def held_until(state: State, reservation: Reservation, until: int) -> int:
    """Return until when the bay is held for a longer stay: never for less than it is now."""
    longer = outward(Interval(reservation.from_at, until)).until + buffer_ms(state)
    return max(reservation.held_until, longer)


def room(state: State, reservation: Reservation, until: int, now: int) -> tuple[Move, ...] | str:
    """Return the moves that let a guest stay until then, or why it cannot be.

    Reservations in the way that are not bound yet move to other bays, each by a search of its own; where two of those
    would meet, or come back to this bay, the answer is no.
    """
    if reservation.recalled_at is not None:
        return "recalled"
    if until <= now:
        return "in_past"
    if state.vehicle_taken(reservation.vehicle_id, Interval(reservation.from_at, until), besides=reservation):
        return "vehicle_has_reservation"
    board, bay = state.board, reservation.bay or ""
    # Of what is over nothing has to be given any more.
    more = Interval(max(reservation.held_until, slot_floor(now)), held_until(state, reservation, until))
    if more.from_at < more.until and not board.calendars.offered(board.number[bay], board.calendars.mask(more)):
        return "bay_not_free"
    moves: list[Move] = []
    touched = {bay}
    for other in board.blockers(board.number[bay], more):
        chain = away(state, other, now) if other.status is ReservationStatus.ACCEPTED else ()
        visited = {move.to_bay for move in chain} | {move.from_bay for move in chain[:-1]}
        if not chain or visited & touched:
            return "bay_not_free"
        touched |= visited
        moves += chain
    return tuple(moves)
