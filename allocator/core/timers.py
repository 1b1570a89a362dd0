"""What falls due by itself. A timer that applies no more decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core import auto
from allocator.core.danger import blocked, unusable
from allocator.core.hear import silent_at
from allocator.core.points import settle
from allocator.core.relocate import relocate_or_fail, replan, rescue
from allocator.core.requests import completed
from allocator.core.sensing import lose_gateway
from allocator.core.state import BATCH
from allocator.core.waiting import place_batch, try_again
from allocator.domain import events as e
from allocator.domain.commands import Timer
from allocator.domain.lifecycle import Occupancy, ReservationStatus
from allocator.matching.filters import unfit, wanted_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core.state import State
    from allocator.domain.events import Event
    from allocator.domain.model import Reservation


def fall_due(state: State, timer: Timer, key: str, now: int) -> list[Event]:
    """Return what a due timer decides."""
    if timer in _OF_RESERVATION:
        statuses, decide_it = _OF_RESERVATION[timer]
        reservation = state.reservations.get(key)
        return decide_it(state, reservation, now) if reservation is not None and reservation.status in statuses else []
    return _OF_OTHERS[timer](state, key, now)


def _tick(state: State, key: str, now: int) -> list[Event]:
    return place_batch(state, now) if key == BATCH else _improve(state, now)


def _improve(state: State, now: int) -> list[Event]:
    """Let the policy shorten walks: nobody is told, no promise changes."""
    moves = state.settings.policy.improve(state.board, now)
    return [e.Replanned(moves=moves)] if moves else []


def _bind(state: State, reservation: Reservation, now: int) -> list[Event]:
    """Fix the bay: the planned one, or a better one when that cannot be used."""
    if reservation.bay is None or now < reservation.from_at - (state.settings.policy.bind_lead_ms or 0):
        return []
    key = reservation.reservation_id
    if now >= reservation.until:
        return [e.ReservationFailed(reservation_id=key, reason="too_late")]
    walk_m = state.board.walk_m(state.board.number[reservation.bay], reservation.lat, reservation.lon)
    as_is: list[Event] = [e.ReservationBound(reservation_id=key, bay=reservation.bay, walk_m=walk_m)]
    if _ready(state, reservation, now) and walk_m <= reservation.max_walk_m:
        return as_is
    replanned = replan(state, reservation, now)
    if replanned:
        own = replanned[0].moves[-1]
        return [*replanned, e.ReservationBound(reservation_id=key, bay=own.to_bay, walk_m=own.walk_m)]
    reason = unusable(state, reservation, now)
    return as_is if reason is None else relocate_or_fail(state, reservation, reason, now)


def _ready(state: State, reservation: Reservation, now: int) -> bool:
    number = state.board.number[reservation.bay or ""]
    guest_until = int(state.board.traits.guest_until[number])
    fits = unfit(state.board.bays[number], wanted_by(reservation)._replace(exclude=None), now, guest_until) is None
    return fits and unusable(state, reservation, now) is None


def _check(state: State, reservation: Reservation, now: int) -> list[Event]:
    """The stay begins: is the bay as promised?"""
    reason = blocked(state, reservation, now)
    if reason is None:
        return []
    bay = state.board.bay(reservation.bay or "")
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


def _stuck(state: State, name: str, now: int) -> list[Event]:
    """A driver stands in the bay, or found a car in it, and the sensor still says free: it cannot be believed."""
    bay = state.board.bay(name)
    if bay.lost is not None or bay.occupancy is not Occupancy.FREE:
        return []
    unseen = (
        held
        for held in state.board.on_bay[state.board.number[name]].values()
        if held.status is ReservationStatus.ACTIVE
        and bay.observed_at < (held.activated_at or 0) <= now - state.settings.stuck_after_ms
    )
    if bay.contested != "blocked" and next(unseen, None) is None:
        return []
    return [e.SensorLost(bay=name, reason="stuck")]


def _silence(state: State, bay: str, now: int) -> list[Event]:
    number = state.board.number[bay]
    if now < silent_at(state, state.heard[number]) or state.board.bays[number].lost is not None:
        return []
    return [e.SensorLost(bay=bay, reason="silent")]


_S = ReservationStatus
_OF_RESERVATION: dict[Timer, tuple[set[ReservationStatus], Callable[[State, Reservation, int], list[Event]]]] = {
    Timer.WAIT: ({_S.WAITING}, try_again),
    Timer.BIND: ({_S.ACCEPTED}, _bind),
    Timer.RESCUE: ({_S.ACCEPTED, _S.BOUND}, rescue),
    Timer.CHECK: ({_S.BOUND}, _check),
    Timer.NO_SHOW: ({_S.BOUND}, _no_show),
    Timer.LEFT: ({_S.ACTIVE}, _left),
    Timer.END: ({_S.ACTIVE}, _end),
    Timer.SETTLE: ({_S.ACTIVE}, _settle),
}
"""Timers whose key is a reservation: the statuses in which they apply, and what decides."""
_OF_OTHERS: dict[Timer, Callable[[State, str, int], list[Event]]] = {
    Timer.TICK: _tick,
    Timer.GATEWAY: lose_gateway,
    Timer.SILENCE: _silence,
    Timer.STUCK: _stuck,
    Timer.POINTS: settle,
    Timer.AUTO: auto.look,
}
