"""A batch of requests onto free bays: the most drivers served, then the least cost; nobody is moved.

One exact matching gives each bay to at most one of them. Who is left over is looked at once more, one by one, because
stays that do not overlap may share a bay.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from allocator.matching.filters import free_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocator.domain.interval import Interval
    from allocator.matching.board import Board, Near
    from allocator.matching.filters import Wanted

TOGETHER_MAX = 500
"""So many are matched at once; of a larger batch the first come first."""


def place_together(board: Board, wanted: Sequence[Wanted], now: int) -> list[str | None]:
    """Return a bay for each, or None; no two of them overlap on one bay."""
    placing = _Placing(board, now)
    placed: list[str | None] = []
    for first in range(0, len(wanted), TOGETHER_MAX):
        placed += placing.chunk(wanted[first : first + TOGETHER_MAX])
    return placed


class _Placing:
    """What has been given so far: the intervals of this batch on each bay."""

    def __init__(self, board: Board, now: int) -> None:
        self.board, self.now = board, now
        self.given: dict[int, list[Interval]] = defaultdict(list)

    def chunk(self, wanted: Sequence[Wanted]) -> list[str | None]:
        """Place some together, and those left over one by one."""
        near = [self._free(want) for want in wanted]
        chosen = self._match(near)
        for want, bay in zip(wanted, chosen, strict=True):
            if bay is not None:
                self.given[bay].append(want.held)
        for row, want in enumerate(wanted):
            if chosen[row] is None and (bay := self._leftover(near[row], want)) is not None:
                chosen[row] = bay
                self.given[bay].append(want.held)
        return [None if bay is None else self.board.bays[bay].spec.bay for bay in chosen]

    def _free(self, want: Wanted) -> Near:
        """Return the bays that fit and are free, those of earlier chunks left out."""
        near = free_for(self.board, (want,), self.now).near
        return near.where(np.array([not self._overlaps(bay, want) for bay in near.bays.tolist()], dtype=np.bool_))

    def _match(self, near: Sequence[Near]) -> list[int | None]:
        """Return the matching of most drivers and then least cost.

        Each driver has a column of their own that costs more than all bays together: whoever ends there has none.
        """
        drivers = len(near)
        bays, columns = np.unique(np.concatenate([one.bays for one in near]), return_inverse=True)
        rows = np.repeat(np.arange(drivers), [len(one.bays) for one in near])
        costs = 1 + np.concatenate([one.walks_m for one in near]) + self.board.fairness_m(bays, self.now)[columns]
        without = (int(costs.max(initial=0)) + 1) * (drivers + 1)
        graph = csr_matrix(
            (
                np.append(costs, np.full(drivers, without)),
                (np.append(rows, np.arange(drivers)), np.append(columns, len(bays) + np.arange(drivers))),
            ),
            shape=(drivers, len(bays) + drivers),
        )
        matched = dict(zip(*(side.tolist() for side in min_weight_full_bipartite_matching(graph)), strict=True))
        return [int(bays[matched[row]]) if matched[row] < len(bays) else None for row in range(drivers)]

    def _leftover(self, near: Near, want: Wanted) -> int | None:
        """Return the cheapest bay that nobody of the batch has at that time."""
        ranked = near.in_order(self.board.ranks(near, self.now), len(near.bays))
        return next((bay for bay in ranked.bays.tolist() if not self._overlaps(bay, want)), None)

    def _overlaps(self, bay: int, want: Wanted) -> bool:
        return any(want.held.overlaps(other) for other in self.given.get(bay, ()))
