"""Shorter walks: unbound reservations that contain a coming instant are rematched exactly, all others stay put.

Reservations that share an instant cannot share a bay, so a plain bipartite matching is exact for them; over longer
times it would not be. The bay that each has is one of its edges, so that nobody is dropped. Those of a neighbourhood
are matched together, in groups of a limited size, which bounds the work of a tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from allocator.domain.events import Move
from allocator.domain.interval import MINUTE_MS, Interval, slot_floor
from allocator.matching.board import Near
from allocator.matching.filters import Options, fitting, wanted_by

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from allocator.domain.model import Reservation
    from allocator.matching.board import Board

AHEAD_MS = tuple(minutes * MINUTE_MS for minutes in (5, 15, 30))
"""The instants, counted from when what begins then is bound."""
MOVE_SAVES_M = 20
"""What a move has to save: drivers do not notice less, and each one is written down."""
TOGETHER_MAX = 150
"""So many are matched at once."""
REMATCHED_MAX = 600
"""So many are looked at in all: at 60,000 requests a day, those that are bound within the next ten minutes."""
CELL_DEG = 0.01
"""Neighbourhoods are squares of about a kilometre."""


def reoptimise(board: Board, now: int, bind_lead_ms: int) -> tuple[Move, ...]:
    """Return moves of unbound reservations that together shorten their walks; the soonest are looked at first."""
    moves: dict[str, Move] = {}
    taken: set[int] = set()
    room = REMATCHED_MAX
    for ahead_ms in AHEAD_MS:
        sharing = _sharing(board, now, slot_floor(now + bind_lead_ms + ahead_ms))
        waiting = list(islice((held for held in sharing if held.reservation_id not in moves), room))
        room -= len(waiting)
        waiting.sort(key=_neighbourhood)
        for first in range(0, len(waiting), TOGETHER_MAX):
            found = _Rematch(board, waiting[first : first + TOGETHER_MAX], now, taken).moves()
            moves |= {move.reservation_id: move for move in found}
            taken |= {board.number[move.to_bay] for move in found}
    return tuple(moves.values())


def _sharing(board: Board, now: int, instant: int) -> Iterator[Reservation]:
    """Yield the unbound reservations that hold the slot that begins at the instant, by when they begin."""
    begun = Interval(slot_floor(now), instant + 1)
    return (held for held in board.unbound(begun) if held.held_from <= instant < held.held_until)


def _neighbourhood(held: Reservation) -> tuple[float, float]:
    return held.lat // CELL_DEG, held.lon // CELL_DEG


@dataclass(frozen=True, slots=True)
class _Edges:
    """Row by row: the bays that a reservation may be on, the walk to each, and which of them is the present one."""

    rows: NDArray[np.intp]
    near: Near
    present: NDArray[np.bool_]


class _Rematch:
    """One exact matching of a group who all contain one instant; `taken` bays get nobody else."""

    def __init__(self, board: Board, group: Sequence[Reservation], now: int, taken: set[int]) -> None:
        self.board, self.group, self.now, self.taken = board, group, now, taken
        self.holder = {board.number[held.bay or ""]: held for held in group}

    def moves(self) -> list[Move]:
        """Return the moves of the cheapest matching."""
        edges = self._edges()
        bays, columns = np.unique(edges.near.bays, return_inverse=True)
        costs = 1 + edges.near.walks_m + self._fairness_m(bays)[columns] + MOVE_SAVES_M * ~edges.present
        graph = csr_matrix((costs, (edges.rows, columns)), shape=(len(self.group), len(bays)))
        chosen = np.zeros(len(self.group), dtype=np.intp)
        rows, matched = min_weight_full_bipartite_matching(graph)
        chosen[rows] = bays[matched]
        return [
            self._move(held, int(bay))
            for held, bay in zip(self.group, chosen, strict=True)
            if bay != self.board.number[held.bay or ""]
        ]

    def _move(self, held: Reservation, bay: int) -> Move:
        return Move(
            reservation_id=held.reservation_id,
            from_bay=held.bay or "",
            to_bay=self.board.bays[bay].spec.bay,
            walk_m=self.board.walk_m(bay, held.lat, held.lon),
        )

    def _edges(self) -> _Edges:
        """Return where each could go, and where each is."""
        board, group = self.board, self.group
        others = self._others(Options.of(board, [wanted_by(held) for held in group]))
        own = np.array([board.number[held.bay or ""] for held in group], dtype=np.intp)
        own_m = [board.walk_m(bay, held.lat, held.lon) for bay, held in zip(own.tolist(), group, strict=True)]
        rows = np.zeros(len(others.near.bays), dtype=np.intp) if others.rows is None else others.rows
        return _Edges(
            np.concatenate((rows, np.arange(len(group)))),
            Near(np.concatenate((others.near.bays, own)), np.concatenate((others.near.walks_m, own_m))),
            np.repeat((False, True), (len(rows), len(group))),
        )

    def _others(self, options: Options) -> Options:
        """Return the bays that each could go to: free ones, and those that another of the group would leave."""
        board = self.board
        options = options.where(fitting(board, options, self.now))
        options = options.where(~self._among(self.taken, options.near.bays))
        free = ~options.held(board)
        for place in np.flatnonzero(~free & self._among(self.holder, options.near.bays)).tolist():
            bay, held = int(options.near.bays[place]), self.group[options.row(place)]
            free[place] = board.blockers(bay, held.held) == [self.holder[bay]]
        return options.where(free)

    def _among(self, some: Collection[int], bays: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell of each bay whether it is one of some."""
        among = np.zeros(len(self.board.bays), dtype=np.bool_)
        among[list(some)] = True
        return among.take(bays)

    def _fairness_m(self, bays: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return what the bays cost beside the walk, were none of the group on them."""
        leaving = np.array([self._stay_ms(bay) for bay in bays.tolist()], dtype=np.int64)
        return self.board.fairness_m(bays, self.now, leaving)

    def _stay_ms(self, bay: int) -> int:
        held = self.holder.get(bay)
        return 0 if held is None else held.until - held.from_at
