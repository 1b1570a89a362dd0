"""The naive model's offers: what residents give, take back, and get points for."""

from __future__ import annotations

import math
from itertools import pairwise

from naive_world import DAY, HOUR, MINUTE, SLOT, NaiveOffer, down, mine, opens, up

RATE = 1_000
"""Millipoints for an hour on offer, and for one used."""
KNOTS = ((0, 0), (15, 21), (30, 47), (60, 95), (120, 182), (240, 323), (480, 500), (720, 824), (1440, 1149),
         (2880, 1622), (4320, 2040))  # fmt: skip
"""How many returns are expected of a thousand cars, so many minutes after they left."""


def hazard(away: float) -> float:
    """Return the expected returns of an absence, in thousandths."""
    minutes = away / MINUTE
    for (before, low), (after, high) in pairwise(KNOTS):
        if minutes < after:
            return low + (high - low) * (minutes - before) / (after - before)
    return 2040 + (minutes - 4320) * (2040 - 1622) / 1440


class NaiveOffers:
    """What `Naive` knows of offers."""

    def theirs(self, bay: str) -> list[NaiveOffer]:
        """Return what the bay's resident said that still holds."""
        resident = self.bays[bay].spec.resident
        return [offer for offer in self.offers if mine(offer, bay, resident) and offer.ended_at is None]

    def recalled(self, bay: str, time: tuple[int, int]) -> int | None:
        """Return from when on the resident wants the bay back in a part of the time, or None."""
        recalls = [offer.window for offer in self.theirs(bay) if offer.kind == "recall"]
        return min((begins for begins, ends in recalls if max(begins, time[0]) < min(ends, time[1])), default=None)

    def offered(self, bay: str, held: tuple[int, int]) -> bool:
        """Tell whether the bay's resident offers every slot of the interval, of which there is one at least."""
        theirs, slots = self.theirs(bay), range(down(held[0]), held[1], SLOT)
        return (
            bool(slots)
            and self.recalled(bay, (slots[0], slots[-1] + SLOT)) is None
            and all(any(opens(offer, slot, self.timezone) for offer in theirs) for slot in slots)
        )

    def back_home(self, booking) -> bool:
        """Tell whether the resident of an `auto` offer is back, and nothing else gives the booking its bay."""
        auto = any(offer.kind == "auto" for offer in self.theirs(booking.bay))
        if not auto or self.bays[booking.bay].away is not None:
            return False
        to_come = (max(booking.held[0], down(self.now)), booking.held[1])
        return to_come[0] < to_come[1] and not self.offered(booking.bay, to_come)

    def meant(self, asked) -> list[NaiveOffer]:
        """Return the bay's offers, or the one, that a command ends: those that are over are left alone."""
        theirs = [offer for offer in self.offers if offer.event.bay == asked.bay and offer.ended_at is None]
        if hasattr(asked, "enabled"):
            return [
                it for it in theirs if it.kind == "auto" and it.event.resident == self.bays[asked.bay].spec.resident
            ]
        theirs = [it for it in theirs if it.kind == "auto" or it.window is None or it.window[1] > self.now]
        if asked.offer_id is None:
            return [offer for offer in theirs if offer.kind != "recall"]
        return [offer for offer in theirs if offer.event.offer_id == asked.offer_id]

    # ---- events

    def _give(self, event, kind: str, window: tuple[int, int] | None = None) -> None:
        assert event.request_id == self.asked.request_id
        self.offers.append(NaiveOffer(event, kind, self.now, window))

    def on_weekly_offered(self, event) -> None:
        self._give(event, "weekly")

    def on_once_offered(self, event) -> None:
        self._give(event, "once", (event.from_at, event.until))

    def on_auto_offered(self, event) -> None:
        self.replaced = {offer.event.offer_id for offer in self.meant(self.asked)}
        self._give(event, "auto", (0, 0))

    def on_offers_withdrawn(self, event) -> None:
        due = {it.event.offer_id for it in self.meant(self.asked)} if event.request_id is not None else self.replaced
        assert set(event.offer_ids) == due, f"{event}, but {due} were meant"
        for offer in self.offers:
            if offer.event.offer_id in event.offer_ids:
                offer.ended_at = self.now
        if not any(offer.kind == "auto" for offer in self.theirs(event.bay)):
            self.bays[event.bay].away = None

    def on_bay_recalled(self, event) -> None:
        begins = down(max(self.asked.home_at or 0, self.now))
        assert (event.resident, event.from_at) == (self.asked.resident, begins)
        assert event.until == self.recall_until(event.bay, max(self.asked.home_at or 0, self.now)), f"{event}"
        self._give(event, "recall", (event.from_at, event.until))

    def recall_until(self, bay: str, home_at: int) -> int | None:
        """Return until when a resident who comes home then may take the bay back; None: it is theirs anyway."""
        begins = down(home_at)
        end = begins
        while self.offered(bay, (end, end + 1)) and end < begins + DAY:
            end += SLOT
        if end > begins:
            return end
        booked = [it for it in self.live if it.bay == bay and it.held[0] < begins + DAY and it.held[1] > begins]
        return (
            min(up(max(it.stay[1] for it in booked if it.stay[1] > home_at)), begins + DAY)
            if any(it.stay[1] > home_at for it in booked)
            else None
        )

    def on_resident_left(self, event) -> None:
        bay = self.bays[event.bay]
        guests = [it for it in self.live if it.bay == event.bay and it.status == "active"]
        assert (self.asked.bay, self.asked.status, guests) == (event.bay, "free", [])
        assert any(offer.kind == "auto" for offer in self.theirs(event.bay))
        assert (bay.away, event.at) == (None, bay.observed_at)
        bay.away = event.at

    def on_resident_returned(self, event) -> None:
        bay = self.bays[event.bay]
        assert bay.away is not None
        assert bay.contested or bay.occupancy == "occupied", f"{event}, and no car was seen"
        away = max(event.at - bay.away, 0)
        assert event.hazard_permille == round(hazard(min(away, DAY)))
        bay.absences += away <= DAY
        bay.expected += event.hazard_permille
        bay.away = None

    def on_auto_window_set(self, event) -> None:
        offer = next(it for it in self.theirs(event.bay) if it.event.offer_id == event.offer_id)
        bay, before = self.bays[event.bay], offer.window
        if event.from_at != before[0]:
            offer.opened.append((before[0], max(min(self.now, before[1]), before[0])))
        offer.window = (event.from_at, event.until)
        if event.from_at == event.until:
            assert (bay.away, event.from_at) == (None, up(self.now))
            return
        assert (bay.away is not None, bay.occupancy, bay.lost, bay.contested) == (True, "free", None, None)
        assert event.from_at in {before[0], up(self.now)}
        assert event.until % SLOT == 0
        pace = (1_000 + 1_000 * bay.absences) / (1_000 + bay.expected)
        more = hazard(event.until - bay.away) - hazard(self.now - bay.away)
        risk = 1_000 * (1 - math.exp(-pace * more / 1_000))
        assert risk <= offer.event.risk_permille + 0.001, f"{event}: back before that with {risk:.1f} in a thousand"

    # ---- points

    def on_points_awarded(self, event) -> None:
        bay = self.bays[event.bay]
        assert (event.resident, event.until) == (bay.spec.resident, self.now)
        begins, offered = self._unpaid(event.bay)
        assert (event.from_at, event.offered_ms) == (begins, offered), f"{event}, {offered} ms from {begins} on"
        assert event.millipoints == offered * RATE // HOUR > 0
        bay.settled_at = self.now

    def all_paid(self, bay: str) -> None:
        """Check that a resident whose bay is taken off the market got the points."""
        it = self.bays[bay]
        assert it.closed or it.retired or self._unpaid(bay)[1] * RATE // HOUR == 0, f"the points of {bay} were not paid"

    def _unpaid(self, bay: str) -> tuple[int, int]:
        """Return from when on points are due, and how long the bay was on offer since."""
        resident = self.bays[bay].spec.resident
        theirs = [offer for offer in self.offers if mine(offer, bay, resident)]
        begins = self.bays[bay].settled_at
        begins = min((offer.at for offer in theirs), default=self.now) if begins is None else begins
        begins = max(begins, self.now - 8 * DAY)
        cuts = {begins, self.now, *(offer.at for offer in theirs), *(it.ended_at for it in theirs if it.ended_at)}
        cuts = sorted({cut for cut in {*cuts, *range(up(begins), self.now, SLOT)} if begins <= cut <= self.now})
        offered = sum(b - a for a, b in pairwise(cuts) if self._gave(theirs, a))
        for offer in theirs:
            if offer.kind == "auto":
                last = min(self.now, offer.window[1], offer.ended_at or self.now)
                pieces = [*offer.opened, (offer.window[0], last)]
                offered += sum(max(b - max(a, begins), 0) for a, b in pieces)
        return begins, min(offered, self.now - begins)

    def _gave(self, theirs: list[NaiveOffer], at: int) -> bool:
        stood = [it for it in theirs if it.at <= at and (it.ended_at is None or at < it.ended_at) and it.kind != "auto"]
        if any(it.kind == "recall" and it.window[0] <= at < it.window[1] for it in stood):
            return False
        return any(opens(offer, down(at), self.timezone) for offer in stood)
