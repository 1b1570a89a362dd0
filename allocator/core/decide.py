"""`decide`: which events follow from a command. It reads the state and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocator.core import auto, offers, recall, requests, timers
from allocator.domain import commands as c

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core.state import State
    from allocator.domain.commands import Command
    from allocator.domain.events import Event


def decide(state: State, command: Command, now: int) -> list[Event]:
    """Return the events that follow, in order; sensors' words come through `hear` and `sensing.observe`."""
    return _DECISIONS[type(command)](state, command, now)


def _fall_due(state: State, due: c.FallDue, now: int) -> list[Event]:
    return timers.fall_due(state, due.timer, due.key, now)


def _release(state: State, said: c.ReleaseReservation, _now: int) -> list[Event]:
    return requests.release(state, said)


_DECISIONS: dict[type, Callable[[State, Any, int], list[Event]]] = {
    c.RequestBay: requests.request,
    c.DriverCommand: requests.driver_command,
    c.OfferWeekly: offers.offer_weekly,
    c.OfferOnce: offers.offer_once,
    c.OfferAuto: auto.offer_auto,
    c.WithdrawOffer: offers.withdraw,
    c.RecallBay: recall.recall,
    c.RefuseOffer: offers.refuse,
    c.RegisterBays: offers.register,
    c.OperateBay: offers.operate,
    c.ReleaseReservation: _release,
    c.FallDue: _fall_due,
}
