"""The judge of S6: the events fold to the state, and an allocator that begins from it decides the same."""

from __future__ import annotations

from dataclasses import replace

from core_machine import Judge

from allocator.core import Settings, State, decide, evolve
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.model import StateImage

ASKED = (
    c.RequestBay, c.DriverCommand, c.OperateBay, c.WithdrawOffer, c.OfferOnce, c.OfferWeekly, c.OfferAuto, c.RecallBay,
)  # fmt: skip
"""The commands that are decided from the image alone."""


class Fold(Judge):
    """Folds the events beside the state."""

    def __init__(self, settings: Settings, now: int) -> None:
        self.settings, self.start = settings, now
        self.state = State.of_image(StateImage(), settings, now)
        self.events = []

    def before(self, work) -> None:
        """Have a state that is loaded from the image decide as well."""
        if isinstance(work.asked, ASKED):
            loaded = State.of_image(work.state.image(), self.settings, work.now)
            ours, theirs = (_decided(state, work) for state in (work.state, loaded))
            assert ours == theirs, f"S6: after a restart {work.asked} leads to {theirs}, not {ours}"

    def committed(self, work, commit) -> None:
        """Fold the new events."""
        for recorded in commit.events:
            evolve(self.state, recorded)
        self.events += commit.events
        assert self.state.image() == work.state.image(), "S6: the events fold to something else"

    def end(self) -> None:
        """Fold everything from zero."""
        state = State.of_image(StateImage(), self.settings, self.start)
        for recorded in self.events:
            evolve(state, recorded)
        assert state.image() == self.state.image()


def _decided(state: State, work) -> list:
    """Return what the state decides; a list of offers is in no order."""
    return [
        replace(event, offer_ids=tuple(sorted(event.offer_ids))) if isinstance(event, e.OffersWithdrawn) else event
        for event in decide(state, work.asked, work.now)
    ]
