"""Points for the time that a bay was on offer, given once a week."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.state import KEPT_MS
from allocator.domain import events as e
from allocator.domain.interval import Interval
from allocator.domain.money import points
from allocator.domain.offered import auto_ms, offered_intervals, total_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocator.core.state import State
    from allocator.domain.events import Event
    from allocator.domain.model import Offer


def settle(state: State, name: str, now: int) -> list[Event]:
    """Return the points for what was offered of a bay since the last time; none where it comes to nothing.

    A closed or retired bay was settled when it became so. Not more than KEPT_MS count: while no allocator ran, nobody
    could have taken the bay.
    """
    bay = state.board.bay(name)
    tariff = state.settings.tariff_of(bay.spec)
    if bay.spec.resident is None or bay.closed or bay.retired or not tariff.offered_millipoints:
        return []
    offers = [offer for offer in state.offers_of[name] if offer.resident == bay.spec.resident]
    begun = min((offer.offered_at for offer in offers), default=now)
    within = Interval(max(begun if bay.settled_at is None else bay.settled_at, now - KEPT_MS), now)
    offered_ms = _offered_ms(offers, state.settings.timezone, within)
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


def _offered_ms(offers: Sequence[Offer], timezone: str, within: Interval) -> int:
    """Return for how long offers opened their bay; where an `auto` window met another offer both count."""
    auto = [offer for offer in offers if offer.kind == "auto" and not offer.past(within.from_at)]
    seen_leaving = sum(auto_ms(offer, within.until) for offer in auto)
    offered_ms = total_ms(offered_intervals(offers, timezone, within)) + seen_leaving
    return min(offered_ms, within.until - within.from_at)
