"""Policies: how a request is placed and when its bay is fixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from allocator.matching.search import BIND_LEAD_MS, DEPTH_MAX, Found, Wanted, search

if TYPE_CHECKING:
    from allocator.matching.board import Board


class Policy(Protocol):
    """A way to place requests. `bind_lead_ms`: how long before the start the bay is fixed; None: at once."""

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        ...

    @property
    def bind_lead_ms(self) -> int | None:
        """When the bay is fixed."""
        ...

    def place(self, board: Board, wanted: Wanted, now: int) -> Found:
        """Return a bay for what is wanted and the moves that it takes, or none."""
        ...


@dataclass(frozen=True, slots=True)
class Nearest:
    """First come, nearest: the baseline. Fixes the bay at once and moves nobody."""

    name: str = "nearest"
    bind_lead_ms: int | None = None

    def place(self, board: Board, wanted: Wanted, now: int) -> Found:
        """Return the nearest free bay."""
        return search(board, wanted, now, policy=self.name, depth_max=0)


@dataclass(frozen=True, slots=True)
class BindLate:
    """Accept now, bind late: unbound reservations may move so that one more finds a place."""

    name: str = "bind-late"
    bind_lead_ms: int | None = BIND_LEAD_MS

    def place(self, board: Board, wanted: Wanted, now: int) -> Found:
        """Return the nearest free bay, or one that a chain of moves frees."""
        return search(board, wanted, now, policy=self.name, depth_max=DEPTH_MAX)


POLICIES: dict[str, Policy] = {"nearest": Nearest(), "bind-late": BindLate()}
