"""The fold: each event changes the state in one small function, found by its type."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from allocator.core.hear import Heard
from allocator.core.state import LOOK_EVERY_MS
from allocator.domain import events as e
from allocator.domain.commands import Timer
from allocator.domain.interval import slot_floor
from allocator.domain.lifecycle import Occupancy, ReservationStatus, advance
from allocator.domain.model import Bay, Offer, Reservation

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


def _registered(state: State, event: e.BayRegistered, _at: int) -> None:
    number = state.board.number.get(event.spec.bay)
    if number is None:
        state.enter_bay(Bay(spec=event.spec))
        return
    known = replace(state.board.bays[number], spec=event.spec, retired=False)
    if known.spec.resident != state.board.bays[number].spec.resident:
        known.away_since, known.absences, known.hazard_permille = None, 0, 0  # another household, other habits
    state.enter_bay(known)


def _repaired(state: State, event: e.SensorRepaired, _at: int) -> None:
    bay = state.board.bay(event.bay)
    bay.occupancy, bay.boot_id, bay.seq, bay.observed_at = Occupancy.UNKNOWN, -1, -1, 0
    bay.lost = None
    number = state.board.number[event.bay]
    state.heard[number] = Heard(watched=state.heard[number].watched)
    state.dirty.heard.add(number)
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
    state.touch(bay)


def _bay_column(state: State, event: Any, _at: int) -> None:
    """Set the one thing of a bay that the event tells."""
    column, tell = _BAY_COLUMNS[type(event)]
    bay = state.board.bay(event.bay)
    setattr(bay, column, tell(event))
    state.touch(bay)


_BAY_COLUMNS: dict[type[Event], tuple[str, Callable[[Any], object]]] = {
    e.BayRetired: ("retired", lambda _: True),
    e.BayClosed: ("closed", lambda _: True),
    e.BayOpened: ("closed", lambda _: False),
    e.SensorLost: ("lost", lambda event: event.reason),
    e.SensorRestored: ("lost", lambda _: None),
    e.BayContested: ("contested", lambda event: event.reason),
    e.BayCleared: ("contested", lambda _: None),
}


# ---- offers


def _weekly(state: State, event: e.WeeklyOffered, at: int) -> None:
    state.offered += 1
    state.enter_offer(
        Offer(
            offer_id=event.offer_id,
            bay=event.bay,
            resident=event.resident,
            kind="weekly",
            rrule=event.rrule,
            start=event.start,
            end=event.end,
            except_dates=event.except_dates,
            offered_at=at,
        )
    )


def _once(state: State, event: e.OnceOffered, at: int) -> None:
    state.offered += 1
    state.enter_offer(
        Offer(
            offer_id=event.offer_id,
            bay=event.bay,
            resident=event.resident,
            kind="once",
            from_at=event.from_at,
            until=event.until,
            offered_at=at,
        )
    )


def _auto(state: State, event: e.AutoOffered, at: int) -> None:
    state.offered += 1
    state.enter_offer(
        Offer(
            offer_id=event.offer_id,
            bay=event.bay,
            resident=event.resident,
            kind="auto",
            risk_permille=event.risk_permille,
            offered_at=at,
        )
    )


def _withdrawn(state: State, event: e.OffersWithdrawn, at: int) -> None:
    for offer_id in event.offer_ids:
        offer = state.offers[offer_id]
        offer.withdrawn, offer.withdrawn_at = True, at
        state.enter_offer(offer)
    bay = state.board.bay(event.bay)
    if bay.away_since is not None and not any(offer.kind == "auto" for offer in state.offers_of[event.bay]):
        bay.away_since = None
        state.touch(bay)


def _resident_left(state: State, event: e.ResidentLeft, at: int) -> None:
    bay = state.board.bay(event.bay)
    bay.away_since = event.at
    state.touch(bay)
    state.arm_look(event.bay, at + LOOK_EVERY_MS)


def _resident_returned(state: State, event: e.ResidentReturned, at: int) -> None:
    bay = state.board.bay(event.bay)
    bay.away_since = None
    bay.absences += event.within_habit
    bay.hazard_permille += event.hazard_permille
    state.touch(bay)
    for held in state.board.on_bay[state.board.number[event.bay]].values():
        if held.status is not ReservationStatus.ACTIVE:
            state.arm(at, Timer.MOVE, held.reservation_id)


def _auto_window(state: State, event: e.AutoWindowSet, at: int) -> None:
    """Another beginning is another window: the time that passed in the one before has been offered."""
    offer = state.offers[event.offer_id]
    if offer.from_at is not None and offer.until is not None and event.from_at != offer.from_at:
        offer.offered_ms += max(min(at, offer.until) - offer.from_at, 0)
    offer.from_at, offer.until = event.from_at, event.until
    state.enter_offer(offer)


# ---- reservations


def _accepted(state: State, event: e.ReservationAccepted, at: int) -> None:
    state.accepted += 1
    state.enter_reservation(
        Reservation(
            reservation_id=event.reservation_id,
            request_id=event.request_id,
            driver=event.driver,
            vehicle_id=event.vehicle_id,
            zone=event.zone,
            lat=event.lat,
            lon=event.lon,
            from_at=event.from_at,
            until=event.until,
            held_from=event.held_from,
            held_until=event.held_until,
            max_walk_m=event.max_walk_m,
            needs=event.needs,
            quote_won=event.quote_won,
            status=ReservationStatus.ACCEPTED,
            bay=event.bay,
            walk_m=event.walk_m,
            accepted_at=at,
        )
    )


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
    _changed(state, reservation)
    state.arm_reservation(reservation)


def _activated(state: State, event: e.ReservationActivated, _at: int) -> None:
    reservation = _advance(state, event.reservation_id, "activated")
    reservation.activated_at = event.at
    _changed(state, reservation)
    state.arm_reservation(reservation)


def _relocated(state: State, event: e.ReservationRelocated, at: int) -> None:
    reservation = _advance(state, event.reservation_id, "relocated")
    state.board.lift(reservation)
    _show(state, reservation)
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


def _warned(state: State, event: e.OverstayWarned, at: int) -> None:
    reservation = state.reservations[event.reservation_id]
    reservation.warned_at = at
    _changed(state, reservation)


def _completed(state: State, event: e.ReservationCompleted, _at: int) -> None:
    state.reservations[event.reservation_id].price_won = event.price_won
    _end(state, event.reservation_id, "completed", event.at)


def _cancelled(state: State, event: e.ReservationCancelled, at: int) -> None:
    _end(state, event.reservation_id, "cancelled", at)


def _expired(state: State, event: e.ReservationExpired, at: int) -> None:
    _end(state, event.reservation_id, "expired", at)


def _failed(state: State, event: e.ReservationFailed, at: int) -> None:
    _end(state, event.reservation_id, "failed", at)


def _end(state: State, reservation_id: str, happened: str, at: int) -> None:
    reservation = _advance(state, reservation_id, happened)
    state.board.lift(reservation)
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
    e.BayRegistered: _registered,
    e.SensorRepaired: _repaired,
    e.OccupancyChanged: _occupancy,
    e.WeeklyOffered: _weekly,
    e.OnceOffered: _once,
    e.AutoOffered: _auto,
    e.ResidentLeft: _resident_left,
    e.ResidentReturned: _resident_returned,
    e.AutoWindowSet: _auto_window,
    e.OffersWithdrawn: _withdrawn,
    e.ReservationAccepted: _accepted,
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
