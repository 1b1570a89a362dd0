"""The fold: each event changes the state in one small function, found by its type."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from allocator.core.buffers import learn
from allocator.core.evolve_offers import OFFER_HANDLERS, settled
from allocator.core.hear import Heard
from allocator.domain import events as e
from allocator.domain.commands import Timer
from allocator.domain.interval import slot_floor
from allocator.domain.lifecycle import Occupancy, ReservationStatus, advance
from allocator.domain.model import Bay, Reservation
from allocator.domain.windows import week_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core.state import State
    from allocator.domain.events import Event, Recorded


def evolve(state: State, recorded: Recorded) -> None:
    """Fold one recorded event into the state."""
    event = recorded.event
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(state, event, recorded.at)
    state.position = recorded.position
    if recorded.zone is not None and recorded.event_no is not None:
        state.event_nos[recorded.zone] = recorded.event_no


# ---- bays


def _registered(state: State, event: e.BayRegistered, at: int) -> None:
    if event.spec.gateway in state.gateways_down:
        state.arm(at, Timer.GATEWAY, event.spec.gateway)  # it may be away for long enough already
    number = state.board.number.get(event.spec.bay)
    if number is None:
        state.enter_bay(Bay(spec=event.spec))
        return
    bay = state.board.bays[number]
    # Points are given up to where another resident begins, or the bay begins again.
    same = bay.spec.resident == event.spec.resident
    known = replace(bay, spec=event.spec, retired=False, settled_at=bay.settled_at if same and not bay.retired else at)
    if not same:
        known.away_since, known.absences, known.hazard_permille = None, 0, 0  # another household, other habits
    state.enter_bay(known)


def _opened(state: State, event: e.BayOpened, at: int) -> None:
    bay = state.board.bay(event.bay)
    bay.closed = False
    settled(state, bay, at)


def _repaired(state: State, event: e.SensorRepaired, _at: int) -> None:
    bay = state.board.bay(event.bay)
    bay.occupancy, bay.boot_id, bay.seq, bay.observed_at = Occupancy.UNKNOWN, -1, -1, 0
    bay.lost = None
    number = state.board.number[event.bay]
    state.heard[number] = Heard(watched_at=state.heard[number].watched_at)
    state.dirty.heard.add(number)
    state.arm_left_unseen(number)
    state.touch(bay)


def _occupancy(state: State, event: e.OccupancyChanged, _at: int) -> None:
    if event.late:
        return
    bay = state.board.bay(event.bay)
    bay.occupancy, bay.observed_at = Occupancy(event.status), event.observed_at
    bay.boot_id, bay.seq = event.boot_id, event.seq
    for held in state.board.on_bay[state.board.number[event.bay]].values():
        if held.status is ReservationStatus.ACTIVE:
            state.arm_left(held)
    if bay.occupancy is Occupancy.UNKNOWN:
        state.arm_left_unseen(state.board.number[event.bay])
    if bay.occupancy is Occupancy.FREE:
        state.freed(state.board.number[event.bay])
    state.touch(bay)


def _bay_column(state: State, event: Any, at: int) -> None:
    """Set the one thing of a bay that the event tells."""
    column, tell = _BAY_COLUMNS[type(event)]
    bay = state.board.bay(event.bay)
    setattr(bay, column, tell(event))
    if type(event) in _FREEING:
        state.freed(state.board.number[event.bay])
    if type(event) in _ENDANGERING:
        state.endanger(state.board.number[event.bay], at)
        state.arm_stuck(bay, at)
    state.touch(bay)


_BAY_COLUMNS: dict[type[Event], tuple[str, Callable[[Any], object]]] = {
    e.BayRetired: ("retired", lambda _: True),
    e.BayClosed: ("closed", lambda _: True),
    e.SensorLost: ("lost", lambda event: event.reason),
    e.SensorRestored: ("lost", lambda _: None),
    e.BayContested: ("contested", lambda event: event.reason),
    e.BayCleared: ("contested", lambda _: None),
}
_ENDANGERING = (e.BayRetired, e.BayClosed, e.SensorLost, e.BayContested)
_FREEING = (e.BayOpened, e.SensorRestored, e.BayCleared)


# ---- reservations


def _accepted(state: State, event: e.ReservationAccepted, at: int) -> None:
    waited = state.reservations.get(event.reservation_id)
    if waited is None:
        state.accepted += 1
    else:
        advance(waited.status, "accepted")
        state.drop_reservation(waited)
    state.enter_reservation(
        Reservation(
            **_asked(event),
            status=ReservationStatus.ACCEPTED,
            bay=event.bay,
            walk_m=event.walk_m,
            accepted_at=at,
            wait_until=waited.wait_until if waited is not None else None,
            max_price_won=waited.max_price_won if waited is not None else None,
        )
    )


def _waitlisted(state: State, event: e.RequestWaitlisted, at: int) -> None:
    state.accepted += 1
    state.enter_reservation(
        Reservation(
            **_asked(event),
            status=ReservationStatus.WAITING,
            bay=None,
            walk_m=0,
            accepted_at=at,
            wait_until=event.wait_until,
            max_price_won=event.max_price_won,
        )
    )


def _asked(event: e.ReservationAccepted | e.RequestWaitlisted) -> dict[str, Any]:
    return {name: getattr(event, name) for name in _ASKED}


_ASKED = (
    "reservation_id", "request_id", "driver", "vehicle_id", "zone", "lat", "lon", "from_at", "until", "held_from",
    "held_until", "max_walk_m", "needs", "quote_won",
)  # fmt: skip


def _rejected(state: State, event: e.RequestRejected, at: int) -> None:
    if event.reservation_id is not None:
        _end(state, event.reservation_id, "rejected", at)


def _replanned(state: State, event: e.Replanned, _at: int) -> None:
    moving = [(state.reservations[move.reservation_id], move) for move in event.moves]
    for reservation, _ in moving:
        state.board.lift(reservation)
    for reservation, move in moving:
        reservation.bay, reservation.walk_m = move.to_bay, move.walk_m
        state.board.place(reservation)
        _changed(state, reservation, moved=True)


def _bound(state: State, event: e.ReservationBound, at: int) -> None:
    reservation = _advance(state, event.reservation_id, "bound")
    reservation.bound_at, reservation.walk_m = at, event.walk_m
    state.board.bind(reservation)
    _changed(state, reservation)
    state.arm_reservation(reservation)


def _activated(state: State, event: e.ReservationActivated, _at: int) -> None:
    reservation = _advance(state, event.reservation_id, "activated")
    reservation.activated_at = event.at
    state.board.begin(reservation)
    _changed(state, reservation)
    state.arm_reservation(reservation)


def _relocated(state: State, event: e.ReservationRelocated, at: int) -> None:
    reservation = _advance(state, event.reservation_id, "relocated")
    state.board.lift(reservation)
    _show(state, reservation)
    state.freed(state.board.number[event.from_bay])
    reservation.bay, reservation.walk_m = event.to_bay, event.walk_m
    reservation.violation = reservation.violation or event.violation
    reservation.held_from = max(reservation.held_from, slot_floor(at))
    reservation.bound_at, reservation.activated_at, reservation.warned_at = at, None, None
    state.board.place(reservation)
    _changed(state, reservation, moved=True)
    state.arm_reservation(reservation)


def _extended(state: State, event: e.ReservationExtended, _at: int) -> None:
    reservation = _advance(state, event.reservation_id, "extended")
    state.board.lift(reservation)
    reservation.until, reservation.held_until = event.until, event.held_until
    reservation.quote_won, reservation.warned_at = event.quote_won, None
    state.board.place(reservation)
    _changed(state, reservation)
    state.arm_reservation(reservation)


def _guest_recalled(state: State, event: e.GuestRecalled, at: int) -> None:
    reservation = _advance(state, event.reservation_id, "recalled")
    state.board.lift(reservation)
    reservation.until, reservation.held_until, reservation.recalled_at = event.until, event.held_until, at
    if event.quote_won is not None:
        reservation.quote_won = event.quote_won
    state.board.place(reservation)
    _changed(state, reservation)
    state.arm_reservation(reservation)


def _warned(state: State, event: e.OverstayWarned, at: int) -> None:
    reservation = state.reservations[event.reservation_id]
    reservation.warned_at = at
    _changed(state, reservation)
    state.endanger(state.board.number[reservation.bay or ""], at)


def _completed(state: State, event: e.ReservationCompleted, _at: int) -> None:
    stay = state.reservations[event.reservation_id]
    stay.price_won = event.price_won
    state.lateness = learn(state.lateness, stay, event)
    _rented(state, event, stay.activated_at or stay.from_at)
    _end(state, event.reservation_id, "completed", event.at)


def _rented(state: State, event: e.ReservationCompleted, began_at: int) -> None:
    """Count the time used to the bay's week: that of the stay's end; a week that is past is not counted any more."""
    bay, week = state.board.bay(event.bay), week_of(event.at, state.settings.timezone).from_at
    if week < bay.rented_week:
        return
    before_ms = bay.rented_ms if week == bay.rented_week else 0
    bay.rented_week, bay.rented_ms = week, before_ms + max(event.at - began_at, 0)
    state.touch(bay)


def _cancelled(state: State, event: e.ReservationCancelled, at: int) -> None:
    _end(state, event.reservation_id, "cancelled", at)


def _expired(state: State, event: e.ReservationExpired, at: int) -> None:
    _end(state, event.reservation_id, "expired", at)


def _failed(state: State, event: e.ReservationFailed, at: int) -> None:
    _end(state, event.reservation_id, "failed", at)


def _end(state: State, reservation_id: str, happened: str, at: int) -> None:
    reservation = _advance(state, reservation_id, happened)
    state.board.lift(reservation)
    if reservation.bay is not None:
        state.freed(state.board.number[reservation.bay])
    reservation.ended_at = at
    _changed(state, reservation)
    state.drop_reservation(reservation)


def _advance(state: State, reservation_id: str, happened: str) -> Reservation:
    reservation = state.reservations[reservation_id]
    reservation.status = advance(reservation.status, happened)
    return reservation


def _changed(state: State, reservation: Reservation, *, moved: bool = False) -> None:
    state.dirty.reservations[reservation.reservation_id] = reservation
    if moved:
        state.dirty.moved.add(reservation.reservation_id)
    _show(state, reservation)


def _show(state: State, reservation: Reservation) -> None:
    if reservation.bay is not None:
        state.dirty.shown.add(state.board.number[reservation.bay])


_HANDLERS: dict[type[Event], Callable[[State, Any, int], None]] = {
    **dict.fromkeys(_BAY_COLUMNS, _bay_column),
    **OFFER_HANDLERS,
    e.BayRegistered: _registered,
    e.BayOpened: _opened,
    e.SensorRepaired: _repaired,
    e.OccupancyChanged: _occupancy,
    e.GuestRecalled: _guest_recalled,
    e.ReservationAccepted: _accepted,
    e.RequestWaitlisted: _waitlisted,
    e.RequestRejected: _rejected,
    e.Replanned: _replanned,
    e.ReservationBound: _bound,
    e.ReservationActivated: _activated,
    e.ReservationRelocated: _relocated,
    e.ReservationExtended: _extended,
    e.OverstayWarned: _warned,
    e.ReservationCompleted: _completed,
    e.ReservationCancelled: _cancelled,
    e.ReservationExpired: _expired,
    e.ReservationFailed: _failed,
}
"""Events that only answer (refusals, ReservationReceived) change nothing but the numbers."""
