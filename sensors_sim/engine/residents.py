"""Residents: when their cars leave and come back, and what they offer of their bays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from broker_bridge.wire.messages import OfferAuto, OfferOnce, OfferWeekly, ResidentNotice
from broker_bridge.wire.topics import TopicKind
from sensors_sim.engine.asking import Asks
from sensors_sim.engine.chance import weighted
from sensors_sim.local_time import HOUR_MS, MINUTE_MS, wall_hour

if TYPE_CHECKING:
    from numpy.random import Generator

    from sensors_sim.city import Bay
    from sensors_sim.engine.stage import Stage
    from sensors_sim.scenario import Window

SATURDAY = 5
DAY_PLANNED_H = 3.0
TRY_AGAIN_MS = 10 * MINUTE_MS
ONCE_LEAST_MS = HOUR_MS
ONCE_MARGIN_MS = 30 * MINUTE_MS
AWAY_LEAST_H = 0.5


@dataclass(slots=True)
class Resident:
    """A household with one car. `leave_h` and `return_h` are its own hours beside the habit's."""

    bay: Bay
    leave_h: float
    return_h: float
    window: Window | None = None
    opens_itself: bool = False
    trip: tuple[int, int] | None = None
    """When the car is away today: `[from, until)`."""


class Offering:
    """The offers of residents, each repeated until the allocator has answered."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._asks = stage, Asks(stage)

    def weekly(self, now_ms: int, bay: Bay, window: Window) -> None:
        """Offer a window of the week."""
        request_id = self._stage.new_request_id("offer")
        offer = OfferWeekly(request_id=request_id, bay=bay.bay, rrule=window.rrule, start=window.start, end=window.end)
        self._ask(now_ms, bay, offer)

    def once(self, now_ms: int, bay: Bay, from_ms: int, until_ms: int) -> None:
        """Offer one absence."""
        request_id = self._stage.new_request_id("offer")
        self._ask(now_ms, bay, OfferOnce(request_id=request_id, bay=bay.bay, from_at=from_ms, until=until_ms))

    def auto(self, now_ms: int, bay: Bay) -> None:
        """Let the bay open whenever its sensor sees the car leave."""
        self._ask(now_ms, bay, OfferAuto(request_id=self._stage.new_request_id("offer"), bay=bay.bay, enabled=True))

    def heard(self, notice: ResidentNotice) -> None:
        """Take the answer to an offer."""
        if notice.type in {"offer_accepted", "offer_rejected"}:
            self._asks.answered(notice.request_id)

    def _ask(self, now_ms: int, bay: Bay, offer: OfferWeekly | OfferOnce | OfferAuto) -> None:
        self._stage.counts["offers"] += 1
        self._asks.ask(now_ms, TopicKind.RESIDENT_OFFER, {"resident": bay.resident}, offer.request_id, offer)


class Neighbourhood:
    """All the residents. At the start the cars stand where the day's plan has them."""

    def __init__(self, stage: Stage, rng: Generator, offering: Offering) -> None:
        self._stage, self._rng, self._offering = stage, rng, offering
        self._residents = [self._settle(bay) for bay in stage.city.bays.values()]
        today = stage.local.day(stage.start_ms - round(DAY_PLANNED_H * HOUR_MS))
        for resident in self._residents:
            self._begin(resident, today)
        stage.agenda.at(stage.start_ms, self._offer_for_good)
        stage.agenda.at(self._planning_of(today + timedelta(days=1)), self._plan_all)

    def _settle(self, bay: Bay) -> Resident:
        setting, rng = self._stage.scenario.offers, self._rng
        spread = self._stage.scenario.residents.personal_sd_h
        resident = Resident(bay, float(rng.normal(0, spread)), float(rng.normal(0, spread)))
        if rng.random() < setting.weekly_share:
            chosen = weighted(rng, [window.weight for window in setting.windows])
            resident.window = setting.windows[chosen]
        elif setting.auto_share:
            resident.opens_itself = rng.random() < setting.auto_share
        return resident

    def _offer_for_good(self, now_ms: int) -> None:
        for resident in self._residents:
            if resident.window is not None:
                self._offering.weekly(now_ms, resident.bay, resident.window)
            elif resident.opens_itself:
                self._offering.auto(now_ms, resident.bay)

    def _begin(self, resident: Resident, today: date) -> None:
        """Put the car where the plan of the running day has it."""
        start_ms = self._stage.start_ms
        trip = self._draw_trip(resident, today)
        if trip is None or trip[1] <= start_ms or start_ms < trip[0]:
            self._stage.truth.place(resident.bay.bay, "resident", resident.bay.resident, start_ms)
        if trip is None or trip[1] <= start_ms:
            return
        resident.trip = trip
        if start_ms < trip[0]:
            self._stage.agenda.at(trip[0], partial(self._leave, resident))
        else:
            self._stage.agenda.at(start_ms, partial(self._offer_once, resident))
            self._stage.agenda.at(trip[1], partial(self._return, resident))

    def _plan_all(self, now_ms: int) -> None:
        today = self._stage.local.day(now_ms)
        for resident in self._residents:
            if resident.trip is None:
                resident.trip = self._draw_trip(resident, today)
                if resident.trip is not None:
                    self._stage.agenda.at(resident.trip[0], partial(self._leave, resident))
        self._stage.agenda.at(self._planning_of(today + timedelta(days=1)), self._plan_all)

    def _planning_of(self, day: date) -> int:
        return self._stage.local.instant(day, DAY_PLANNED_H)

    def _draw_trip(self, resident: Resident, day: date) -> tuple[int, int] | None:
        """Return when the car is away that day, or None; on some days it is back early."""
        setting, rng = self._stage.scenario.residents, self._rng
        weekend = day.weekday() >= SATURDAY
        habit = setting.weekend if weekend else setting.weekday
        stays = rng.random() >= habit.out_share
        leave_h, return_h = habit.leave_h + resident.leave_h, habit.return_h + resident.return_h
        if resident.window is not None and not weekend:
            margin_h = self._stage.scenario.offers.margin_min / 60
            leave_h = min(leave_h, wall_hour(resident.window.start) - margin_h)
            return_h = max(return_h, wall_hour(resident.window.end) + margin_h)
        leave_h = max(leave_h + float(rng.normal(0, habit.leave_sd_h)), DAY_PLANNED_H + 0.1)
        return_h = max(return_h + float(rng.normal(0, habit.return_sd_h)), leave_h + AWAY_LEAST_H)
        if rng.random() < setting.early_return_share:
            return_h = leave_h + AWAY_LEAST_H + float(rng.random()) * (return_h - leave_h - AWAY_LEAST_H)
        if stays:
            return None
        return self._stage.local.instant(day, leave_h), self._stage.local.instant(day, return_h)

    def _leave(self, resident: Resident, now_ms: int) -> None:
        self._stage.truth.leave(resident.bay.bay, resident.bay.resident, now_ms)
        self._offer_once(resident, now_ms)
        if resident.trip is not None:
            self._stage.agenda.at(max(resident.trip[1], now_ms + 1), partial(self._return, resident))

    def _offer_once(self, resident: Resident, now_ms: int) -> None:
        drawn = self._rng.random()
        lasting = resident.window is not None or resident.opens_itself
        if lasting or resident.trip is None or drawn >= self._stage.scenario.offers.once_share:
            return
        until_ms = resident.trip[1] - ONCE_MARGIN_MS
        if until_ms - now_ms >= ONCE_LEAST_MS:
            self._offering.once(now_ms, resident.bay, now_ms, until_ms)

    def _return(self, resident: Resident, now_ms: int) -> None:
        """Come home; where another car stands in the bay, look again in ten minutes."""
        if self._stage.truth.park(resident.bay.bay, "resident", resident.bay.resident, now_ms):
            resident.trip = None
            return
        self._stage.counts["residents_blocked"] += 1
        self._stage.agenda.at(now_ms + TRY_AGAIN_MS, partial(self._return, resident))
