"""What all agents share: the agenda of what comes next, the ground truth, and what was said since the last look."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from broker_bridge.agenda import Agenda
from sensors_sim.engine.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from broker_bridge.wire.messages import Message
    from broker_bridge.wire.topics import TopicKind
    from sensors_sim.city import City
    from sensors_sim.scenario import Scenario

FLEET = "fleet"
"""The sender of what drivers and residents say; everything else is said by a gateway."""
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


class Portion(NamedTuple):
    """The `number`th (from 0) `of` so many parts of a city: some of its zones. None are all, the whole city."""

    zones: frozenset[str] | None = None
    number: int = 0
    of: int = 1


WHOLE = Portion()


class Outgoing(NamedTuple):
    """A message that leaves the world at an instant. `names` fill the topic's placeholders."""

    at_ms: int
    sender: str
    kind: TopicKind
    names: Mapping[str, str]
    message: Message


class Stage:
    """The shared surroundings of a world's agents."""

    def __init__(self, city: City, scenario: Scenario, start_ms: int, portion: Portion = WHOLE) -> None:
        self.city = city
        self.scenario = scenario
        self.start_ms = start_ms
        self.agenda: Agenda[Callable[[int], object]] = Agenda()
        """What will be done: each is called with its instant when the time has come."""
        self.truth = Truth()
        self.counts: Counter[str] = Counter()
        self._said: list[Outgoing] = []
        self.portion = portion
        self._asked = 0
        self._epoch = base36(start_ms // 1000)

    def say(self, at_ms: int, sender: str, kind: TopicKind, names: Mapping[str, str], message: Message) -> None:
        """Let a message leave the world now."""
        self._said.append(Outgoing(at_ms, sender, kind, names, message))

    def take_said(self) -> list[Outgoing]:
        """Return what was said since the last time."""
        said, self._said = self._said, []
        return said

    def new_request_id(self, kind: str) -> str:
        """Return an id that no other world uses which starts at another time."""
        self._asked += 1
        return f"{kind}-{self._epoch}-{self.own(self._asked)}"

    def own(self, number: int) -> int:
        """Return the `number`th (from 1) of the numbers from 1 on that are for this portion of the city alone."""
        return (number - 1) * self.portion.of + self.portion.number + 1


def base36(number: int) -> str:
    """Return the number in digits and lower-case letters."""
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
        if number == 0:
            return digits
