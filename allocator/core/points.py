"""Points for the time that a bay was on offer, given once a week."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.state import KEPT_MS
from allocator.domain import events as e
from allocator.domain.interval import Interval
from allocator.domain.money import points
from allocator.domain.offered import auto_ms, offered_intervals, total_ms

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.events import Event


def settle(state: State, name: str, now: int) -> list[Event]:
    """Return the points for what was offered of a bay since the last time; none where it comes to nothing.

    A closed or retired bay was settled when it became so. Not more than KEPT_MS count: while no allocator ran, nobody
    could have taken the bay.
    """
    bay = state.board.bay(name)
    tariff = state.settings.tariff_of(bay.spec)
    if bay.spec.resident is None or bay.closed or bay.retired or not tariff.offered_millipoints:
        return []
    within = Interval(max(bay.settled_at or 0, now - KEPT_MS), now)
    offered_ms = _offered_ms(state, name, bay.spec.resident, within)
    millipoints = points(offered_ms, tariff.offered_millipoints)
    if not millipoints:
        return []
    return [
        e.PointsAwarded(
            bay=name,
            resident=bay.spec.resident,
            from_at=within.from_at,
            until=now,
            offered_ms=offered_ms,
            millipoints_per_hour=tariff.offered_millipoints,
            millipoints=millipoints,
        )
    ]


def _offered_ms(state: State, bay: str, resident: str, within: Interval) -> int:
    """Return for how long a resident offered the bay; where an `auto` window met another offer it counts once more."""
    offers = [offer for offer in state.offers_of[bay] if offer.resident == resident]
    auto = [offer for offer in offers if offer.kind == "auto" and not offer.past(within.from_at)]
    seen_leaving = sum(auto_ms(offer, within.until) for offer in auto)
    offered_ms = total_ms(offered_intervals(offers, state.settings.timezone, within)) + seen_leaving
    return min(offered_ms, within.until - within.from_at)
