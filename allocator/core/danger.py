"""Is a promise in danger? What makes a bay useless for good, for now, or at the start of the stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.domain.interval import SLOT_MS, Interval, slot_floor
from allocator.domain.lifecycle import Occupancy, ReservationStatus
from allocator.matching.filters import BIND_LEAD_MS

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.model import Bay, Reservation

LOOKS_MS = (BIND_LEAD_MS, SLOT_MS, 0)
"""How long before its start a bound reservation's bay is looked at."""


def unusable(state: State, reservation: Reservation, now: int) -> str | None:
    """Return why the bay cannot be used at all for what it is promised for, or None."""
    bay = state.board.bay(reservation.bay or "")
    if bay.retired or bay.closed:
        return "closed"
    if state.recalled(bay.spec.bay, Interval(reservation.from_at, reservation.until)):
        return "recalled"
    return "occupied" if _taken_back(state, bay, reservation, now) else None


def _taken_back(state: State, bay: Bay, reservation: Reservation, now: int) -> bool:
    """Tell whether the resident came back to a bay with an `auto` offer, and no other offer covers what is to come."""
    resident = bay.spec.resident
    offers = (offer for offer in state.offers_of[bay.spec.bay] if offer.resident == resident)
    auto = any(offer.kind == "auto" and not offer.withdrawn for offer in offers)
    if not auto or bay.away_since is not None:
        return False
    calendars = state.board.calendars
    to_come = calendars.mask(Interval(max(reservation.held_from, slot_floor(now)), reservation.held_until))
    return to_come != 0 and not calendars.offered(state.board.number[bay.spec.bay], to_come)


def blocked(state: State, reservation: Reservation, now: int) -> str | None:
    """Return why a bound reservation cannot begin on its bay now, or None."""
    bay = state.board.bay(reservation.bay or "")
    reason = unusable(state, reservation, now)
    if reason is not None or bay.occupancy is not Occupancy.OCCUPIED:
        return reason
    return "contested" if _guest(state, bay, reservation) is None else "overstay"


def danger(state: State, reservation: Reservation, now: int) -> str | None:
    """Return why a stay that has not begun may find no bay, or None.

    What only holds for now (a stranger, a guest who stays too long, a sensor that says nothing) counts for a bound
    reservation that starts soon; a stranger who may still leave in time counts from five minutes before.
    """
    if reservation.status not in (ReservationStatus.ACCEPTED, ReservationStatus.BOUND):
        return None
    reason = unusable(state, reservation, now)
    starts_in = reservation.from_at - now
    if reason is not None or reservation.status is ReservationStatus.ACCEPTED or not 0 < starts_in <= BIND_LEAD_MS:
        return reason
    bay = state.board.bay(reservation.bay or "")
    if bay.contested is not None:
        return "contested"
    if bay.occupancy is Occupancy.OCCUPIED:
        guest = _guest(state, bay, reservation)
        if guest is None and starts_in <= SLOT_MS:
            return "contested"
        if guest is not None and guest.until <= now:
            return "overstay"
    return "sensor_lost" if bay.lost is not None and not state.quiet(now) else None


def _guest(state: State, bay: Bay, besides: Reservation) -> Reservation | None:
    """Return another one's guest who stands in the bay."""
    others = state.board.on_bay[state.board.number[bay.spec.bay]].values()
    active = (other for other in others if other.status is ReservationStatus.ACTIVE and other is not besides)
    return next(active, None)
