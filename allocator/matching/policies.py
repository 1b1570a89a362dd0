"""Policies: how a request is placed and when its bay is fixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from allocator.domain.interval import MINUTE_MS
from allocator.matching.filters import BIND_LEAD_MS, Wanted
from allocator.matching.reoptimise import reoptimise
from allocator.matching.search import DEPTH_MAX, Found, search
from allocator.matching.together import place_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocator.domain.events import Move
    from allocator.matching.board import Board


class Policy(Protocol):
    """A way to place requests. Subclass it: only `name` and `place` have to be written.

    `bind_lead_ms`: how long before the start the bay is fixed; None: at once. `batch_ms`: requests wait for the end
    of such a window and are placed together; None: each is answered at once.
    """

    @property
    def name(self) -> str:
        """What it is called on the command line."""
        ...

    @property
    def bind_lead_ms(self) -> int | None:
        """When the bay is fixed."""
        return None

    @property
    def batch_ms(self) -> int | None:
        """How long requests are collected."""
        return None

    def place(self, board: Board, wanted: Wanted, now: int) -> Found:
        """Return a bay for what is wanted and the moves that it takes, or none."""
        ...

    def place_together(self, board: Board, wanted: Sequence[Wanted], now: int) -> list[str | None]:  # noqa: ARG002 - a default
        """Return a bay for each of a batch, or None; no two of them overlap on one bay."""
        return [None for _ in wanted]

    def improve(self, board: Board, now: int) -> tuple[Move, ...]:  # noqa: ARG002 - a default
        """Return moves of unbound reservations that shorten their walks; called at each tick."""
        return ()


@dataclass(frozen=True, slots=True)
class Nearest(Policy):
    """First come, nearest: the baseline. Fixes the bay at once and moves nobody."""

    name: str = "nearest"
    bind_lead_ms: int | None = None

    def place(self, board: Board, wanted: Wanted, now: int) -> Found:
        """Return the nearest free bay."""
        return search(board, wanted, now, policy=self.name, depth_max=0, fair=False)


@dataclass(frozen=True, slots=True)
class Batch(Policy):
    """Requests are collected for some minutes and matched together; bays are fixed at once and nobody is moved."""

    name: str = "batch"
    bind_lead_ms: int | None = None
    batch_ms: int | None = 5 * MINUTE_MS

    def place(self, board: Board, wanted: Wanted, now: int) -> Found:
        """Return the nearest free bay, for one alone: a substitute, or a driver who cannot wait."""
        return search(board, wanted, now, policy=self.name, depth_max=0)

    def place_together(self, board: Board, wanted: Sequence[Wanted], now: int) -> list[str | None]:
        """Return the bays of the matching that serves most and costs least."""
        return place_together(board, wanted, now)


@dataclass(frozen=True, slots=True)
class BindLate(Policy):
    """Accept now, bind late: unbound reservations may move so that one more finds a place."""

    name: str = "bind-late"
    bind_lead_ms: int | None = BIND_LEAD_MS

    def place(self, board: Board, wanted: Wanted, now: int) -> Found:
        """Return the nearest free bay, or one that a chain of moves frees."""
        return search(board, wanted, now, policy=self.name, depth_max=DEPTH_MAX)

    def improve(self, board: Board, now: int) -> tuple[Move, ...]:
        """Return moves of the reservations that are bound next."""
        return reoptimise(board, now, self.bind_lead_ms or 0)
