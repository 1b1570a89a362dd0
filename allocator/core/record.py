"""Numbering: an event gets its position, its zone and its number in the zone, and is folded at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.evolve import evolve
from allocator.domain import events as e

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.events import Event

_BAY_FIELDS = ("bay", "from_bay", "to_bay")


def record(state: State, event: Event, now: int) -> e.Recorded:
    """Number an event, fold it, and return it as it is stored."""
    zone = zone_of(state, event) if event.published else None
    event_no = state.event_nos[zone] + 1 if zone is not None else None
    recorded = e.Recorded(state.position + 1, now, zone, event_no, event)
    evolve(state, recorded)
    return recorded


def zone_of(state: State, event: Event) -> str | None:
    """Return the zone that publishes an event: its own field, else its bay's, else its reservation's."""
    if isinstance(event, e.BayRegistered):
        return event.spec.zone
    if hasattr(event, "zone"):
        return event.zone  # type: ignore[no-any-return]
    for field in _BAY_FIELDS:
        number = state.board.number.get(getattr(event, field, ""))
        if number is not None:
            return state.board.bays[number].spec.zone
    reservation = state.reservations.get(getattr(event, "reservation_id", ""))
    return reservation.zone if reservation is not None else None
