"""The one state: a fold of the events, and beside it what is only heard (no event) and what is derived."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING
from zlib import crc32

from allocator.core.buffers import LATENESS_BINS
from allocator.core.danger import LOOKS_MS
from allocator.core.hear import Heard, Window
from allocator.core.line import TRIED_AT_ONCE_MAX, Waiting, place_in_line
from allocator.domain.absence import Absence
from allocator.domain.commands import FallDue, Timer
from allocator.domain.interval import DAY_MS, HOUR_MS, MINUTE_MS, SLOT_MS, WEEK_MS, Interval, next_multiple, without
from allocator.domain.lifecycle import BayStatus, Occupancy, ReservationStatus
from allocator.domain.model import StateImage
from allocator.domain.money import Tariff
from allocator.domain.windows import offer_windows, recalled_span
from allocator.matching.board import Board
from allocator.matching.policies import BindLate, Policy
from broker_bridge.agenda import Agenda

if TYPE_CHECKING:
    from collections.abc import Mapping

    from allocator.domain.events import BaySpec
    from allocator.domain.model import Bay, Offer, Reservation

KEPT_MS = 8 * DAY_MS
"""How long an offer that is over is kept: points for it are given once a week."""


BATCH = "batch"
"""The key of the tick that ends a batch window."""


LOOK_EVERY_MS = 15 * MINUTE_MS
"""How often an absence is looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The rules of a city, with their defaults (design, section 4).

    `buffer_ms` holds until enough stays were seen to learn it at a risk of `late_risk_permille`; None: always.
    """

    timezone: str = "Asia/Seoul"
    policy: Policy = field(default_factory=BindLate)
    tariff: Tariff = field(default_factory=Tariff)
    tariffs: Mapping[str, Tariff] = field(default_factory=dict)
    absence: Absence = field(default_factory=Absence)
    buffer_ms: int = 10 * MINUTE_MS
    late_risk_permille: int | None = 20
    early_ms: int = 15 * MINUTE_MS
    grace_ms: int = 15 * MINUTE_MS
    overstay_notice_ms: int = 10 * MINUTE_MS
    recall_notice_ms: int = 15 * MINUTE_MS
    stuck_after_ms: int = 10 * MINUTE_MS
    waiting_max: int = 500
    tick_ms: int = SLOT_MS
    left_confirm_ms: int = MINUTE_MS
    gateway_down_ms: int = 2 * MINUTE_MS
    quiet_after_connect_ms: int = 2 * MINUTE_MS
    fairness_m_per_h: int = 20

    def tariff_of(self, spec: BaySpec) -> Tariff:
        """Return what a bay's use costs: the city's own tariff where the bay names none, or one that we do not know."""
        return self.tariffs.get(spec.tariff or "", self.tariff)

    def knows(self, tariff: str | None) -> bool:
        """Tell whether a bay may name the tariff; None is the city's own."""
        return tariff is None or tariff in self.tariffs


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
        self.lateness = [0] * LATENESS_BINS
        self.board = Board(now, timezone=settings.timezone, fairness_m_per_h=settings.fairness_m_per_h)
        self.offers: dict[str, Offer] = {}
        self.offers_of: dict[str, list[Offer]] = defaultdict(list)
        self.reservations: dict[str, Reservation] = {}
        self.of_vehicle: dict[str, dict[str, Reservation]] = defaultdict(dict)
        self.waiting = Waiting()
        self.bays_of_gateway: dict[str, set[str]] = defaultdict(set)
        # What follows is heard or derived: it is no fold of events and is not compared.
        self.heard: list[Heard] = []
        self.gateways_down: dict[str, int] = {}
        self.review_at: dict[int, int] = {}
        self.rescue_at: dict[str, int] = {}
        self.points_armed: set[int] = set()
        self.look_at: dict[str, int] = {}
        self.connected_at = now
        self.dirty = Dirty()
        self.timers: Agenda[FallDue] = Agenda()
        self.arm(now + HOUR_MS, Timer.ROLL, "")
        self.arm(next_multiple(now, settings.tick_ms), Timer.TICK, "")

    @classmethod
    def of_image(cls, image: StateImage, settings: Settings, now: int) -> State:
        """Return the state that an image was taken of."""
        state = cls(settings, now)
        state.position, state.accepted, state.offered = image.position, image.accepted, image.offered
        state.event_nos.update(image.event_nos)
        state.lateness = list(image.lateness) or state.lateness
        for bay in image.bays:
            state.enter_bay(bay)
        for offer in image.offers:
            state.enter_offer(offer)
        for reservation in sorted(image.reservations, key=place_in_line):
            state.enter_reservation(reservation)
            state.arm_rescue(reservation, now)
        for bay in image.bays:
            state.arm_stuck(bay, now)
        state.dirty = Dirty(shown=set(range(len(state.board.bays))))
        return state

    def image(self) -> StateImage:
        """Return the fold of the events, sorted so that equal states have equal images."""
        return StateImage(
            position=self.position,
            event_nos={zone: number for zone, number in sorted(self.event_nos.items()) if number},
            accepted=self.accepted,
            offered=self.offered,
            lateness=list(self.lateness),
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
        if self.offers_of.get(bay.spec.bay):
            self.reopen(number)
        self.arm_points(number, self.connected_at if bay.settled_at is None else bay.settled_at)
        if bay.away_since is not None:
            self.arm_look(bay.spec.bay, self.connected_at)
        self.touch(bay)

    def enter_offer(self, offer: Offer) -> None:
        """Put an offer in and open the calendar for it."""
        if offer.offer_id not in self.offers:
            self.offers_of[offer.bay].append(offer)
        self.offers[offer.offer_id] = offer
        self.dirty.offers[offer.offer_id] = offer
        number = self.board.number[offer.bay]
        self.reopen(number)
        self.freed(number)

    def enter_reservation(self, reservation: Reservation) -> None:
        """Put a reservation in: one that is live holds its bay, one that waits stands in line. Arms its timers."""
        self.reservations[reservation.reservation_id] = reservation
        if reservation.status is ReservationStatus.WAITING:
            self.waiting.enter(reservation)
        else:
            self.of_vehicle[reservation.vehicle_id][reservation.reservation_id] = reservation
            self.board.place(reservation)
        self.dirty.reservations[reservation.reservation_id] = reservation
        self.arm_reservation(reservation)

    def drop_reservation(self, reservation: Reservation) -> None:
        """Take out a reservation that is not live any more, or waits no more."""
        del self.reservations[reservation.reservation_id]
        self.waiting.drop(reservation)
        self.rescue_at.pop(reservation.reservation_id, None)
        theirs = self.of_vehicle[reservation.vehicle_id]
        theirs.pop(reservation.reservation_id, None)
        if not theirs:
            del self.of_vehicle[reservation.vehicle_id]

    def vehicle_taken(self, vehicle_id: str, stay: Interval, besides: Reservation | None = None) -> bool:
        """Tell whether a vehicle has another live reservation in that time (rule S2)."""
        others = self.of_vehicle.get(vehicle_id, {}).values()
        return any(other is not besides and stay.overlaps(Interval(other.from_at, other.until)) for other in others)

    # ---- derived

    def reopen(self, number: int) -> None:
        """Set the bay's calendar from its offers, and look at the bay again when it next opens or closes."""
        spec = self.board.bays[number].spec
        span = self.board.calendars.span
        self.offers_of[spec.bay] = current = [o for o in self.offers_of[spec.bay] if not o.past(span.from_at - KEPT_MS)]
        # What the resident before offered ended with their right to the bay.
        theirs = [offer for offer in current if offer.resident == spec.resident]
        given = [
            window
            for offer in theirs
            if offer.kind != "recall"
            for window in offer_windows(offer, self.settings.timezone, span)
        ]
        taken = [recalled_span(offer) for offer in theirs if offer.kind == "recall" and not offer.withdrawn]
        windows = [rest for window in given for rest in without(window, taken)] if taken else given
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

    def recalled_from(self, bay: str, interval: Interval) -> int | None:
        """Return from when on the resident has recalled the bay for a part of the interval, or None."""
        recalls = [it for it in self.offers_of.get(bay, ()) if it.kind == "recall" and not it.withdrawn]
        if not recalls:
            return None
        resident = self.board.bay(bay).spec.resident
        spans = (recalled_span(offer) for offer in recalls if offer.resident == resident)
        return min((span.from_at for span in spans if span.overlaps(interval)), default=None)

    def recalled(self, bay: str, interval: Interval) -> bool:
        """Tell whether the resident has recalled the bay for a part of the interval."""
        return self.recalled_from(bay, interval) is not None

    def open_now(self, number: int, now: int) -> bool:
        """Tell whether the bay is offered at this instant."""
        calendars = self.board.calendars
        return calendars.offered(number, calendars.mask(Interval(now, now + 1)))

    @property
    def quiet_until(self) -> int:
        """When the news of what happened while we were away has surely come."""
        return self.connected_at + self.settings.quiet_after_connect_ms

    def quiet(self, now: int) -> bool:
        """Tell whether we have just connected: news may still be on its way."""
        return self.connected_at <= now < self.quiet_until

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
        number = self.board.number[bay.spec.bay]
        self.board.refresh(number)
        self.dirty.bays[bay.spec.bay] = bay
        self.dirty.shown.add(number)

    # ---- timers: derived from the state; one that applies no more decides nothing

    def arm(self, due_at: int, timer: Timer, key: str) -> None:
        """Have a timer fall due."""
        self.timers.add(due_at, FallDue(timer, key))

    def arm_reservation(self, reservation: Reservation) -> None:
        """Arm the timers that the reservation's status calls for."""
        key, settings = reservation.reservation_id, self.settings
        match reservation.status:
            case ReservationStatus.ACCEPTED:
                self.arm(reservation.from_at - (settings.policy.bind_lead_ms or 0), Timer.BIND, key)
            case ReservationStatus.BOUND:
                for before_ms in LOOKS_MS:
                    self.arm(reservation.from_at - before_ms, Timer.CHECK, key)
                self.arm(reservation.expected_by(settings.grace_ms), Timer.NO_SHOW, key)
            case ReservationStatus.ACTIVE:
                self.arm(reservation.until, Timer.END, key)
                self.arm(reservation.until + settings.overstay_notice_ms, Timer.SETTLE, key)
                self.arm_left(reservation)
                bay = self.board.bay(reservation.bay or "")
                self.arm((reservation.activated_at or 0) + settings.stuck_after_ms, Timer.STUCK, bay.spec.bay)
            case ReservationStatus.WAITING if settings.policy.batch_ms is None:
                self.arm(reservation.wait_until or 0, Timer.WAIT, key)
            case ReservationStatus.WAITING:
                self.arm_batch(reservation.accepted_at)
            case _:
                pass

    def arm_batch(self, now: int) -> None:
        """Have those who wait placed together at the end of the present window, for a policy that collects them."""
        batch_ms = self.settings.policy.batch_ms
        if batch_ms is not None and not self.waiting.batch_armed:
            self.waiting.batch_armed = True
            self.arm(next_multiple(now, batch_ms), Timer.TICK, BATCH)

    def freed(self, number: int) -> None:
        """A bay may take a booking more: promises in danger come first, then who waits and can walk there.

        A few in the bay's zone are tried at once, all others at the next tick.
        """
        zone = self.board.bays[number].spec.zone
        endangered = (held for key in self.rescue_at if (held := self.reservations[key]).zone == zone)
        for held in [*islice(endangered, TRIED_AT_ONCE_MAX)]:
            self.arm_rescue(held, 0)
        if self.settings.policy.batch_ms is not None or not self.waiting.count:
            return

        def reaches(held: Reservation) -> bool:
            return self.board.walk_m(number, held.lat, held.lon) <= held.max_walk_m

        for reservation_id in self.waiting.to_try(zone, reaches):
            self.arm(0, Timer.WAIT, reservation_id)

    def arm_rescue(self, reservation: Reservation, at: int) -> None:
        """Have a promise looked after that may be in danger, once, at the earliest of the times asked for."""
        key = reservation.reservation_id
        if at < self.rescue_at.get(key, at + 1):
            self.rescue_at[key] = at
            self.arm(at, Timer.RESCUE, key)

    def endanger(self, number: int, at: int) -> None:
        """Something happened to a bay: whoever was promised it and is not there yet is looked after."""
        for held in self.board.on_bay[number].values():
            if held.status is not ReservationStatus.ACTIVE:
                self.arm_rescue(held, at)

    def arm_stuck(self, bay: Bay, at: int) -> None:
        """Have a sensor looked at that says free of a bay whose driver found a car in it."""
        if bay.contested == "blocked":
            self.arm(at + self.settings.stuck_after_ms, Timer.STUCK, bay.spec.bay)

    def arm_left(self, reservation: Reservation) -> None:
        """Have a guest's stay end when the bay, which is free now, stays free."""
        bay = self.board.bay(reservation.bay or "")
        if bay.occupancy is Occupancy.FREE:
            self.arm(bay.observed_at + self.settings.left_confirm_ms, Timer.LEFT, reservation.reservation_id)

    def arm_left_unseen(self, number: int) -> None:
        """Have the stay of a guest whom the sensor has lost sight of end, when the notice is over."""
        bay, notice_ms = self.board.bays[number], self.settings.overstay_notice_ms
        for held in self.board.on_bay[number].values():
            if held.status is ReservationStatus.ACTIVE:
                confirmed_at = bay.observed_at + self.settings.left_confirm_ms
                self.arm(max(held.until + notice_ms, confirmed_at), Timer.SETTLE, held.reservation_id)

    def arm_points(self, number: int, since: int) -> None:
        """Have points given for what is offered of a bay from then on: each bay has its own moment of the week."""
        spec = self.board.bays[number].spec
        if number not in self.points_armed and self.settings.tariff_of(spec).offered_millipoints:
            self.points_armed.add(number)
            wait_ms = (crc32(spec.bay.encode()) - since) % WEEK_MS
            self.arm(since + (wait_ms or WEEK_MS), Timer.POINTS, spec.bay)

    def arm_look(self, bay: str, due_at: int) -> None:
        """Have an absence looked at, but not while the news of its end may still be on its way to us."""
        due_at = max(due_at, self.connected_at + self.settings.quiet_after_connect_ms)
        self.look_at[bay] = due_at
        self.arm(due_at, Timer.AUTO, bay)

    def next_due(self) -> int | None:
        """Return when the next timer falls due."""
        return self.timers.next_at()

    def pop_due(self, now: int) -> tuple[int, FallDue] | None:
        """Take the next timer that is due at `now` and when it was due, or None."""
        due_at = self.timers.next_at()
        return None if due_at is None or due_at > now else self.timers.pop()
