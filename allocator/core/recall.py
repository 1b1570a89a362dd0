"""A resident comes home early: the rest of what was offered is taken back, and the guest asked to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core.buffers import buffer_ms
from allocator.core.offers import not_theirs
from allocator.domain import events as e
from allocator.domain.interval import DAY_MS, MINUTE_MS, Interval, outward, slot_ceil, slot_floor
from allocator.domain.lifecycle import ReservationStatus
from allocator.domain.money import pro_rata_won
from allocator.matching.filters import Wanted, unfit

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.commands import RecallBay
    from allocator.domain.events import Event
    from allocator.domain.model import Reservation

MEANWHILE_WALK_M = 500
MEANWHILE_MS = 30 * MINUTE_MS


def recall(state: State, asked: RecallBay, now: int) -> list[Event]:
    """Return the recall and what it means for the guest who stands in the bay, or the refusal.

    Whoever was promised the bay and is not there yet is looked after right after it.
    """
    home_at = max(asked.home_at or now, now)
    reason = not_theirs(state, asked.resident, asked.bay)
    span = _span(state, state.board.number[asked.bay], home_at) if reason is None else None
    if span is None:
        who = {"resident": asked.resident, "request_id": asked.request_id, "bay": asked.bay}
        return [e.OfferRejected(**who, reason=reason or "nothing_to_recall")]
    guest = _guest(state, asked.bay, home_at, now)
    leaves_at = _leaves_at(state, guest, home_at, now) if guest is not None else None
    nearby = [*_free_nearby(state, asked.bay, now), None, None] if guest is not None else [None, None]
    recalled = e.BayRecalled(
        offer_id=f"o-{state.offered + 1}",
        bay=asked.bay,
        resident=asked.resident,
        request_id=asked.request_id,
        from_at=span.from_at,
        until=span.until,
        free_at=leaves_at or max(span.from_at, now),
        meanwhile=nearby[0],
    )
    if guest is None or leaves_at is None or leaves_at >= guest.until:
        return [recalled]
    return [recalled, _sent_away(state, guest, leaves_at, nearby[1])]


def arrived(
    state: State, held: Reservation, at: int, source: str, now: int, request_id: str | None = None
) -> list[Event]:
    """Return the beginning of a stay; one that the resident's return will cut short is told so at once."""
    begun = e.ReservationActivated(
        reservation_id=held.reservation_id, bay=held.bay or "", at=at, source=source, request_id=request_id
    )
    recall_at = state.recalled_from(held.bay or "", Interval(held.from_at, held.until))
    if recall_at is None:
        return [begun]
    leaves_at = max(now + state.settings.recall_notice_ms, recall_at, held.from_at + MINUTE_MS)
    if leaves_at >= held.until:
        return [begun]
    nearby = [*_free_nearby(state, held.bay or "", now), None]
    return [begun, _sent_away(state, held, leaves_at, nearby[0])]


def _sent_away(state: State, guest: Reservation, leaves_at: int, meanwhile: str | None) -> e.GuestRecalled:
    return e.GuestRecalled(
        reservation_id=guest.reservation_id,
        bay=guest.bay or "",
        until=leaves_at,
        held_until=min(guest.held_until, slot_ceil(leaves_at) + buffer_ms(state)),
        quote_won=pro_rata_won(guest.quote_won, guest.until - guest.from_at, leaves_at - guest.from_at),
        meanwhile=meanwhile,
    )


def _span(state: State, number: int, home_at: int) -> Interval | None:
    """Return what is taken back: to the end of the window, or of what is booked outside any; at most a day."""
    from_at = slot_floor(home_at)
    if state.open_now(number, from_at):
        until = state.board.calendars.next_change(number, from_at) or from_at + DAY_MS
        return Interval(from_at, min(until, from_at + DAY_MS))
    day = Interval(from_at, from_at + DAY_MS)
    booked = [held.until for held in state.board.blockers(number, day) if held.until > home_at]
    return Interval(from_at, min(slot_ceil(max(booked)), day.until)) if booked else None


def _guest(state: State, bay: str, home_at: int, now: int) -> Reservation | None:
    """Return the guest who stands in the bay and may still be there when the resident comes, overstaying or not."""
    comes_soon = home_at < now + state.settings.recall_notice_ms
    for held in state.board.on_bay[state.board.number[bay]].values():
        if held.status is ReservationStatus.ACTIVE and (held.until > home_at or (held.until <= now and comes_soon)):
            return held
    return None


def _leaves_at(state: State, guest: Reservation, home_at: int, now: int) -> int:
    """Return when the guest has to be gone; one who overstays should be gone already, and is given the notice too.

    One who came early keeps a minute of the stay: none has no length.
    """
    deadline = max(now + state.settings.recall_notice_ms, home_at, guest.from_at + MINUTE_MS)
    return min(deadline, guest.until) if guest.until > now else deadline


def _free_nearby(state: State, name: str, now: int) -> list[str]:
    """Return the nearest two bays that are free for half an hour: one for the resident, one for the guest."""
    board, spec = state.board, state.board.bay(name).spec
    held = outward(Interval(now, now + MEANWHILE_MS))
    want = Wanted(lat=spec.lat, lon=spec.lon, held=held, max_walk_m=MEANWHILE_WALK_M, exclude=name)
    mask = board.calendars.mask(held)
    free: list[str] = []
    for _, number in board.near(want.lat, want.lon, want.max_walk_m):
        fits = unfit(board.bays[number], want, now) is None
        if fits and board.calendars.offered(number, mask) and not board.calendars.held(number, mask):
            free.append(board.bays[number].spec.bay)
        if len(free) == 2:  # noqa: PLR2004 - the docstring's two
            break
    return free
