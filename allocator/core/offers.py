"""Offers of residents, and the register that operators keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.points import settle
from allocator.domain import events as e
from allocator.domain.interval import SLOT_MS, Interval, inward
from allocator.domain.windows import check_rrule

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.commands import (
        OfferAuto,
        OfferOnce,
        OfferWeekly,
        OperateBay,
        RefuseOffer,
        RegisterBays,
        WithdrawOffer,
    )
    from allocator.domain.events import Event
    from allocator.domain.model import Offer

OFFERS_PER_BAY_MAX = 50


def offer_weekly(state: State, asked: OfferWeekly, now: int) -> list[Event]:
    """Return the new offer, or the refusal."""
    reason = not_theirs(state, asked.resident, asked.bay) or too_many(state, asked.bay, now)
    reason = reason or check_rrule(asked.rrule)
    if reason is not None:
        return [rejected(asked, reason)]
    return [
        e.WeeklyOffered(
            offer_id=f"o-{state.offered + 1}",
            bay=asked.bay,
            resident=asked.resident,
            request_id=asked.request_id,
            rrule=asked.rrule,
            start=asked.start,
            end=asked.end,
            except_dates=asked.except_dates,
        )
    ]


def offer_once(state: State, asked: OfferOnce, now: int) -> list[Event]:
    """Return the new offer, or the refusal."""
    window = inward(Interval(asked.from_at, asked.until))
    reason = not_theirs(state, asked.resident, asked.bay) or too_many(state, asked.bay, now)
    if reason is None and window.until - window.from_at < SLOT_MS:
        reason = "window_empty"
    if reason is None and window.until <= now:
        reason = "window_past"
    if reason is not None:
        return [rejected(asked, reason)]
    return [
        e.OnceOffered(
            offer_id=f"o-{state.offered + 1}",
            bay=asked.bay,
            resident=asked.resident,
            request_id=asked.request_id,
            from_at=asked.from_at,
            until=asked.until,
        )
    ]


def withdraw(state: State, asked: WithdrawOffer, now: int) -> list[Event]:
    """Return the end of an offer, or of every offer of the bay."""
    reason = not_theirs(state, asked.resident, asked.bay)
    if reason is not None:
        return [rejected(asked, reason)]
    ended = tuple(
        offer.offer_id for offer in state.offers_of[asked.bay] if not offer.over(now) and _is_meant(offer, asked)
    )
    if not ended:
        return [rejected(asked, "no_offer")]
    return [e.OffersWithdrawn(bay=asked.bay, resident=asked.resident, request_id=asked.request_id, offer_ids=ended)]


def _is_meant(offer: Offer, asked: WithdrawOffer) -> bool:
    """Tell whether an offer is to be withdrawn; a recall, which takes away, only where it is named."""
    return offer.kind != "recall" if asked.offer_id is None else offer.offer_id == asked.offer_id


def refuse(_state: State, asked: RefuseOffer, _now: int) -> list[Event]:
    """Return the refusal of what this version does not do."""
    return [rejected(asked, asked.reason)]


def not_theirs(state: State, resident: str, bay: str) -> str | None:
    """Return why this resident has no say over the bay, or None."""
    number = state.board.number.get(bay)
    if number is None or state.board.bays[number].retired:
        return "bay_unknown"
    if state.board.bays[number].spec.resident != resident:
        return "bay_of_another"
    return None


def too_many(state: State, bay: str, now: int) -> str | None:
    """Return why the bay takes no further offer, or None."""
    current = [offer for offer in state.offers_of[bay] if not offer.over(now)]
    return "too_many_offers" if len(current) >= OFFERS_PER_BAY_MAX else None


def rejected(asked: OfferWeekly | OfferOnce | OfferAuto | WithdrawOffer | RefuseOffer, reason: str) -> e.OfferRejected:
    """Return the refusal of what a resident asked."""
    return e.OfferRejected(resident=asked.resident, request_id=asked.request_id, bay=asked.bay, reason=reason)


def register(state: State, asked: RegisterBays, now: int) -> list[Event]:
    """Return an event a bay, the last with the command's request_id, and the points of residents who end here."""
    if not all(state.settings.knows(spec.tariff) for spec in asked.specs):
        return [e.OperatorCommandRefused(request_id=asked.request_id, operator=asked.operator, reason="tariff_unknown")]
    last = len(asked.specs) - 1
    happened: list[Event] = []
    for at, spec in enumerate(asked.specs):
        number = state.board.number.get(spec.bay)
        if number is not None and state.board.bays[number].spec.resident != spec.resident:
            happened += settle(state, spec.bay, now)
        request_id = asked.request_id if at == last else None
        happened.append(e.BayRegistered(spec=spec, operator=asked.operator, request_id=request_id))
    return happened


def operate(state: State, asked: OperateBay, now: int) -> list[Event]:
    """Return what an operator does to a bay; drivers who were promised it are then looked after."""
    number = state.board.number.get(asked.bay)
    if number is None or state.board.bays[number].retired:
        return [e.OperatorCommandRefused(request_id=asked.request_id, operator=asked.operator, reason="bay_unknown")]
    done = _OPERATIONS[asked.type](bay=asked.bay, operator=asked.operator, request_id=asked.request_id)
    if asked.type == "repaired" and state.board.bays[number].contested is not None:
        return [done, e.BayCleared(bay=asked.bay)]
    return [*settle(state, asked.bay, now), done] if asked.type in ("retire", "close") else [done]


_OPERATIONS: dict[str, type[e.BayRetired | e.BayClosed | e.BayOpened | e.SensorRepaired]] = {
    "retire": e.BayRetired,
    "close": e.BayClosed,
    "open": e.BayOpened,
    "repaired": e.SensorRepaired,
}
