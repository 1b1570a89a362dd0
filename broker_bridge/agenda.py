"""What is to come, by when: the timers of the allocator and the acts of a simulated world."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Agenda(Generic[Item]):
    """Items in the order of their instants; those of one instant keep the order in which they were entered.

    Many share an instant: the heap has each instant once, as a bare number, and those beside it in a list.
    """

    __slots__ = ("_count", "_instants", "_of", "_taken")

    def __init__(self) -> None:
        self._count = 0
        self._instants: list[int] = []
        self._of: dict[int, list[Item]] = {}
        self._taken: dict[int, int] = {}
        """How many of an instant's items are gone already, where some are."""

    def __len__(self) -> int:
        return self._count

    def add(self, at: int, item: Item) -> None:
        """Enter an item."""
        self._count += 1
        others = self._of.get(at)
        if others is None:
            self._of[at] = [item]
            heapq.heappush(self._instants, at)
        else:
            others.append(item)

    def next_at(self) -> int | None:
        """Return when something comes next."""
        return self._instants[0] if self._instants else None

    def pop(self) -> tuple[int, Item]:
        """Take out what comes next, and when that is; raises IndexError where nothing does."""
        at = self._instants[0]
        items, taken = self._of[at], self._taken.get(at, 0)
        if taken + 1 == len(items):
            heapq.heappop(self._instants)
            del self._of[at]
            self._taken.pop(at, None)
        else:
            self._taken[at] = taken + 1
        self._count -= 1
        return at, items[taken]
