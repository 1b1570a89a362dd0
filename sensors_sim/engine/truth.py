"""The ground truth: who stands in which bay since when, what fails, and beside it what the bays' sensors say."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

PAST_MAX = 20_000


class Occupant(NamedTuple):
    """A car in a bay; `kind` is resident, guest, squatter or recorded."""

    kind: str
    name: str
    since_ms: int


class Stood(NamedTuple):
    """A stay that is over: `[since_ms, until_ms)`."""

    bay: str
    kind: str
    name: str
    since_ms: int
    until_ms: int


class Mistaken(NamedTuple):
    """A time that is over in which a sensor had said what was not so: `[since_ms, until_ms)`."""

    bay: str
    said: str
    since_ms: int
    until_ms: int


class Failed(NamedTuple):
    """A fault that is over: `[since_ms, until_ms)`. `name` is a bay's, of gateway_down a gateway's."""

    kind: str
    name: str
    since_ms: int
    until_ms: int


class Past(NamedTuple):
    """What is over, in the order of its end."""

    stays: list[Stood]
    mistakes: list[Mistaken]
    faults: list[Failed]


class Heed(Protocol):
    """Hears of each change of a bay, when it was, and whether it was planned."""

    def __call__(self, bay: str, now_ms: int, *, planned: bool) -> None:
        """Take note."""


class Truth:
    """Who physically stands where, and what fails.

    Of what is over the newest `PAST_MAX` of each kind are kept, until they are taken.
    """

    def __init__(self) -> None:
        self.standing: dict[str, Occupant] = {}
        self.said: dict[str, str] = {}
        self.mistaken: dict[str, int] = {}
        """The bays of which the sensor's last word is not so, and since when."""
        self.failing: dict[tuple[str, str], int] = {}
        """(kind, name) of the faults under way, and since when."""
        self.past: deque[Stood] = deque(maxlen=PAST_MAX)
        self.past_mistakes: deque[Mistaken] = deque(maxlen=PAST_MAX)
        self.past_faults: deque[Failed] = deque(maxlen=PAST_MAX)
        self.on_change: Heed | None = None

    def take_past(self) -> Past:
        """Return what is over since this was last asked, and forget it."""
        taken = Past(list(self.past), list(self.past_mistakes), list(self.past_faults))
        for kept in (self.past, self.past_mistakes, self.past_faults):
            kept.clear()
        return taken

    def occupied(self, bay: str) -> bool:
        """Tell whether a car stands there."""
        return bay in self.standing

    def place(self, bay: str, kind: str, name: str, since_ms: int) -> None:
        """Have a car stand there from the beginning: no sensor notices it come."""
        self.standing[bay] = Occupant(kind, name, since_ms)

    def park(self, bay: str, kind: str, name: str, now_ms: int, *, planned: bool = False) -> bool:
        """Put a car into the bay; returns False, and does nothing, where one stands there.

        `planned`: the plan has it, and what the sensor reports of it.
        """
        if bay in self.standing:
            return False
        self.standing[bay] = Occupant(kind, name, now_ms)
        self._changed(bay, now_ms, planned=planned)
        return True

    def leave(self, bay: str, name: str, now_ms: int, *, planned: bool = False) -> bool:
        """Take this car out of the bay; returns False where it does not stand there."""
        occupant = self.standing.get(bay)
        if occupant is None or occupant.name != name:
            return False
        del self.standing[bay]
        self.past.append(Stood(bay, *occupant, now_ms))
        self._changed(bay, now_ms, planned=planned)
        return True

    def say(self, bay: str, status: str, now_ms: int) -> None:
        """Note what the bay's sensor says."""
        if self.said.get(bay) != status:
            self._judge(bay, now_ms, now_said=status)
            self.said[bay] = status

    def fail(self, kind: str, name: str, now_ms: int) -> None:
        """Note that a fault begins."""
        self.failing.setdefault((kind, name), now_ms)

    def repair(self, kind: str, name: str, now_ms: int) -> None:
        """Note that a fault is over."""
        self.past_faults.append(Failed(kind, name, self.failing.pop((kind, name), now_ms), now_ms))

    def _changed(self, bay: str, now_ms: int, *, planned: bool) -> None:
        if bay in self.said:
            self._judge(bay, now_ms, now_said=self.said[bay])
        if self.on_change is not None:
            self.on_change(bay, now_ms, planned=planned)

    def _judge(self, bay: str, now_ms: int, *, now_said: str) -> None:
        since_ms = self.mistaken.pop(bay, None)
        if since_ms is not None and since_ms < now_ms:
            self.past_mistakes.append(Mistaken(bay, self.said[bay], since_ms, now_ms))
        if now_said == ("free" if bay in self.standing else "occupied"):
            self.mistaken[bay] = now_ms
