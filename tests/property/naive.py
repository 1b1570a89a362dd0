"""A model of the allocator as plain as can be: it is told each command and what came of it, and says what is wrong.

It decides nothing. It keeps lists of bays, offers and bookings from the events, and asserts after every commit what the
guarantees S1 to S8 say, by linear scans over whole slots. A rule stated here is stated again on purpose.
"""

from __future__ import annotations

import json
from dataclasses import replace

from core_machine import Judge
from naive_expects import EARLY, expected, refusal
from naive_offers import RATE, NaiveOffers
from naive_replies import Told
from naive_world import DAY, HOUR, MINUTE, SLOT, Booking, NaiveBay, NaiveOffer, down, metres, overlap, price_won, up

from allocator.domain.commands import Observe
from allocator.domain.events import event_name

GRACE, LEAD, NOTICE, QUIET, AWAY, CONFIRM, STUCK, BUFFER, RECALL = (
    minutes * MINUTE for minutes in (15, 15, 10, 2, 2, 1, 10, 10, 15)
)
STAYS = 1
"""So few stays tell how late guests are, in these histories."""
NEXT = {
    "reservation_accepted": {"waiting": "accepted"},
    "request_rejected": {"waiting": "rejected"},
    "guest_recalled": {"active": "active"},
    "reservation_bound": {"accepted": "bound"},
    "reservation_activated": {"bound": "active"},
    "reservation_relocated": {"accepted": "bound", "bound": "bound", "active": "bound"},
    "reservation_extended": {"active": "active"},
    "overstay_warned": {"active": "active"},
    "reservation_completed": {"active": "completed"},
    "reservation_cancelled": {"waiting": "cancelled", "accepted": "cancelled", "bound": "cancelled"},
    "reservation_expired": {"bound": "expired"},
    "reservation_failed": {"accepted": "failed", "bound": "failed", "active": "failed"},
}


