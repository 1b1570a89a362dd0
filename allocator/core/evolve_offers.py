"""The fold of what concerns offers: each event changes the state in one small function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocator.core.state import LOOK_EVERY_MS
from allocator.domain import events as e
from allocator.domain.model import Bay, Offer
from allocator.domain.offered import auto_window_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core.state import State
    from allocator.domain.events import Event


def _enter(state: State, event: Any, at: int, **fields: Any) -> None:
    state.offered += 1
    who = {"offer_id": event.offer_id, "bay": event.bay, "resident": event.resident}
    state.enter_offer(Offer(**who, offered_at=at, **fields))


def _weekly(state: State, event: e.WeeklyOffered, at: int) -> None:
    times = {"rrule": event.rrule, "start": event.start, "end": event.end}
    _enter(state, event, at, kind="weekly", except_dates=event.except_dates, **times)


def _once(state: State, event: e.OnceOffered, at: int) -> None:
    _enter(state, event, at, kind="once", from_at=event.from_at, until=event.until)


def _recalled(state: State, event: e.BayRecalled, at: int) -> None:
    _enter(state, event, at, kind="recall", from_at=event.from_at, until=event.until)
    state.endanger(state.board.number[event.bay], at)


def _auto(state: State, event: e.AutoOffered, at: int) -> None:
    _enter(state, event, at, kind="auto", risk_permille=event.risk_permille)


def _withdrawn(state: State, event: e.OffersWithdrawn, at: int) -> None:
    for offer_id in event.offer_ids:
        offer = state.offers[offer_id]
        offer.withdrawn, offer.withdrawn_at = True, at
        state.enter_offer(offer)
    bay = state.board.bay(event.bay)
    if bay.away_since is not None and not any(_opens_itself(offer) for offer in state.offers_of[event.bay]):
        bay.away_since = None
        state.touch(bay)


def _opens_itself(offer: Offer) -> bool:
    return offer.kind == "auto" and not offer.withdrawn


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
    state.endanger(state.board.number[event.bay], at)


def _auto_window(state: State, event: e.AutoWindowSet, at: int) -> None:
    """Another beginning is another window: the time that passed in the one before has been offered."""
    offer = state.offers[event.offer_id]
    if offer.from_at is not None and offer.until is not None and event.from_at != offer.from_at:
        offer.offered_ms += max(min(at, offer.until) - offer.from_at, 0)
    offer.from_at, offer.until = event.from_at, event.until
    state.enter_offer(offer)


def _awarded(state: State, event: e.PointsAwarded, _at: int) -> None:
    settled(state, state.board.bay(event.bay), event.until)


def settled(state: State, bay: Bay, at: int) -> None:
    """What was on offer until now is dealt with: of an `auto` offer's present window only the rest is to come."""
    bay.settled_at = at
    state.touch(bay)
    for offer in state.offers_of[bay.spec.bay]:
        if _opens_itself(offer):
            offer.offered_ms = -auto_window_ms(offer, at)
            state.dirty.offers[offer.offer_id] = offer


OFFER_HANDLERS: dict[type[Event], Callable[[State, Any, int], None]] = {
    e.PointsAwarded: _awarded,
    e.WeeklyOffered: _weekly,
    e.OnceOffered: _once,
    e.AutoOffered: _auto,
    e.ResidentLeft: _resident_left,
    e.ResidentReturned: _resident_returned,
    e.AutoWindowSet: _auto_window,
    e.OffersWithdrawn: _withdrawn,
    e.BayRecalled: _recalled,
}
