"""A policy of one's own: a bay with a charger, or more room, goes last to those who did not ask for it.

How it is written and found: docs/howto/write-a-policy.md.
"""  # noqa: INP001 - a distribution of one module

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocator.domain.events import Explanation
from allocator.matching.filters import Options, Wanted, fitting
from allocator.matching.policies import Nearest
from allocator.matching.search import Found

if TYPE_CHECKING:
    from allocator.matching.board import Board


@dataclass(frozen=True, slots=True)
class PlainFirst(Nearest):
    """The plainest free bay, and of equally plain ones the nearest; fixed at once, as the baseline does."""

    name: str = "plain-first"

    def place(self, board: Board, wanted: Wanted, now: int) -> Found:
        """Return the bay, or none."""
        options, fell = Options.of(board, (wanted,)), dict[str, int]()
        fits = options.where(fitting(board, options, now, fell))
        free = fits.where(~fits.held(board)).near
        ranked = [
            (len(set(board.bays[bay].spec.needs) - set(wanted.needs)), walk_m, bay)
            for bay, walk_m in zip(free.bays.tolist(), free.walks_m.tolist(), strict=True)
        ]
        _, walk_m, bay = min(ranked, default=(0, None, None))
        why = Explanation(policy=self.name, candidates=len(options.near.bays), fell=fell, walk_m=walk_m)
        return Found(None if bay is None else board.bays[bay].spec.bay, walk_m or 0, (), why)