class Naive(NaiveOffers, Judge):
    """The bays, offers and bookings so far, and what must hold of them."""

    def __init__(self, timezone: str, now: int, *, at_once: bool) -> None:
        self.timezone, self.now, self.connected_at, self.at_once = timezone, now, now, at_once
        self.late: list[int] = []
        self.replaced: set[str] = set()
        self.asked, self.verdict = None, None
        self.bays: dict[str, NaiveBay] = {}
        self.offers: list[NaiveOffer] = []
        self.bookings: dict[str, Booking] = {}
        self.down: dict[str, int] = {}
        self.told = Told()
        self.shown: dict[str, dict] = {}
        self.sums: dict[tuple[str, str], int] = {}

    def committed(self, work, commit) -> None:
        """Check all that a commit writes and says."""
        self.now, self.asked, key = work.now, work.asked, work.key
        asked = self.asked
        repeated = key is not None and key in self.told.answers
        due = [] if repeated else expected(self, asked)
        names = []
        for recorded in commit.events:
            assert recorded.at == self.now
            names.append(event_name(type(recorded.event)))
            self.told.number(recorded)
            getattr(self, f"on_{names[-1]}")(recorded.event)
            self._nothing_is_held_twice()
        if "occupancy_changed" in names and "resident_returned" not in names:
            self._a_car_is_somebodys(asked.bay)
        assert due is None or set(due) & set(names) or not (due or names), f"{asked}: {due} was due, {names} happened"
        query = getattr(asked, "type", None) == "query"
        self.told.check(commit, key, self._driver_of, repeated=repeated, query=query)
        self._ledger(commit)
        self.shown |= {row.topic.split("/")[-2]: json.loads(row.payload) for row in commit.outbox if _is_shown(row)}

    def _a_car_is_somebodys(self, bay: str) -> None:
        """A car in a bay that is on offer is a guest's, or the bay is contested."""
        guest = any(booking.bay == bay and booking.status == "active" for booking in self.live)
        open_now = self.bays[bay].occupancy == "occupied" and self.offered(bay, (self.now, self.now + 1))
        assert guest or self.bays[bay].contested or not open_now or self.verdict != "fresh", f"whose car is in {bay}?"

    def restarted(self, work) -> None:
        """Know that the allocator began anew: of the sensors' numbers it keeps the newest boot's."""
        self.connected_at = work.now
        self.down.clear()
        for bay in self.bays.values():
            bay.words = dict(list(bay.words.items())[-1:])
            bay.device = (-1, -1)

    # ---- what must hold

    @property
    def live(self) -> list[Booking]:
        """The bookings that hold a bay."""
        return [booking for booking in self.bookings.values() if booking.live]

    def _nothing_is_held_twice(self) -> None:
        live = self.live
        for at, one in enumerate(live):
            for other in live[at + 1 :]:
                assert not (one.bay == other.bay and overlap(one.held, other.held)), f"S1: {one} and {other}"
                assert not (one.vehicle == other.vehicle and overlap(one.stay, other.stay)), f"S2: {one} and {other}"

    def unfit(self, bay: str, booking: Booking, walk_m: int) -> str | None:
        """Return why the booking could not stand on the bay as things are, or None."""
        it, starts_in = self.bays[bay], booking.held[0] - self.now
        guests = [one for one in self.live if one.bay == bay and one.status == "active" and one.stay[1] > self.now]
        leaving = it.occupancy == "occupied" and bool(guests) and starts_in > 0
        blind = it.lost is not None or (it.occupancy != "free" and not leaving)
        for reason, applies in (
            ("closed", it.closed or it.retired),
            ("too far", metres(booking.place, (it.spec.lat, it.spec.lon)) > walk_m),
            (
                "too dear",
                booking.most_won is not None and price_won(booking.stay[1] - booking.stay[0]) > booking.most_won,
            ),
            ("needs", any(need not in it.spec.needs for need in booking.needs)),
            ("contested", it.contested is not None and starts_in < HOUR),
            ("not known to be free", blind and starts_in <= LEAD),
        ):
            if applies:
                return reason
        if any(other.bay == bay and overlap(other.held, booking.held) for other in self.live if other is not booking):
            return "held"
        return None if self.offered(bay, booking.held) else "not offered"

    def direct(self, booking: Booking, walk_m: int) -> list[str]:
        """Return the bays, other than its own, that would simply do."""
        return [bay for bay in self.bays if bay != booking.bay and self.unfit(bay, booking, walk_m) is None]

    def settled(self, work) -> None:
        """Check what must hold when every timer that was due has been looked at (L2, L3)."""
        now = self.now = work.now
        quiet = now < self.connected_at + QUIET
        for booking in self.live:
            if booking.status == "accepted":
                assert not self.at_once, f"not bound at once: {booking}"
                assert now < booking.stay[0] - LEAD, f"not bound in time: {booking}"
            elif booking.status == "bound":
                assert quiet or now < booking.overdue_at(GRACE), f"L2: nobody came, and it is held: {booking}"
            else:
                assert booking.warned or now < booking.stay[1], f"overstays without a warning: {booking}"
                bay = self.bays[booking.bay]
                kept_until = max(booking.stay[1] + NOTICE, bay.observed_at + CONFIRM)
                assert bay.occupancy == "occupied" or now < kept_until, f"L2: gone, and it is held: {booking}"
        for booking in self.bookings.values():
            assert booking.status != "waiting" or now < booking.wait_until, f"waits too long: {booking}"
        for name, bay in self.bays.items():
            windows = [offer.window for offer in self.theirs(name) if offer.kind == "auto"]
            assert bay.away is not None or all(ends <= up(now) for _, ends in windows), f"{name} is open, and not left"
            shows, shown = self._shows(name), self.shown[name]
            assert (shown["status"], shown.get("reservation_id")) == shows, f"L3: {name} shows {shown}, not {shows}"
            if bay.heard_at is not None and not bay.retired and bay.lost is None:
                assert now < max(bay.heard_at, self.connected_at) + 2 * bay.heartbeat, f"L3: {name} is silent"
                gone_at = self.down.get(bay.spec.gateway, now) + AWAY
                assert now < gone_at or bay.heard_at >= gone_at, f"L3: {name} is trusted, its gateway is gone"

    def _shows(self, name: str) -> tuple[str, str | None]:
        bay = self.bays[name]
        theirs = sorted((booking for booking in self.live if booking.bay == name), key=lambda booking: booking.stay)
        held = {booking.status: booking.name for booking in reversed(theirs)}
        for status, applies in (
            ("closed", bay.closed or bay.retired),
            ("unknown", bay.lost is not None or bay.occupancy == "unknown"),
            ("contested", bay.contested is not None),
            ("occupied", "active" in held or bay.occupancy == "occupied"),
            ("reserved", "bound" in held),
        ):
            if applies:
                return status, held.get("active", held.get("bound"))
        return ("available" if self.offered(name, (self.now, self.now + 1)) else "closed"), None

    def _ledger(self, commit) -> None:
        for entry in commit.ledger:
            self.sums[entry.account, entry.unit] = self.sums.get((entry.account, entry.unit), 0) + entry.amount
        for unit in ("won", "millipoints"):
            total = sum(amount for (_, of), amount in self.sums.items() if of == unit)
            assert total == 0, f"S8: the ledger sums to {total} {unit}"
        for recorded in commit.events:
            mine = [entry for entry in commit.ledger if entry.position == recorded.position]
            entries = {(entry.account, entry.unit): entry.amount for entry in mine}
            due = self._due(recorded.event, event_name(type(recorded.event)))
            assert entries == due, f"S8: {recorded} charges {due}, the ledger books {entries}"

    def _due(self, event, name: str) -> dict[tuple[str, str], int]:
        if name not in ("reservation_completed", "points_awarded"):
            return {}
        resident = f"resident:{getattr(event, 'resident', self.bays[event.bay].spec.resident)}"
        due = {(resident, "millipoints"): event.millipoints, ("operator", "millipoints"): -event.millipoints}
        if name == "reservation_completed":
            due[f"driver:{self.bookings[event.reservation_id].driver}", "won"] = -event.price_won
            due[resident, "won"], due["operator", "won"] = event.resident_won, event.price_won - event.resident_won
        return {account: amount for account, amount in due.items() if amount}

    def _driver_of(self, event) -> str:
        return getattr(event, "driver", None) or self.bookings[event.reservation_id].driver

    # ---- bays

    def on_bay_registered(self, event) -> None:
        known = self.bays.setdefault(event.spec.bay, NaiveBay(event.spec))
        sold = known.spec.resident != event.spec.resident
        if sold:
            self.all_paid(event.spec.bay)
            known.away, known.absences, known.expected = None, 0, 0
        if sold or known.retired:
            known.settled_at = self.now
        known.spec, known.retired = event.spec, False

    def on_bay_retired(self, event) -> None:
        self.all_paid(event.bay)
        self.bays[event.bay].retired = True

    def on_bay_closed(self, event) -> None:
        self.all_paid(event.bay)
        self.bays[event.bay].closed = True

    def on_bay_opened(self, event) -> None:
        self.bays[event.bay].closed, self.bays[event.bay].settled_at = False, self.now

    def on_sensor_repaired(self, event) -> None:
        bay = self.bays[event.bay]
        bay.occupancy, bay.observed_at, bay.lost, bay.words, bay.device = "unknown", 0, None, {}, (-1, -1)
        bay.heard_at, bay.heartbeat = None, HOUR

    def on_occupancy_changed(self, event) -> None:
        said, bay = self.asked, self.bays[event.bay]
        assert (event.bay, event.status, event.before) == (said.bay, said.status, bay.occupancy)
        assert event.late == (self.verdict == "late")
        believable = abs(self.now - said.observed_at) <= MINUTE
        assert event.observed_at in ({said.observed_at} if believable else {said.observed_at, self.now})
        if not event.late:
            bay.occupancy, bay.observed_at = said.status, event.observed_at

    def on_sensor_lost(self, event) -> None:
        bay = self.bays[event.bay]
        if event.reason == "stuck":
            unseen = [it for it in self.live if it.bay == event.bay and it.status == "active"]
            unseen = [it for it in unseen if bay.observed_at < it.activated_at <= self.now - STUCK]
            assert bay.occupancy == "free", f"{event}, and it says {bay.occupancy}"
            assert unseen or bay.contested == "blocked", f"{event}: why?"
            bay.lost = "stuck"
            return
        silent_at = max(bay.heard_at or 0, self.connected_at) + 2 * bay.heartbeat
        gone_at = self.down.get(bay.spec.gateway, self.now) + AWAY
        assert self.now >= (silent_at if event.reason == "silent" else gone_at), f"{event} too early"
        bay.lost = event.reason

    def on_sensor_restored(self, event) -> None:
        assert self.asked.bay == event.bay
        self.bays[event.bay].lost = None

    def on_bay_contested(self, event) -> None:
        guests = [booking for booking in self.live if booking.bay == event.bay and booking.status == "active"]
        seen = isinstance(self.asked, Observe)
        assert not (seen and guests), f"{event}, and it is the car of {guests}"
        self.bays[event.bay].contested = event.reason

    def on_bay_cleared(self, event) -> None:
        self.bays[event.bay].contested = None

    # ---- offers

    def on_offer_rejected(self, event) -> None:
        assert event.request_id == self.asked.request_id

    on_driver_command_refused = on_operator_command_refused = on_offer_rejected

    # ---- reservations

    def _wanted(self, asked) -> Booking:
        until = asked.arrive_at + asked.stay_ms
        begins = down(max(asked.arrive_at, down(self.now, MINUTE)))
        return Booking(
            name="",
            driver=asked.driver,
            vehicle=asked.vehicle_id,
            place=(asked.lat, asked.lon),
            stay=(asked.arrive_at, until),
            held=(begins, up(until) + self.buffer()),
            max_walk_m=asked.max_walk_m,
            needs=asked.needs,
            quote_won=price_won(asked.stay_ms),
            bay="",
            most_won=asked.max_price_won,
        )

    def buffer(self) -> int:
        """Return the shortest buffer that two guests of a hundred have outstayed, when there are enough to tell."""
        if len(self.late) < STAYS:
            return BUFFER
        fits = [n * SLOT for n in range(6) if 1_000 * sum(late > n * SLOT for late in self.late) <= 20 * len(self.late)]
        return fits[0] if fits else 6 * SLOT

    def _now_wanted(self, booking: Booking) -> Booking:
        """Return what one who waits would get now: a stay as long as asked for, that begins now at the earliest."""
        begins = max(booking.stay[0], self.now)
        stay = (begins, begins + booking.stay[1] - booking.stay[0])
        held = (down(max(begins, down(self.now, MINUTE))), up(stay[1]) + self.buffer())
        return replace(booking, stay=stay, held=held)

    def on_request_waitlisted(self, event) -> None:
        booking = self._wanted(self.asked)
        assert refusal(self, self.asked) is None
        assert event.wait_until == min(self.asked.wait_until, self.now + 7 * DAY) > self.now
        assert (event.from_at, event.until) == booking.stay
        free = self.direct(booking, booking.max_walk_m)
        assert not free, f"has to wait, and {free} would do for {booking}"
        booking.name, booking.status, booking.wait_until = event.reservation_id, "waiting", event.wait_until
        assert booking.name not in self.bookings
        self.bookings[booking.name] = booking

    def on_reservation_accepted(self, event) -> None:
        waited = self.bookings.pop(event.reservation_id, None)
        if waited is not None:
            assert waited.status in NEXT["reservation_accepted"], f"promised twice: {waited}"
            booking = replace(self._now_wanted(waited), status="accepted")
        else:
            booking = self._wanted(self.asked)
            assert refusal(self, self.asked) is None
            assert event.request_id == self.asked.request_id
        assert (event.driver, event.vehicle_id, event.needs) == (booking.driver, booking.vehicle, booking.needs)
        promised = (booking.stay, booking.held, booking.max_walk_m, booking.quote_won)
        told = (event.from_at, event.until), (event.held_from, event.held_until), event.max_walk_m, event.quote_won
        assert told == promised, f"{told} is not what was asked for, {promised}"
        booking.name, booking.bay = event.reservation_id, event.bay
        self._stands(booking, event.walk_m, booking.max_walk_m)
        self.bookings[booking.name] = booking

    def _stands(self, booking: Booking, told_m: int, walk_m: int) -> None:
        """Check a placement that has just been decided: where it is, it fits, and the walk is as told."""
        spec = self.bays[booking.bay].spec
        walk = metres(booking.place, (spec.lat, spec.lon))
        reason = self.unfit(booking.bay, booking, walk_m)
        assert reason is None, f"S1, S3 or the promise: {booking.bay} is {reason} for {booking}"
        assert walk <= told_m <= walk + 1, f"a walk of {walk:.1f} m is told as {told_m}"

    def on_request_rejected(self, event) -> None:
        if event.reservation_id is not None:
            booking = self._advance("request_rejected", event)
            wanted = self._now_wanted(booking)
            taken = any(it.vehicle == wanted.vehicle and overlap(it.stay, wanted.stay) for it in self.live)
            free = [] if taken else self.direct(wanted, wanted.max_walk_m)
            assert (event.reason, self.now >= booking.wait_until, free) == ("wait_over", True, []), f"{event}, {free}"
            return
        reason = refusal(self, self.asked)
        place, most = (self.asked.lat, self.asked.lon), self.asked.max_price_won
        near = any(metres(place, (it.spec.lat, it.spec.lon)) <= self.asked.max_walk_m for it in self.bays.values())
        dear = near and most is not None and price_won(self.asked.stay_ms) > most
        assert event.reason == (reason or ("too_dear" if dear else "no_bay"))
        if reason is None:
            wanted = self._wanted(self.asked)
            free = self.direct(wanted, wanted.max_walk_m)
            assert not free, f"refused as no_bay, and {free} would do for {wanted}"

    def on_replanned(self, event) -> None:
        for move in event.moves:
            booking = self.bookings[move.reservation_id]
            assert (booking.status, booking.bay) == ("accepted", move.from_bay), f"{booking} cannot make {move}"
        for move in event.moves:
            self.bookings[move.reservation_id].bay = move.to_bay
        for move in event.moves:
            booking = self.bookings[move.reservation_id]
            self._stands(booking, move.walk_m, booking.max_walk_m)

    def _advance(self, name: str, event) -> Booking:
        booking = self.bookings[event.reservation_id]
        assert booking.status in NEXT[name], f"{booking} cannot be {name}"
        booking.status = NEXT[name][booking.status]
        assert getattr(event, "bay", booking.bay) == booking.bay, f"{event} of {booking}"
        return booking

    def on_reservation_bound(self, event) -> None:
        booking = self._advance("reservation_bound", event)
        assert self.at_once or self.now >= booking.stay[0] - LEAD, f"bound too early: {booking}"
        assert event.walk_m <= booking.max_walk_m
        booking.bound_at = self.now

    def on_reservation_activated(self, event) -> None:
        bound = [one for one in self.live if one.bay == event.bay and one.status == "bound"]
        booking, bay = self._advance("reservation_activated", event), self.bays[event.bay]
        assert booking.stay[0] - EARLY <= event.at, f"{booking} is not due"
        if event.source == "sensor":
            assert self.asked.bay == event.bay
            assert (bay.occupancy, bay.observed_at <= event.at) == ("occupied", True)
            due = [one for one in bound if one.stay[0] - EARLY <= bay.observed_at < one.stay[1]]
            assert booking is min(due, key=lambda one: one.stay), f"{booking} is not the one of {due} who is due first"
        booking.activated_at = event.at

    def on_reservation_relocated(self, event) -> None:
        booking = self._advance("reservation_relocated", event)
        assert event.from_bay == booking.bay != event.to_bay
        booking.held = (max(booking.held[0], down(self.now)), booking.held[1])
        assert event.cost_won == (booking.quote_won if event.violation and not booking.violation else 0)
        booking.violation = booking.violation or event.violation
        if event.violation:
            free = self.direct(booking, booking.max_walk_m)
            assert not free, f"sent farther than promised, and {free} would do for {booking}"
        booking.bay, booking.bound_at, booking.activated_at, booking.warned = event.to_bay, self.now, None, False
        self._stands(booking, event.walk_m, booking.max_walk_m * (2 if event.violation else 1))

    def on_reservation_received(self, event) -> None:
        assert self.bookings[event.reservation_id].bay == event.to_bay

    def on_reservation_extended(self, event) -> None:
        booking = self._advance("reservation_extended", event)
        until = booking.stay[1] + self.asked.extend_ms
        assert (event.until, event.held_until) == (until, max(booking.held[1], up(until) + self.buffer()))
        more_won = price_won(until - booking.stay[0]) - price_won(booking.stay[1] - booking.stay[0])
        assert event.quote_won == booking.quote_won + more_won
        assert not booking.recalled, f"{booking} is extended"
        assert until > self.now, f"{booking} is extended into the past"
        more = (max(booking.held[1], down(self.now)), event.held_until)
        assert more[0] >= more[1] or self.offered(booking.bay, more), f"S3: {booking} is extended past offers"
        booking.stay, booking.held = (booking.stay[0], until), (booking.held[0], event.held_until)
        booking.quote_won, booking.warned = event.quote_won, False

    def on_guest_recalled(self, event) -> None:
        booking = self._advance("guest_recalled", event)
        home_at = self.recalled(booking.bay, booking.stay)
        assert home_at is not None, f"nobody wants {booking.bay} back"
        asked_at = getattr(self.asked, "home_at", None) or home_at
        assert event.until == max(self.now + RECALL, asked_at, booking.stay[0] + MINUTE) < booking.stay[1], (
            f"{event} of {booking}"
        )
        assert event.held_until == min(booking.held[1], up(event.until) + self.buffer())
        stay, left = booking.stay[1] - booking.stay[0], event.until - booking.stay[0]
        assert event.quote_won == booking.quote_won * left // stay
        booking.stay, booking.held = (booking.stay[0], event.until), (booking.held[0], event.held_until)
        booking.quote_won, booking.recalled = event.quote_won, True

    def on_overstay_warned(self, event) -> None:
        booking = self._advance("overstay_warned", event)
        assert self.now >= booking.stay[1]
        booking.warned = True

    def on_reservation_completed(self, event) -> None:
        booking = self._advance("reservation_completed", event)
        assert booking.activated_at <= event.at <= self.now
        late = max(event.at - max(booking.stay[1], booking.activated_at), 0)
        used = max(min(event.at, booking.stay[1]) - booking.activated_at, 0)
        kept_won = min(price_won(used), booking.quote_won)
        late_won = price_won(used + min(late, NOTICE)) - price_won(used)
        surcharge_won = up(max(late - NOTICE, 0), 10 * MINUTE) // (10 * MINUTE) * 400
        due = (0 if booking.violation else kept_won) + late_won + surcharge_won
        assert event.price_won == due, f"{booking} is charged {event.price_won}, not {due}"
        assert event.resident_won == (kept_won + late_won + surcharge_won) // 2
        assert event.millipoints == used * RATE // HOUR
        if event.source != "timer" and not booking.recalled:
            self.late.append(max(event.at - booking.stay[1], 0))

    def on_reservation_cancelled(self, event) -> None:
        self._advance("reservation_cancelled", event)

    def on_reservation_expired(self, event) -> None:
        booking = self.bookings[event.reservation_id]
        assert self.now >= booking.overdue_at(GRACE), f"given up too early: {booking}"
        self._advance("reservation_expired", event)

    def on_reservation_failed(self, event) -> None:
        booking = self._advance("reservation_failed", event)
        booking.held = (max(booking.held[0], down(self.now)), booking.held[1])
        free = self.direct(booking, 2 * booking.max_walk_m)
        assert not free or event.reason == "too_late", f"failed, and {free} would do for {booking}"


def _is_shown(row) -> bool:
    return row.topic.endswith("/state") and bool(row.payload)
