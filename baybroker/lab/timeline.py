"""Virtual time: what happens outside, interleaved with the core's own timers, in one exact order."""

from __future__ import annotations

import heapq
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from allocator.core import State
    from allocator.domain.commands import Command
    from allocator.domain.events import Recorded


class Rank(IntEnum):
    """What comes first of what happens at one instant: a bay is left before it is looked at, taken or asked for."""

    LEAVE = 0
    TIMERS = 1
    ARRIVE = 2
    ASK = 3


class Core(Protocol):
    """The allocator as the laboratory drives it."""

    state: State

    def take(self, command: Command, now: int) -> list[Recorded]:
        """Carry out a command and return what it led to."""
        ...

    def pass_time(self, now: int) -> list[Recorded]:
        """Decide whatever has fallen due and return what it led to."""
        ...


class Timeline:
    """Happenings by time; `listen` is called with each event as it is recorded and may plan more."""

    def __init__(self, core: Core, now: int) -> None:
        self.core, self.now = core, now
        self.listen: Callable[[Recorded], None] = lambda _: None
        self._plan: list[tuple[int, Rank, int, Callable[[], None]]] = []
        self._number = 0

    def at(self, when: int, rank: Rank, happen: Callable[[], None]) -> None:
        """Plan a happening; one that is planned for the past happens now."""
        self._number += 1
        heapq.heappush(self._plan, (max(when, self.now), rank, self._number, happen))

    def say(self, command: Command) -> None:
        """Give the core a command now."""
        self._tell(self.core.take(command, self.now))

    def run(self, until: int) -> None:
        """Let the time pass until all that is planned has happened, and the core's timers up to `until`."""
        while True:
            due_at = self.core.state.next_due()
            due_at = None if due_at is None else max(due_at, self.now)
            if self._plan and (due_at is None or self._plan[0][:2] < (due_at, Rank.TIMERS)):
                self.now, _, _, happen = heapq.heappop(self._plan)
                happen()
            elif due_at is not None and (self._plan or due_at <= until):
                self.now = due_at
                self._tell(self.core.pass_time(due_at))
            else:
                return

    def _tell(self, events: Iterable[Recorded]) -> None:
        for recorded in events:
            self.listen(recorded)
