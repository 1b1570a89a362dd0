"""The ledger: what events book, as double entries that sum to zero for each unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.domain import events as e
from allocator.store.base import LedgerEntry

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.events import Recorded

OPERATOR = "operator"


def entries(state: State, recorded: Recorded) -> list[LedgerEntry]:
    """Return what an event books, right after it was folded; what is left goes to, or comes from, the operator."""
    event, position = recorded.event, recorded.position
    if isinstance(event, e.PointsAwarded):
        return _balanced(position, "millipoints", {f"resident:{event.resident}": event.millipoints})
    if not isinstance(event, e.ReservationCompleted):
        return []
    driver = f"driver:{state.dirty.reservations[event.reservation_id].driver}"
    resident = f"resident:{state.board.bay(event.bay).spec.resident}"
    return [
        *_balanced(position, "won", {driver: -event.price_won, resident: event.resident_won}),
        *_balanced(position, "millipoints", {resident: event.millipoints}),
    ]


def _balanced(position: int, unit: str, amounts: dict[str, int]) -> list[LedgerEntry]:
    whole = {**amounts, OPERATOR: -sum(amounts.values())}
    return [LedgerEntry(position, account, amount, unit) for account, amount in whole.items() if amount]
