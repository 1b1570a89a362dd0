"""The one state: a fold of the events, and beside it what is only heard (no event) and what is derived."""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from allocator.core.hear import Heard, Window
from allocator.domain.commands import FallDue, Timer
from allocator.domain.interval import HOUR_MS, MINUTE_MS, Interval
from allocator.domain.lifecycle import BayStatus, Occupancy, ReservationStatus
from allocator.domain.model import StateImage
from allocator.domain.money import Tariff
from allocator.domain.windows import offer_windows
from allocator.matching.board import Board
from allocator.matching.policies import BindLate, Policy

if TYPE_CHECKING:
    from allocator.domain.model import Bay, Offer, Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The rules of a city, with their defaults (design, section 4)."""

    timezone: str = "Asia/Seoul"
    policy: Policy = field(default_factory=BindLate)
    tariff: Tariff = field(default_factory=Tariff)
    buffer_ms: int = 10 * MINUTE_MS
    early_ms: int = 15 * MINUTE_MS
    grace_ms: int = 15 * MINUTE_MS
    overstay_notice_ms: int = 10 * MINUTE_MS
    left_confirm_ms: int = MINUTE_MS
    gateway_down_ms: int = 2 * MINUTE_MS
    quiet_after_connect_ms: int = 2 * MINUTE_MS


@dataclass(slots=True)
class Dirty:
    """What changed since the last commit, for whoever writes it down and announces it."""

    bays: dict[str, Bay] = field(default_factory=dict)
    offers: dict[str, Offer] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    moved: set[str] = field(default_factory=set)
    shown: set[int] = field(default_factory=set)
    heard: set[int] = field(default_factory=set)


class State:
    """All that the allocator knows. Only `evolve` changes what is a fold of events; `image` is exactly that."""

    def __init__(self, settings: Settings, now: int) -> None:
        self.settings = settings
        self.position = 0
        self.event_nos: dict[str, int] = defaultdict(int)
        self.accepted = 0
        self.offered = 0
        self.board = Board(now)
        self.offers: dict[str, Offer] = {}
        self.offers_of: dict[str, list[Offer]] = defaultdict(list)
        self.reservations: dict[str, Reservation] = {}
        self.of_vehicle: dict[str, dict[str, Reservation]] = defaultdict(dict)
        self.bays_of_gateway: dict[str, set[str]] = defaultdict(set)
        # What follows is heard or derived: it is no fold of events and is not compared.
        self.heard: list[Heard] = []
        self.gateways_down: dict[str, int] = {}
        self.review_at: dict[int, int] = {}
        self.connected_at = now
        self.dirty = Dirty()
        self._timers: list[tuple[int, int, Timer, str]] = []
        self._timer_no = 0
        self.arm(now + HOUR_MS, Timer.ROLL, "")

    @classmethod
    def of_image(cls, image: StateImage, settings: Settings, now: int) -> State:
        """Return the state that an image was taken of."""
        state = cls(settings, now)
        state.position, state.accepted, state.offered = image.position, image.accepted, image.offered
        state.event_nos.update(image.event_nos)
        for bay in image.bays:
            state.enter_bay(bay)
        for offer in image.offers:
            state.enter_offer(offer)
        for reservation in image.reservations:
            state.enter_reservation(reservation)
        state.dirty = Dirty(shown=set(range(len(state.board.bays))))
        return state

    def image(self) -> StateImage:
        """Return the fold of the events, sorted so that equal states have equal images."""
        return StateImage(
            position=self.position,
            event_nos={zone: number for zone, number in sorted(self.event_nos.items()) if number},
            accepted=self.accepted,
            offered=self.offered,
            bays=sorted(self.board.bays, key=lambda bay: bay.spec.bay),
            offers=sorted(self.offers.values(), key=lambda offer: offer.offer_id),
            reservations=sorted(self.reservations.values(), key=lambda held: held.reservation_id),
        )

    # ---- entering things: used by evolve and when an image is loaded

    def enter_bay(self, bay: Bay) -> None:
        """Put a bay on the board, or its changed entry."""
        known = self.board.number.get(bay.spec.bay)
        if known is not None:
            self.bays_of_gateway[self.board.bays[known].spec.gateway].discard(bay.spec.bay)
        number = self.board.put(bay)
        self.bays_of_gateway[bay.spec.gateway].add(bay.spec.bay)
        if number == len(self.heard):
            self.heard.append(Heard(window=Window(bay.boot_id, bay.seq, 1)))
        if self.offers_of[bay.spec.bay]:
            self.reopen(number)
        self.touch(bay)

    def enter_offer(self, offer: Offer) -> None:
        """Put an offer in and open the calendar for it."""
        if offer.offer_id not in self.offers:
            self.offers_of[offer.bay].append(offer)
        self.offers[offer.offer_id] = offer
        self.dirty.offers[offer.offer_id] = offer
        self.reopen(self.board.number[offer.bay])

    def enter_reservation(self, reservation: Reservation) -> None:
        """Put a live reservation in, hold its bay and arm its timers."""
        self.reservations[reservation.reservation_id] = reservation
        self.of_vehicle[reservation.vehicle_id][reservation.reservation_id] = reservation
        self.board.place(reservation)
        self.dirty.reservations[reservation.reservation_id] = reservation
        self.arm_reservation(reservation)

    def drop_reservation(self, reservation: Reservation) -> None:
        """Take out a reservation that is not live any more."""
        del self.reservations[reservation.reservation_id]
        del self.of_vehicle[reservation.vehicle_id][reservation.reservation_id]
        if not self.of_vehicle[reservation.vehicle_id]:
            del self.of_vehicle[reservation.vehicle_id]

    # ---- derived

    def reopen(self, number: int) -> None:
        """Set the bay's calendar from its offers, and look at the bay again when it next opens or closes."""
        spec = self.board.bays[number].spec
        span = self.board.calendars.span
        self.offers_of[spec.bay] = current = [o for o in self.offers_of[spec.bay] if not o.over(span.from_at)]
        windows = [
            window
            for offer in current
            if offer.resident == spec.resident  # what the resident before offered ended with their right to the bay
            for window in offer_windows(offer, self.settings.timezone, span)
        ]
        self.board.calendars.set_open(number, windows)
        self.dirty.shown.add(number)
        if windows:
            self.review(number, span.from_at)

    def review(self, number: int, now: int) -> None:
        """Have the bay looked at again when it next opens or closes."""
        change_at = self.board.calendars.next_change(number, now)
        if change_at is not None and self.review_at.get(number) != change_at:
            self.review_at[number] = change_at
            self.arm(change_at, Timer.REVIEW, self.board.bays[number].spec.bay)

    def open_now(self, number: int, now: int) -> bool:
        """Tell whether the bay is offered at this instant."""
        calendars = self.board.calendars
        return calendars.offered(number, calendars.mask(Interval(now, now + 1)))

    def bay_status(self, number: int, now: int) -> tuple[BayStatus, Reservation | None]:
        """Return what the bay shows, and the bound or active reservation that it shows it for."""
        bay = self.board.bays[number]
        holders = sorted(self.board.on_bay[number].values(), key=lambda held: held.from_at)
        active = next((held for held in holders if held.status is ReservationStatus.ACTIVE), None)
        bound = next((held for held in holders if held.status is ReservationStatus.BOUND), None)
        if bay.retired or bay.closed:
            return BayStatus.CLOSED, active or bound
        if bay.lost is not None or bay.occupancy is Occupancy.UNKNOWN:
            return BayStatus.UNKNOWN, active or bound
        if bay.contested is not None:
            return BayStatus.CONTESTED, active or bound
        if active is not None or bay.occupancy is Occupancy.OCCUPIED:
            return BayStatus.OCCUPIED, active or bound
        if bound is not None:
            return BayStatus.RESERVED, bound
        return (BayStatus.AVAILABLE if self.open_now(number, now) else BayStatus.CLOSED), None

    def touch(self, bay: Bay) -> None:
        """Note that a bay changed."""
        self.dirty.bays[bay.spec.bay] = bay
        self.dirty.shown.add(self.board.number[bay.spec.bay])

    # ---- timers: derived from the state; one that applies no more decides nothing

    def arm(self, due_at: int, timer: Timer, key: str) -> None:
        """Have a timer fall due."""
        self._timer_no += 1
        heapq.heappush(self._timers, (due_at, self._timer_no, timer, key))

    def arm_reservation(self, reservation: Reservation) -> None:
        """Arm the timers that the reservation's status calls for."""
        key, settings = reservation.reservation_id, self.settings
        match reservation.status:
            case ReservationStatus.ACCEPTED:
                self.arm(reservation.from_at - (settings.policy.bind_lead_ms or 0), Timer.BIND, key)
            case ReservationStatus.BOUND:
                self.arm(reservation.from_at, Timer.CHECK, key)
                self.arm(reservation.expected_by(settings.grace_ms), Timer.NO_SHOW, key)
            case ReservationStatus.ACTIVE:
                self.arm(reservation.until, Timer.END, key)
                self.arm(reservation.until + settings.overstay_notice_ms, Timer.SETTLE, key)
                self.arm_left(reservation)
            case _:
                pass

    def arm_left(self, reservation: Reservation) -> None:
        """Have a guest's stay end when the bay, which is free now, stays free."""
        bay = self.board.bay(reservation.bay or "")
        if bay.occupancy is Occupancy.FREE:
            self.arm(bay.observed_at + self.settings.left_confirm_ms, Timer.LEFT, reservation.reservation_id)

    def next_due(self) -> int | None:
        """Return when the next timer falls due."""
        return self._timers[0][0] if self._timers else None

    def pop_due(self, now: int) -> tuple[int, FallDue] | None:
        """Take the next timer that is due at `now` and when it was due, or None."""
        if self._timers and self._timers[0][0] <= now:
            due_at, _, timer, key = heapq.heappop(self._timers)
            return due_at, FallDue(timer, key)
        return None
