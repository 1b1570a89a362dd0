"""The one search: breadth first for a free bay, or for a chain of unbound reservations that can each move on.

Bounded: no bay twice, `DEPTH_MAX` moves, `EXAMINED_MAX` bays. Those who could move on wait in a line; many of them are
looked after at once, with the outcome that one after the other would have. Where no chain helps, a bay is cleared of
several who each find a free one: with bookings made hours ahead that serves another 0.5 % (Geumcheon, load 0.9). What
was found is explained.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from allocator.domain.events import Explanation, Move
from allocator.matching.filters import Options, Wanted, fitting, free_for, wanted_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from allocator.domain.model import Reservation
    from allocator.matching.board import Board

DEPTH_MAX = 8
EXAMINED_MAX = 500
TOGETHER_MAX = 64
"""So many of those who could move on are looked after at once."""
CLEARED = (2, 3)
"""So many may leave a bay for one."""
CLEARABLE_MAX = 60
"""So many of the cheapest bays are tried for that."""


class Found(NamedTuple):
    """The bay, its walk, the moves that free it (the last evicted first), and why."""

    bay: str | None
    walk_m: int
    moves: tuple[Move, ...]
    explanation: Explanation


class _Step(NamedTuple):
    """A bay that would be taken if `evicted`, who holds it, could move on; `before` evicted who would take it."""

    bay: int
    walk_m: int
    evicted: Reservation
    before: _Step | None
    depth: int


class _Shared(NamedTuple):
    """A bay that would be taken if all of its `holders` could move on."""

    bay: int
    walk_m: int
    holders: list[Reservation]


def search(board: Board, wanted: Wanted, now: int, *, policy: str, depth_max: int, fair: bool = True) -> Found:
    """Return the cheapest free bay, or else the shortest chain that frees one; `bay` is None where there is none.

    Without `fair` only the walk counts.
    """
    return _Search(board, wanted, now, policy, depth_max, fair=fair).run()


class _Search:
    """The state of one search. `fell` counts, among the bays near the one who asks, what each falls to."""

    def __init__(self, board: Board, wanted: Wanted, now: int, policy: str, depth_max: int, *, fair: bool) -> None:
        self.board, self.wanted, self.now, self.policy, self.depth_max = board, wanted, now, policy, depth_max
        self.fair = fair
        self.candidates = 0
        self.examined = 0
        self.fell: dict[str, int] = {}
        self.queue: deque[_Step] = deque()
        self.clearable: list[_Shared] = []

    def run(self) -> Found:
        options = Options.of(self.board, (self.wanted,))
        self.candidates = len(options.near.bays)
        options = options.where(fitting(self.board, options, self.now, self.fell))
        held = options.held(self.board)
        if booked := int(np.count_nonzero(held)):
            self.fell["booked"] = booked
        found = self._choose(options, held, (None,))
        if found is None and self.depth_max:
            found = self._chains(options) or self._clear()
        return found or Found(None, 0, (), self._explain())

    # ---- chains

    def _chains(self, asked: Options) -> Found | None:
        """Return the first free bay that one of those who could move on finds."""
        visited = np.zeros(len(self.board.bays), dtype=np.bool_)
        visited[asked.near.bays] = True
        first_at = np.empty(len(visited), dtype=np.intp)
        while self.queue and self.examined < EXAMINED_MAX:
            steps = [self.queue.popleft() for _ in range(min(TOGETHER_MAX, len(self.queue)))]
            options = Options.of(self.board, [wanted_by(step.evicted) for step in steps])
            options = options.where(~visited.take(options.near.bays))
            options = options.where(fitting(self.board, options, self.now))
            # a bay is the first one's in the line: looked at one after the other, it is visited for the rest
            places = np.arange(len(options.near.bays))
            first_at[options.near.bays[::-1]] = places[::-1]
            options = options.where(first_at.take(options.near.bays) == places)
            found = self._choose(options, options.held(self.board), steps)
            if found is not None:
                return found
            visited[options.near.bays] = True
        return None

    def _choose(self, options: Options, held: NDArray[np.bool_], steps: Sequence[_Step | None]) -> Found | None:
        """Return the cheapest free bay of the first who finds one; else have those who hold the bays line up."""
        ranks = self.board.ranks(options.near, self.now, fair=self.fair)
        free = (~held).nonzero()[0]
        if not free.size:
            if self.depth_max:
                self._evict(options.in_order(ranks, EXAMINED_MAX - self.examined), steps)
            return None
        row = options.row(free[0])
        mine = options.within(row)
        first = mine.start or 0
        if self.examined + first >= EXAMINED_MAX:
            self.examined = EXAMINED_MAX
            return None
        free = free[: np.searchsorted(free, mine.stop)] if mine.stop is not None else free
        best = int(free[ranks[free].argmin()])
        self.examined += first + int(np.count_nonzero(ranks[mine] <= ranks[best]))
        return self._chain(int(options.near.bays[best]), int(options.near.walks_m[best]), steps[row])

    def _evict(self, options: Options, steps: Sequence[_Step | None]) -> None:
        """Have those who hold these bays, and could move, wait to be looked after."""
        self.examined += len(options.near.bays)
        movable = (~options.held(self.board, fixed=True)).nonzero()[0]
        options = options.where(movable)
        rows = [0] * len(movable) if options.rows is None else options.rows.tolist()
        columns = movable.tolist(), rows, options.near.bays.tolist(), options.near.walks_m.tolist()
        for place, row, bay, walk_m in zip(*columns, strict=True):
            before = steps[row]
            depth = 1 if before is None else before.depth + 1
            if depth > self.depth_max:
                return
            blockers = self.board.blockers(bay, options.wants[row].held)
            if len(blockers) == 1:
                self.queue.append(_Step(bay, walk_m, blockers[0], before, depth))
            elif before is None and place < CLEARABLE_MAX and len(blockers) in CLEARED:
                self.clearable.append(_Shared(bay, walk_m, blockers))

    def _chain(self, free: int, walk_m: int, step: _Step | None) -> Found:
        """Walk back from the free bay: each one evicted moves to the bay found after its own."""
        moves = []
        while step is not None:
            moves.append(self._move(step.evicted, free, walk_m))
            free, walk_m, step = step.bay, step.walk_m, step.before
        return self._found(free, walk_m, tuple(moves))

    # ---- clearing

    def _clear(self) -> Found | None:
        """Return the cheapest bay that several hold who can all go elsewhere, each to a free one; all or none."""
        wants = [wanted_by(held) for shared in self.clearable for held in shared.holders]
        if not wants:
            return None
        options = free_for(self.board, wants, self.now)
        options = options.in_order(self.board.ranks(options.near, self.now), len(options.near.bays))
        row = 0
        for shared in self.clearable:
            moves = self._leave(shared, options, row)
            if moves:
                return self._found(shared.bay, shared.walk_m, moves)
            row += len(shared.holders)
        return None

    def _leave(self, shared: _Shared, options: Options, row: int) -> tuple[Move, ...]:
        """Return the moves of a bay's holders, whose free bays are those from `row` on; none where one finds none."""
        moves, taken = [], {shared.bay}
        for after, held in enumerate(shared.holders):
            room = options.near.where(options.within(row + after))
            place = next((it for it, to_bay in enumerate(room.bays.tolist()) if to_bay not in taken), None)
            if place is None:
                return ()
            taken.add(int(room.bays[place]))
            moves.append(self._move(held, int(room.bays[place]), int(room.walks_m[place])))
        return tuple(moves)

    def _move(self, held: Reservation, to_bay: int, walk_m: int) -> Move:
        return Move(
            reservation_id=held.reservation_id,
            from_bay=held.bay or "",
            to_bay=self.board.bays[to_bay].spec.bay,
            walk_m=walk_m,
        )

    def _found(self, bay: int, walk_m: int, moves: tuple[Move, ...]) -> Found:
        fairness_m = int(self.board.fairness_m(bay, self.now)) if self.fair else 0
        return Found(self.board.bays[bay].spec.bay, walk_m, moves, self._explain(walk_m, fairness_m, moves))

    def _explain(self, walk_m: int | None = None, fairness_m: int = 0, chain: tuple[Move, ...] = ()) -> Explanation:
        return Explanation(
            policy=self.policy,
            candidates=self.candidates,
            fell=self.fell,
            examined=self.examined,
            cut=walk_m is None and self.examined >= EXAMINED_MAX,
            walk_m=walk_m,
            chain=chain,
            fairness_m=fairness_m,
        )
