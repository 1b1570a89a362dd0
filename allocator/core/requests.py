"""A driver's request, and what a driver says of a reservation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocator.core.danger import blocked
from allocator.core.extension import held_until, room
from allocator.core.promise import Ask, promise, wanted
from allocator.core.recall import arrived
from allocator.core.relocate import relocate_or_fail
from allocator.domain import events as e
from allocator.domain.interval import MINUTE_MS, Interval, next_multiple
from allocator.domain.lifecycle import ReservationStatus
from allocator.domain.money import bill, extended_won
from allocator.matching.calendars import HORIZON_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core.state import State
    from allocator.domain.commands import DriverCommand, ReleaseReservation, RequestBay
    from allocator.domain.events import Event
    from allocator.domain.model import Reservation
    from allocator.matching.filters import Wanted

PAST_TOLERANCE_MS = 5 * MINUTE_MS


def request(state: State, asked: RequestBay, now: int) -> list[Event]:
    """Return the promise, a place in the waiting line, or the refusal with its reason."""
    policy = state.settings.policy
    nearest = state.board.nearest(asked.lat, asked.lon, asked.max_walk_m)
    zone = nearest.spec.zone if nearest is not None else None
    stay = Interval(asked.arrive_at, asked.arrive_at + asked.stay_ms)
    reason = _breaks_a_rule(state, asked, stay, now)
    if reason is not None or zone is None:
        return [_rejected(asked, zone, reason or "no_bay")]
    ask = Ask.of_request(state, asked, zone, stay)
    want = wanted(state, ask, now)
    if policy.batch_ms is not None:
        return _wait(state, asked, ask, want, next_multiple(now, policy.batch_ms), None, now)
    found = policy.place(state.board, want, now)
    if found.bay is None:
        return _wait(state, asked, ask, want, now, found.explanation, now)
    return promise(state, ask, want.held, found, found.bay, now)


def _wait(
    state: State,
    asked: RequestBay,
    ask: Ask,
    want: Wanted,
    at_least: int,
    explanation: e.Explanation | None,
    now: int,
) -> list[Event]:
    """Return the place in the line: for as long as the driver would wait, and until `at_least`, the batch's end."""
    wait_until = min(max(asked.wait_until or now, at_least), now + HORIZON_MS)
    if wait_until <= now or state.waiting.count >= state.settings.waiting_max:
        return [_rejected(asked, ask.zone, _why_none(state, want), explanation)]
    waits: dict[str, Any] = {"wait_until": wait_until, "max_price_won": ask.max_price_won}
    return [e.RequestWaitlisted(**ask.fields(want.held), **waits, explanation=explanation)]


def _rejected(
    asked: RequestBay, zone: str | None, reason: str, explanation: e.Explanation | None = None
) -> e.RequestRejected:
    return e.RequestRejected(
        request_id=asked.request_id, driver=asked.driver, zone=zone, reason=reason, explanation=explanation
    )


def _why_none(state: State, want: Wanted) -> str:
    near = state.board.near(want.lat, want.lon, want.max_walk_m) if want.tariffs is not None else []
    dear = [state.board.bays[number].spec.tariff not in (want.tariffs or ()) for _, number in near]
    return "too_dear" if dear and all(dear) else "no_bay"


def _breaks_a_rule(state: State, asked: RequestBay, stay: Interval, now: int) -> str | None:
    if asked.arrive_at < now - PAST_TOLERANCE_MS:
        return "arrives_in_past"
    if stay.until > now + HORIZON_MS:
        return "beyond_horizon"
    return "vehicle_has_reservation" if state.vehicle_taken(asked.vehicle_id, stay) else None


def driver_command(state: State, said: DriverCommand, now: int) -> list[Event]:
    """Return what follows from a driver's cancel, extend, arrive or leave; a query changes nothing."""
    reservation = state.reservations.get(said.reservation_id)
    if reservation is None or reservation.driver != said.driver:
        return [_refused(said, "no_live_reservation", None)]
    if said.type == "query":
        return []
    return _COMMANDS[said.type](state, said, reservation, now)


def _cancel(_state: State, said: DriverCommand, reservation: Reservation, _now: int) -> list[Event]:
    if reservation.status is ReservationStatus.ACTIVE:
        return [_refused(said, "already_active", reservation)]
    return [e.ReservationCancelled(reservation_id=reservation.reservation_id, request_id=said.request_id)]


