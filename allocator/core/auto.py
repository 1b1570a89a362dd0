"""`auto` offers: the bay opens when the sensor sees the resident leave, for as long as a return is unlikely."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.offers import not_theirs, rejected, too_many
from allocator.domain import events as e
from allocator.domain.absence import HABIT_MS
from allocator.domain.interval import MINUTE_MS, slot_ceil, slot_floor
from allocator.domain.lifecycle import Occupancy, ReservationStatus

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.commands import OfferAuto
    from allocator.domain.events import Event
    from allocator.domain.model import Bay, Offer

WINDOW_LEAST_MS = 30 * MINUTE_MS
GROWTH_LEAST_MS = 15 * MINUTE_MS
GROWTH_PARTS = 2
"""A window is set again when it grows by a half of what is left of it: of all possible steps, those worth an event."""


def offer_auto(state: State, asked: OfferAuto, now: int) -> list[Event]:
    """Return the new offer, which takes the place of the one before; or its end; or the refusal."""
    reason = not_theirs(state, asked.resident, asked.bay)
    if reason is not None:
        return [rejected(asked, reason)]
    bay = state.board.bay(asked.bay)
    before = _offer_of(state, bay)
    who = {"bay": asked.bay, "resident": asked.resident}
    if not asked.enabled:
        if before is None:
            return [rejected(asked, "no_offer")]
        return [e.OffersWithdrawn(**who, request_id=asked.request_id, offer_ids=(before.offer_id,))]
    reason = too_many(state, asked.bay, now) if before is None else None
    if reason is not None:
        return [rejected(asked, reason)]
    offer_id = f"o-{state.offered + 1}"
    happened: list[Event] = [
        e.AutoOffered(**who, offer_id=offer_id, request_id=asked.request_id, risk_permille=asked.risk_permille)
    ]
    if before is not None:
        happened.append(e.OffersWithdrawn(**who, request_id=None, offer_ids=(before.offer_id,)))
    if bay.away_since is not None and _free(bay):
        happened += _open(state, bay, offer_id, asked.risk_permille, bay.away_since, now)
    return happened


def left(state: State, bay: Bay, at: int, now: int) -> list[Event]:
    """A car drove off: the resident's, unless a guest's stay is going on; the bay opens."""
    offer = _offer_of(state, bay)
    if offer is None or bay.away_since is not None or bay.occupancy is not Occupancy.OCCUPIED:
        return []
    if bay.lost is not None or _guest(state, bay):
        return []  # whoever left while nobody looked is not known, nor when
    happened: list[Event] = [e.ResidentLeft(bay=bay.spec.bay, at=at)]
    return happened + _open(state, bay, offer.offer_id, offer.risk_permille or 0, at, now)


def look(state: State, name: str, now: int) -> list[Event]:
    """The resident is still away: a return soon is less likely than it was, so the window may grow."""
    bay = state.board.bay(name)
    offer = _offer_of(state, bay)
    if offer is None or bay.away_since is None:
        return []
    if bay.contested is not None and not _guest(state, bay):
        return returned(state, bay, now, now)  # a driver found a car that the sensor had taken for his
    if not _free(bay):
        return []
    if offer.until is None or offer.from_at is None or offer.until <= now:
        return _open(state, bay, offer.offer_id, offer.risk_permille or 0, bay.away_since, now)
    until = _until(state, bay, offer.risk_permille or 0, bay.away_since, now)
    if until < offer.until + max(GROWTH_LEAST_MS, (offer.until - now) // GROWTH_PARTS):
        return []
    return [e.AutoWindowSet(bay=name, offer_id=offer.offer_id, from_at=offer.from_at, until=until)]


def returned(state: State, bay: Bay, at: int, now: int) -> list[Event]:
    """Return that the resident is back; the window closes, and who has booked it is moved by `move`."""
    left_at = bay.away_since or at
    away_ms = max(at - left_at, 0)
    settings = state.settings
    happened: list[Event] = [
        e.ResidentReturned(
            bay=bay.spec.bay,
            at=left_at + away_ms,
            hazard_permille=settings.absence.expected_permille(left_at, away_ms, settings.timezone),
            within_habit=away_ms <= HABIT_MS,
        )
    ]
    offer = _offer_of(state, bay)
    if offer is not None and offer.from_at is not None and offer.until != offer.from_at:
        shut = slot_ceil(now)
        happened.append(e.AutoWindowSet(bay=bay.spec.bay, offer_id=offer.offer_id, from_at=shut, until=shut))
    return happened


def _open(state: State, bay: Bay, offer_id: str, risk_permille: int, left_at: int, now: int) -> list[Event]:
    """Return a window that begins now, if it is worth opening."""
    from_at = slot_ceil(now)
    until = _until(state, bay, risk_permille, left_at, now)
    if until < from_at + WINDOW_LEAST_MS:
        return []
    return [e.AutoWindowSet(bay=bay.spec.bay, offer_id=offer_id, from_at=from_at, until=until)]


def _until(state: State, bay: Bay, risk_permille: int, left_at: int, now: int) -> int:
    absence = state.settings.absence
    pace = absence.pace(bay.absences, bay.hazard_permille)
    until = absence.away_until(left_at, now, risk_permille=risk_permille, pace=pace, timezone=state.settings.timezone)
    return slot_floor(until)


def _offer_of(state: State, bay: Bay) -> Offer | None:
    """Return the resident's `auto` offer, if there is one."""
    current = (offer for offer in state.offers_of[bay.spec.bay] if offer.kind == "auto" and not offer.withdrawn)
    return next((offer for offer in current if offer.resident == bay.spec.resident), None)


def _free(bay: Bay) -> bool:
    return bay.occupancy is Occupancy.FREE and bay.lost is None and bay.contested is None


def _guest(state: State, bay: Bay) -> bool:
    holders = state.board.on_bay[state.board.number[bay.spec.bay]].values()
    return any(held.status is ReservationStatus.ACTIVE for held in holders)
