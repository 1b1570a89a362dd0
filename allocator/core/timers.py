"""What falls due by itself. A timer that applies no more decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core import auto
from allocator.core.hear import silent_at
from allocator.core.relocate import blocked, relocate_or_fail
from allocator.core.requests import completed
from allocator.core.sensing import lose_gateway
from allocator.domain import events as e
from allocator.domain.commands import Timer
from allocator.domain.lifecycle import Occupancy, ReservationStatus
from allocator.matching.search import wanted_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core.state import State
    from allocator.domain.events import Event
    from allocator.domain.model import Bay, Reservation


def fall_due(state: State, timer: Timer, key: str, now: int) -> list[Event]:
    """Return what a due timer decides."""
    if timer in _OF_RESERVATION:
        status, decide_it = _OF_RESERVATION[timer]
        reservation = state.reservations.get(key)
        if reservation is None or reservation.status is not status:
            return []
        return decide_it(state, reservation, now)
    if timer is Timer.GATEWAY:
        return lose_gateway(state, key, now)
    if timer in _AUTO:
        return _AUTO[timer](state, key, now)
    if timer is Timer.SILENCE:
        return _silence(state, key, now)
    return []


def _bind(state: State, reservation: Reservation, now: int) -> list[Event]:
    """Fix the bay: the planned one, or a better one when that cannot be used."""
    if reservation.bay is None or now < reservation.from_at - (state.settings.policy.bind_lead_ms or 0):
        return []
    key = reservation.reservation_id
    if now >= reservation.until:
        return [e.ReservationFailed(reservation_id=key, reason="too_late")]
    walk_m = state.board.walk_m(state.board.number[reservation.bay], reservation.lat, reservation.lon)
    as_is: list[Event] = [e.ReservationBound(reservation_id=key, bay=reservation.bay, walk_m=walk_m)]
    if _ready(state.board.bay(reservation.bay), reservation) and walk_m <= reservation.max_walk_m:
        return as_is
    found = state.settings.policy.place(state.board, wanted_by(reservation), now)
    if found.bay is None:
        return as_is
    own = e.Move(reservation_id=key, from_bay=reservation.bay, to_bay=found.bay, walk_m=found.walk_m)
    return [
        e.Replanned(moves=(*found.moves, own)),
        e.ReservationBound(reservation_id=key, bay=found.bay, walk_m=found.walk_m),
    ]


def _ready(bay: Bay, reservation: Reservation) -> bool:
    free = bay.occupancy is Occupancy.FREE and bay.lost is None and bay.contested is None
    return free and not bay.closed and not bay.retired and set(reservation.needs) <= set(bay.spec.needs)


def _check(state: State, reservation: Reservation, now: int) -> list[Event]:
    """The stay begins: is the bay as promised?"""
    if reservation.bay is None or now < reservation.from_at:
        return []
    bay = state.board.bay(reservation.bay)
    reason = blocked(state, bay, reservation)
    if reason is None:
        return []
    happened: list[Event] = []
    if reason == "contested" and bay.contested is None:
        happened.append(e.BayContested(bay=bay.spec.bay, reason="stranger", reservation_id=reservation.reservation_id))
    return happened + relocate_or_fail(state, reservation, reason, now)


def _no_show(state: State, reservation: Reservation, now: int) -> list[Event]:
    if now < reservation.expected_by(state.settings.grace_ms):
        return []
    return [e.ReservationExpired(reservation_id=reservation.reservation_id, bay=reservation.bay or "")]


def _left(state: State, reservation: Reservation, now: int) -> list[Event]:
    """The bay has stayed free since the car left: the stay is over."""
    bay = state.board.bay(reservation.bay or "")
    if bay.occupancy is not Occupancy.FREE or now < bay.observed_at + state.settings.left_confirm_ms:
        return []
    if bay.observed_at < (reservation.activated_at or 0):
        return []
    return [completed(state, reservation, max(bay.observed_at, reservation.activated_at or 0), "sensor")]


def _end(state: State, reservation: Reservation, now: int) -> list[Event]:
    if now < reservation.until or reservation.warned_at is not None:
        return []
    left = _left(state, reservation, now + state.settings.left_confirm_ms)
    return left or [e.OverstayWarned(reservation_id=reservation.reservation_id)]


def _settle(state: State, reservation: Reservation, now: int) -> list[Event]:
    """The notice is over: without a car in sight the stay ended as agreed."""
    occupied = state.board.bay(reservation.bay or "").occupancy is Occupancy.OCCUPIED
    if occupied or now < reservation.until + state.settings.overstay_notice_ms:
        return []
    at = max(reservation.until, reservation.activated_at or 0)
    return [completed(state, reservation, at, "timer")]


def _silence(state: State, bay: str, now: int) -> list[Event]:
    number = state.board.number[bay]
    if now < silent_at(state, state.heard[number]) or state.board.bays[number].lost is not None:
        return []
    return [e.SensorLost(bay=bay, reason="silent")]


_AUTO: dict[Timer, Callable[[State, str, int], list[Event]]] = {Timer.AUTO: auto.look, Timer.MOVE: auto.move}
_OF_RESERVATION: dict[Timer, tuple[ReservationStatus, Callable[[State, Reservation, int], list[Event]]]] = {
    Timer.BIND: (ReservationStatus.ACCEPTED, _bind),
    Timer.CHECK: (ReservationStatus.BOUND, _check),
    Timer.NO_SHOW: (ReservationStatus.BOUND, _no_show),
    Timer.LEFT: (ReservationStatus.ACTIVE, _left),
    Timer.END: (ReservationStatus.ACTIVE, _end),
    Timer.SETTLE: (ReservationStatus.ACTIVE, _settle),
}
