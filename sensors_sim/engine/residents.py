"""Residents: they come and go as planned, look again where a car stands in their bay, and offer and recall it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from broker_bridge.wire.messages import OfferAuto, OfferOnce, OfferWeekly, Recall, ResidentNotice
from broker_bridge.wire.topics import TopicKind
from sensors_sim.engine.asking import Asks
from sensors_sim.engine.squatters import TRY_AGAIN_MS

if TYPE_CHECKING:
    from sensors_sim.city import Bay
    from sensors_sim.engine.households import Shares
    from sensors_sim.engine.rows import Bools
    from sensors_sim.engine.stage import Stage
    from sensors_sim.parts import Window

_ANSWERS = {"offer_accepted", "offer_rejected", "recall_answer"}


class Offering:
    """The offers and recalls of residents, each repeated until the allocator has answered."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._asks = stage, Asks(stage)

    def weekly(self, now_ms: int, bay: Bay, window: Window) -> None:
        """Offer a window of the week."""
        request_id = self._stage.new_request_id("offer")
        offer = OfferWeekly(request_id=request_id, bay=bay.bay, rrule=window.rrule, start=window.start, end=window.end)
        self._ask(now_ms, bay, offer)

    def once(self, now_ms: int, bay: Bay, until_ms: int) -> None:
        """Offer an absence that begins."""
        request_id = self._stage.new_request_id("offer")
        self._ask(now_ms, bay, OfferOnce(request_id=request_id, bay=bay.bay, from_at=now_ms, until=until_ms))

    def auto(self, now_ms: int, bay: Bay) -> None:
        """Let the bay open whenever its sensor sees the car leave."""
        self._ask(now_ms, bay, OfferAuto(request_id=self._stage.new_request_id("offer"), bay=bay.bay, enabled=True))

    def recall(self, now_ms: int, bay: Bay, home_at: int) -> None:
        """Take the bay back: its resident comes home early."""
        request_id = self._stage.new_request_id("recall")
        self._ask(now_ms, bay, Recall(request_id=request_id, bay=bay.bay, home_at=home_at))

    def heard(self, notice: ResidentNotice) -> None:
        """Take the answer to an offer or a recall."""
        if notice.type in _ANSWERS:
            self._asks.answered(notice.request_id)

    def _ask(self, now_ms: int, bay: Bay, offer: OfferWeekly | OfferOnce | OfferAuto | Recall) -> None:
        self._stage.counts["recalls" if offer.type == "recall" else "offers"] += 1
        self._asks.ask(now_ms, TopicKind.RESIDENT_OFFER, {"resident": bay.resident}, offer.request_id, offer)


class Neighbourhood:
    """All the residents, numbered as the city's bays. At the start some of their cars are at home."""

    def __init__(self, stage: Stage, shares: Shares, at_home: Bools, offering: Offering) -> None:
        self._stage, self._shares, self._offering = stage, shares, offering
        self._bays = list(stage.city.bays.values())
        self._waiting: set[int] = set()
        for bay, stands in zip(self._bays, at_home.tolist(), strict=True):
            if stands:
                stage.truth.place(bay.bay, "resident", bay.resident, stage.start_ms)
        stage.agenda.add(stage.start_ms, self._offer_for_good)

    def _offer_for_good(self, now_ms: int) -> None:
        for bay, windows, opens_itself in zip(self._bays, self._shares.weekly, self._shares.auto.tolist(), strict=True):
            for window in windows:
                self._offering.weekly(now_ms, bay, window)
            if opens_itself:
                self._offering.auto(now_ms, bay)

    # ---- what the plan has

    def leaves(self, now_ms: int, number: int, _value: int) -> None:
        """Drive off; whoever could not park yet goes on from elsewhere."""
        bay = self._bays[number]
        self._waiting.discard(number)
        self._stage.truth.leave(bay.bay, bay.resident, now_ms, planned=True)

    def returns(self, now_ms: int, number: int, _value: int) -> None:
        """Come home; where another car stands in the bay, look again in ten minutes."""
        if not self._park(number, now_ms, planned=True):
            self._waiting.add(number)
            self._stage.counts["residents_blocked"] += 1
            self._stage.agenda.add(now_ms + TRY_AGAIN_MS, partial(self._look_again, number))

    def is_blocked(self, now_ms: int, number: int, _value: int) -> None:
        """Come home to find a squatter; when to come again is planned. Where he could not park, the bay may be free."""
        if not self._park(number, now_ms, planned=False):
            self._stage.counts["residents_blocked"] += 1

    def offers(self, now_ms: int, number: int, until_ms: int) -> None:
        """Offer the absence that begins."""
        self._offering.once(now_ms, self._bays[number], until_ms)

    def recalls(self, now_ms: int, number: int, home_at: int) -> None:
        """Say that the car comes home early."""
        self._offering.recall(now_ms, self._bays[number], home_at)

    def _look_again(self, number: int, now_ms: int) -> None:
        if number in self._waiting and not self._park(number, now_ms, planned=False):
            self._stage.agenda.add(now_ms + TRY_AGAIN_MS, partial(self._look_again, number))

    def _park(self, number: int, now_ms: int, *, planned: bool) -> bool:
        """Tell whether the car stands in its bay now."""
        bay = self._bays[number]
        there = self._stage.truth.standing.get(bay.bay)
        home = there is not None and there.name == bay.resident
        home = home or self._stage.truth.park(bay.bay, "resident", bay.resident, now_ms, planned=planned)
        if home:
            self._waiting.discard(number)
        return home
