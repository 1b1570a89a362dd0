"""Requests that wait: tried again when a bay gets free, or placed together at the end of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.promise import Ask, promise, wanted
from allocator.domain import events as e
from allocator.matching.search import Found

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.events import Event
    from allocator.domain.interval import Interval
    from allocator.domain.model import Reservation


def try_again(state: State, held: Reservation, now: int) -> list[Event]:
    """Return the promise to one who waits, or the end of the wait when its time is over."""
    ask = Ask.of_waiting(held, now)
    if not state.vehicle_taken(ask.vehicle_id, ask.stay):
        want = wanted(state, ask, now)
        found = state.settings.policy.place(state.board, want, now)
        if found.bay is not None:
            return promise(state, ask, want.held, found, found.bay, now)
    return _over(held, "wait_over") if now >= (held.wait_until or 0) else []


def place_batch(state: State, now: int) -> list[Event]:
    """Return the promises that the policy makes to all who wait, and the refusal of those who wait no longer."""
    line = state.waiting.line()
    asks = _of_free_vehicles(state, line, now)
    wants = [wanted(state, ask, now) for ask in asks]
    bays = state.settings.policy.place_together(state.board, wants, now)
    all_placed = zip(asks, wants, bays, strict=True)
    placed = {ask.reservation_id: (ask, want, bay) for ask, want, bay in all_placed if bay is not None}
    happened: list[Event] = []
    for held in line:
        if held.reservation_id in placed:
            ask, want, bay = placed[held.reservation_id]
            happened += promise(state, ask, want.held, _found(state, ask, bay), bay, now)
        elif now >= (held.wait_until or 0):
            happened += _over(held, "no_bay")
    return happened


def _of_free_vehicles(state: State, line: list[Reservation], now: int) -> list[Ask]:
    """Return what is asked for, without what would have a vehicle in two places at once (rule S2)."""
    asks: list[Ask] = []
    stays: dict[str, list[Interval]] = {}
    for held in line:
        ask = Ask.of_waiting(held, now)
        theirs = stays.setdefault(ask.vehicle_id, [])
        if not state.vehicle_taken(ask.vehicle_id, ask.stay) and not any(map(ask.stay.overlaps, theirs)):
            theirs.append(ask.stay)
            asks.append(ask)
    return asks


def _found(state: State, ask: Ask, bay: str) -> Found:
    walk_m = state.board.walk_m(state.board.number[bay], ask.lat, ask.lon)
    candidates = len(state.board.near(ask.lat, ask.lon, ask.max_walk_m))
    why = e.Explanation(policy=state.settings.policy.name, candidates=candidates, walk_m=walk_m)
    return Found(bay, walk_m, (), why)


def _over(held: Reservation, reason: str) -> list[Event]:
    return [
        e.RequestRejected(
            request_id=held.request_id,
            driver=held.driver,
            zone=held.zone,
            reason=reason,
            reservation_id=held.reservation_id,
        )
    ]