def _arrive(state: State, said: DriverCommand, reservation: Reservation, now: int) -> list[Event]:
    if reservation.status is ReservationStatus.ACTIVE and not said.blocked:
        return [_refused(said, "already_active", reservation)]
    if reservation.status is ReservationStatus.ACCEPTED or reservation.bay is None:
        return [_refused(said, "not_bound", reservation)]
    if now < reservation.from_at - state.settings.early_ms:
        return [_refused(said, "too_early", reservation)]
    reason = blocked(state, reservation, now)
    before_recall = reason == "recalled" and not state.recalled(reservation.bay, Interval(now, now + 1))
    if not said.blocked and (reason is None or before_recall):
        return arrived(state, reservation, now, "driver", now, said.request_id)
    happened: list[Event] = []
    if reason in (None, "contested") and state.board.bay(reservation.bay).contested is None:
        contested = e.BayContested(
            bay=reservation.bay, reason=reason or "blocked", reservation_id=reservation.reservation_id
        )
        happened.append(contested)
    return happened + relocate_or_fail(state, reservation, reason or "contested", now, said.request_id)


def _leave(state: State, said: DriverCommand, reservation: Reservation, now: int) -> list[Event]:
    if reservation.status is not ReservationStatus.ACTIVE:
        return [_refused(said, "not_active", reservation)]
    return [completed(state, reservation, now, "driver", said.request_id)]


def _extend(state: State, said: DriverCommand, reservation: Reservation, now: int) -> list[Event]:
    if reservation.status is not ReservationStatus.ACTIVE:
        return [_refused(said, "not_active", reservation)]
    until = reservation.until + said.extend_ms
    moves = room(state, reservation, until, now)
    if isinstance(moves, str):
        return [_refused(said, moves, reservation)]
    tariff = state.settings.tariff_of(state.board.bay(reservation.bay or "").spec)
    stay_ms, longer_ms = reservation.until - reservation.from_at, until - reservation.from_at
    extended = e.ReservationExtended(
        reservation_id=reservation.reservation_id,
        request_id=said.request_id,
        until=until,
        held_until=held_until(state, reservation, until),
        quote_won=extended_won(tariff, reservation.quote_won, stay_ms, longer_ms),
    )
    return [e.Replanned(moves=moves), extended] if moves else [extended]


def completed(
    state: State, reservation: Reservation, at: int, source: str, request_id: str | None = None
) -> e.ReservationCompleted:
    """Return the end of a stay, with what the driver pays and what the resident gets."""
    spec = state.board.bay(reservation.bay or "").spec
    due = bill(
        state.settings.tariff_of(spec),
        began=reservation.activated_at or reservation.from_at,
        until=reservation.until,
        at=at,
        quote_won=reservation.quote_won,
        notice_ms=state.settings.overstay_notice_ms,
        free=reservation.violation,
        resident=spec.resident is not None,
    )
    return e.ReservationCompleted(
        reservation_id=reservation.reservation_id,
        bay=spec.bay,
        at=at,
        source=source,
        price_won=due.price_won,
        resident_won=due.resident_won,
        request_id=request_id,
        surcharge_won=due.surcharge_won,
        millipoints=due.millipoints,
    )


def release(state: State, said: ReleaseReservation) -> list[Event]:
    """Return the end of a reservation on an operator's word."""
    reservation = state.reservations.get(said.reservation_id)
    if reservation is None or reservation.status is ReservationStatus.ACTIVE:
        return [
            e.OperatorCommandRefused(
                request_id=said.request_id, operator=said.operator, reason="no_reservation_to_release"
            )
        ]
    return [
        e.ReservationCancelled(reservation_id=said.reservation_id, request_id=said.request_id, operator=said.operator)
    ]


def _refused(said: DriverCommand, reason: str, reservation: Reservation | None) -> e.DriverCommandRefused:
    return e.DriverCommandRefused(
        request_id=said.request_id,
        driver=said.driver,
        type=said.type,
        reason=reason,
        zone=reservation.zone if reservation is not None else None,
        reservation_id=said.reservation_id,
    )


_COMMANDS: dict[str, Callable[[State, DriverCommand, Reservation, int], list[Event]]] = {
    "cancel": _cancel,
    "arrive": _arrive,
    "leave": _leave,
    "extend": _extend,
}
