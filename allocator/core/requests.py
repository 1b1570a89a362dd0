"""A driver's request, and what a driver says of a reservation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.relocate import blocked, relocate_or_fail
from allocator.domain import events as e
from allocator.domain.interval import MINUTE_MS, Interval, outward
from allocator.domain.lifecycle import LIVE, ReservationStatus
from allocator.domain.money import bill, extended_won
from allocator.matching.calendars import HORIZON_MS
from allocator.matching.search import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core.state import Settings, State
    from allocator.domain.commands import DriverCommand, ReleaseReservation, RequestBay
    from allocator.domain.events import Event
    from allocator.domain.model import Reservation
    from allocator.domain.money import Tariff
    from allocator.matching.search import Found

PAST_TOLERANCE_MS = 5 * MINUTE_MS


def request(state: State, asked: RequestBay, now: int) -> list[Event]:
    """Return the promise, or the refusal with its reason."""
    settings = state.settings
    nearest = state.board.nearest(asked.lat, asked.lon)
    zone = nearest.spec.zone if nearest is not None else None
    stay = Interval(asked.arrive_at, asked.arrive_at + asked.stay_ms)
    reason = _breaks_a_rule(state, asked, stay, now)
    if reason is not None:
        return [e.RequestRejected(request_id=asked.request_id, driver=asked.driver, zone=zone, reason=reason)]
    held = outward(Interval(max(stay.from_at, now - now % MINUTE_MS), stay.until))
    wanted = Wanted(
        lat=asked.lat,
        lon=asked.lon,
        held=Interval(held.from_at, held.until + settings.buffer_ms),
        max_walk_m=asked.max_walk_m,
        needs=asked.needs,
        tariffs=affordable(settings, asked.stay_ms, asked.max_price_won),
    )
    found = settings.policy.place(state.board, wanted, now)
    if found.bay is None or zone is None:
        return [
            e.RequestRejected(
                request_id=asked.request_id,
                driver=asked.driver,
                zone=zone,
                reason=_why_none(state, wanted),
                explanation=found.explanation,
            )
        ]
    return _promise(state, asked, wanted, found, found.bay, zone, now)


def _promise(
    state: State, asked: RequestBay, wanted: Wanted, found: Found, bay: str, zone: str, now: int
) -> list[Event]:
    tariff = state.settings.tariff_of(state.board.bay(bay).spec)
    reservation_id = f"r-{state.accepted + 1}"
    happened: list[Event] = [e.Replanned(moves=found.moves)] if found.moves else []
    happened.append(
        e.ReservationAccepted(
            reservation_id=reservation_id,
            request_id=asked.request_id,
            driver=asked.driver,
            vehicle_id=asked.vehicle_id,
            zone=zone,
            lat=asked.lat,
            lon=asked.lon,
            from_at=asked.arrive_at,
            until=asked.arrive_at + asked.stay_ms,
            held_from=wanted.held.from_at,
            held_until=wanted.held.until,
            max_walk_m=asked.max_walk_m,
            needs=asked.needs,
            quote_won=tariff.price_won(asked.stay_ms),
            bay=bay,
            walk_m=found.walk_m,
            explanation=found.explanation,
        )
    )
    lead_ms = state.settings.policy.bind_lead_ms
    if lead_ms is None or asked.arrive_at <= now + lead_ms:
        happened.append(e.ReservationBound(reservation_id=reservation_id, bay=bay, walk_m=found.walk_m))
    return happened


def affordable(settings: Settings, stay_ms: int, max_price_won: int | None) -> frozenset[str | None] | None:
    """Return the tariffs, as bays name them, at which a stay costs no more; None: any."""
    if max_price_won is None:
        return None
    known: list[tuple[str | None, Tariff]] = [(None, settings.tariff), *settings.tariffs.items()]
    return frozenset(name for name, tariff in known if tariff.price_won(stay_ms) <= max_price_won)


def _why_none(state: State, wanted: Wanted) -> str:
    near = state.board.near(wanted.lat, wanted.lon, wanted.max_walk_m) if wanted.tariffs is not None else []
    dear = [state.board.bays[number].spec.tariff not in (wanted.tariffs or ()) for _, number in near]
    return "too_dear" if dear and all(dear) else "no_bay"


def _breaks_a_rule(state: State, asked: RequestBay, stay: Interval, now: int) -> str | None:
    if asked.arrive_at < now - PAST_TOLERANCE_MS:
        return "arrives_in_past"
    if stay.until > now + HORIZON_MS:
        return "beyond_horizon"
    others = state.of_vehicle.get(asked.vehicle_id, {}).values()
    if any(stay.overlaps(Interval(other.from_at, other.until)) for other in others):
        return "vehicle_has_reservation"
    return None


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
    bay = state.board.bay(reservation.bay)
    reason = blocked(state, bay, reservation)
    if not said.blocked and reason is None:
        activated = e.ReservationActivated(
            reservation_id=reservation.reservation_id,
            bay=reservation.bay,
            at=now,
            source="driver",
            request_id=said.request_id,
        )
        return [activated]
    happened: list[Event] = []
    if bay.contested is None:
        contested = e.BayContested(
            bay=reservation.bay, reason=reason or "blocked", reservation_id=reservation.reservation_id
        )
        happened.append(contested)
    return happened + relocate_or_fail(state, reservation, reason or "contested", now, said.request_id)


def _leave(state: State, said: DriverCommand, reservation: Reservation, now: int) -> list[Event]:
    if reservation.status is not ReservationStatus.ACTIVE:
        return [_refused(said, "not_active", reservation)]
    return [completed(state, reservation, now, "driver", said.request_id)]


def _extend(state: State, said: DriverCommand, reservation: Reservation, _now: int) -> list[Event]:
    if reservation.status is not ReservationStatus.ACTIVE or reservation.bay is None:
        return [_refused(said, "not_active", reservation)]
    until = reservation.until + said.extend_ms
    held_until = outward(Interval(reservation.from_at, until)).until + state.settings.buffer_ms
    calendars, number = state.board.calendars, state.board.number[reservation.bay]
    more = calendars.mask(Interval(reservation.held_until, held_until))
    longer = Interval(reservation.from_at, until)
    others = state.of_vehicle[reservation.vehicle_id].values()
    if any(other is not reservation and longer.overlaps(Interval(other.from_at, other.until)) for other in others):
        return [_refused(said, "vehicle_has_reservation", reservation)]
    if not calendars.offered(number, more) or calendars.held(number, more):
        return [_refused(said, "bay_not_free", reservation)]
    return [
        e.ReservationExtended(
            reservation_id=reservation.reservation_id,
            request_id=said.request_id,
            until=until,
            held_until=held_until,
            quote_won=extended_won(
                state.settings.tariff_of(state.board.bay(reservation.bay).spec),
                reservation.quote_won,
                reservation.until - reservation.from_at,
                until - reservation.from_at,
            ),
        )
    ]


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
    if reservation is None or reservation.status not in LIVE - {ReservationStatus.ACTIVE}:
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
