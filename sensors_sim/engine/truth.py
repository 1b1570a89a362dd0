"""The ground truth: who stands in which bay since when, and beside it what the bay's sensor says."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

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


class Truth:
    """Who physically stands where. At most `PAST_MAX` stays that are over are kept, the newest."""

    def __init__(self) -> None:
        self.standing: dict[str, Occupant] = {}
        self.said: dict[str, str] = {}
        self.past: deque[Stood] = deque(maxlen=PAST_MAX)
        self.on_change: Callable[[str, int], None] | None = None

    def occupied(self, bay: str) -> bool:
        """Tell whether a car stands there."""
        return bay in self.standing

    def place(self, bay: str, kind: str, name: str, since_ms: int) -> None:
        """Have a car stand there from the beginning: no sensor notices it come."""
        self.standing[bay] = Occupant(kind, name, since_ms)

    def park(self, bay: str, kind: str, name: str, now_ms: int) -> bool:
        """Put a car into the bay; returns False, and does nothing, where one stands there."""
        if bay in self.standing:
            return False
        self.standing[bay] = Occupant(kind, name, now_ms)
        self._changed(bay, now_ms)
        return True

    def leave(self, bay: str, name: str, now_ms: int) -> bool:
        """Take this car out of the bay; returns False where it does not stand there."""
        occupant = self.standing.get(bay)
        if occupant is None or occupant.name != name:
            return False
        del self.standing[bay]
        self.past.append(Stood(bay, *occupant, now_ms))
        self._changed(bay, now_ms)
        return True

    def _changed(self, bay: str, now_ms: int) -> None:
        if self.on_change is not None:
            self.on_change(bay, now_ms)
