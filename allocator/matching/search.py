"""The one search: breadth first for a free bay, or for a chain of unbound reservations that can each move on.

Each look is at all the bays near one destination at once. Bounded: no bay twice, `DEPTH_MAX` moves, `EXAMINED_MAX`
bays. Where no chain helps, a bay is cleared of several who each find a free one: with bookings made hours ahead that
serves another 0.5 % (Geumcheon, load 0.9), for 50 microseconds. What it found is explained.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from allocator.domain.events import Explanation, Move
from allocator.domain.interval import HOUR_MS, Interval
from allocator.domain.lifecycle import Occupancy, ReservationStatus
from allocator.matching.traits import CLOSED, CONTESTED, NOT_FREE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from allocator.domain.model import Bay, Reservation
    from allocator.matching.board import Board, Near

DEPTH_MAX = 8
EXAMINED_MAX = 500
CLEARED = (2, 3)
"""So many may leave a bay for one."""
CLEARABLE_MAX = 60
"""So many of the cheapest bays are tried for that."""
BIND_LEAD_MS = 15 * 60_000
_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a bay is looked for: near where, when, and what it must have. `tariffs`: those it may have, None: any."""

    lat: float
    lon: float
    held: Interval
    max_walk_m: int
    needs: tuple[str, ...] = ()
    exclude: str | None = None
    tariffs: frozenset[str | None] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The bay, its walk, the moves that free it (the last evicted first), and why."""

    bay: str | None
    walk_m: int
    moves: tuple[Move, ...]
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class _Step:
    """A bay that would be taken if `evicted`, who holds it, could move on; `before` evicted who would take it."""

    bay: int
    walk_m: int
    evicted: Reservation
    before: _Step | None


def wanted_by(reservation: Reservation) -> Wanted:
    """Return what a reservation was promised, as something to look for."""
    return Wanted(
        lat=reservation.lat,
        lon=reservation.lon,
        held=reservation.held,
        max_walk_m=reservation.max_walk_m,
        needs=reservation.needs,
        exclude=reservation.bay,
    )


def unfit(bay: Bay, wanted: Wanted, now: int) -> str | None:  # noqa: PLR0911 - one filter each
    """Return the filter that a bay falls to, or None. What starts soon needs a bay that is known to be free.

    The rule for one bay; `fitting` is the same for many at once.
    """
    if bay.retired or bay.closed:
        return "closed"
    if bay.spec.bay == wanted.exclude:
        return "excluded"
    if not set(wanted.needs) <= set(bay.spec.needs):
        return "needs"
    if wanted.tariffs is not None and bay.spec.tariff not in wanted.tariffs:
        return "too_dear"
    starts_in = wanted.held.from_at - now
    if bay.contested is not None and starts_in < HOUR_MS:
        return "contested"
    if starts_in <= BIND_LEAD_MS and (bay.lost is not None or bay.occupancy is not Occupancy.FREE):
        return "not_free_now"
    return None


def fitting(
    board: Board, wanted: Wanted, bays: NDArray[np.intp], now: int, fell: dict[str, int] | None = None
) -> NDArray[np.bool_]:
    """Tell of each bay whether it passes every filter and is offered; `fell` counts those that do not."""
    fits = np.ones(len(bays), dtype=np.bool_)
    for name, falls in _filters(board, wanted, bays, now):
        if fell is not None and (count := int(np.count_nonzero(fits & falls))):
            fell[name] = count
        fits &= ~falls
    return fits


def free_near(board: Board, wanted: Wanted, now: int) -> Near:
    """Return the bays that fit and that nobody holds then."""
    near = board.candidates(wanted.lat, wanted.lon, wanted.max_walk_m)
    near = near.where(fitting(board, wanted, near.bays, now))
    return near.where(~board.calendars.which_held(near.bays, board.calendars.mask(wanted.held)))


def _filters(board: Board, wanted: Wanted, bays: NDArray[np.intp], now: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield each filter that anything could fall to, and which of the bays do."""
    against = board.traits.against.take(bays)
    occurring = int(np.bitwise_or.reduce(against))
    starts_in = wanted.held.from_at - now
    if occurring & CLOSED:
        yield "closed", against & CLOSED != 0
    if wanted.exclude is not None:
        yield "excluded", bays == board.number.get(wanted.exclude, -1)
    if occurring & (lacking := board.traits.lacking(wanted.needs)):
        yield "needs", against & lacking != 0
    if wanted.tariffs is not None:
        yield "too_dear", board.traits.which_dear(bays, wanted.tariffs)
    if occurring & CONTESTED and starts_in < HOUR_MS:
        yield "contested", against & CONTESTED != 0
    if occurring & NOT_FREE and starts_in <= BIND_LEAD_MS:
        yield "not_free_now", against & NOT_FREE != 0
    yield "not_offered", ~board.calendars.which_offered(bays, board.calendars.mask(wanted.held))


def search(board: Board, wanted: Wanted, now: int, *, policy: str, depth_max: int) -> Found:
    """Return the cheapest free bay, or else the shortest chain that frees one; `bay` is None where there is none."""
    return _Search(board, wanted, now, policy, depth_max).run()


class _Search:
    """The state of one search. `fell` counts, among the bays near the one who asks, what each falls to."""

    def __init__(self, board: Board, wanted: Wanted, now: int, policy: str, depth_max: int) -> None:
        self.board, self.wanted, self.now, self.policy, self.depth_max = board, wanted, now, policy, depth_max
        self.candidates = 0
        self.examined = 0
        self.fell: dict[str, int] = {}
        self.visited = np.zeros(len(board.bays), dtype=np.bool_)
        self.queue: deque[tuple[Wanted, _Step | None, int]] = deque()

    def run(self) -> Found:
        near = self.board.candidates(self.wanted.lat, self.wanted.lon, self.wanted.max_walk_m)
        self.candidates = len(near.bays)
        found = self._look(near, self.wanted, None, 0)
        while found is None and self.queue and self.examined < EXAMINED_MAX:
            want, before, depth = self.queue.popleft()
            near = self.board.candidates(want.lat, want.lon, want.max_walk_m)
            found = self._look(near.where(~self.visited.take(near.bays)), want, before, depth)
        if found is None and self.depth_max:
            found = self._clear_one()
        return found or Found(None, 0, (), self._explain())

    def _look(self, near: Near, want: Wanted, before: _Step | None, depth: int) -> Found | None:
        """Look at the bays near one who wants a bay: the one who asks, or the one evicted in `before`."""
        asking = before is None
        if not near.bays.size:
            return None
        near = near.where(fitting(self.board, want, near.bays, self.now, self.fell if asking else None))
        held = self.board.calendars.which_held(near.bays, self.board.calendars.mask(want.held))
        if asking and held.any():
            self.fell["booked"] = int(np.count_nonzero(held))
        ranks = self.board.ranks(near, self.now)
        if not held.all():
            best = int(np.argmin(np.where(held, _LAST, ranks)))
            self.examined += int(np.count_nonzero(ranks <= ranks[best]))
            return self._chain(int(near.bays[best]), int(near.walks_m[best]), before)
        if depth < self.depth_max:
            self._evict(near.in_order(ranks, EXAMINED_MAX - self.examined), want, before, depth + 1)
        return None

    def _evict(self, near: Near, want: Wanted, before: _Step | None, depth: int) -> None:
        """Have those who hold these bays, and could move, looked after in their turn."""
        self.visited[near.bays] = True
        self.examined += near.bays.size
        for bay, walk_m in zip(near.bays.tolist(), near.walks_m.tolist(), strict=True):
            evicted = movable(self.board, bay, want.held)
            if evicted is not None:
                self.queue.append((wanted_by(evicted), _Step(bay, walk_m, evicted, before), depth))

    def _chain(self, free: int, walk_m: int, step: _Step | None) -> Found:
        """Walk back from the free bay: each one evicted moves to the bay found after its own."""
        moves = []
        while step is not None:
            moves.append(self._move(step.evicted, free, walk_m))
            free, walk_m, step = step.bay, step.walk_m, step.before
        return self._found(free, walk_m, tuple(moves))

    def _clear_one(self) -> Found | None:
        """Return the cheapest bay that several hold who can all go elsewhere; all of them or none."""
        want = self.wanted
        near = self.board.candidates(want.lat, want.lon, want.max_walk_m)
        near = near.where(fitting(self.board, want, near.bays, self.now))
        near = near.in_order(self.board.ranks(near, self.now), CLEARABLE_MAX)
        for bay, walk_m in zip(near.bays.tolist(), near.walks_m.tolist(), strict=True):
            moves = self._clear(bay)
            if moves:
                return self._found(bay, walk_m, moves)
        return None

    def _clear(self, bay: int) -> tuple[Move, ...]:
        """Return the moves, each to a free bay of its own, or none."""
        blockers, moves, taken = self.board.blockers(bay, self.wanted.held), [], {bay}
        if len(blockers) not in CLEARED or any(it.status is not ReservationStatus.ACCEPTED for it in blockers):
            return ()
        for held in blockers:
            near = free_near(self.board, wanted_by(held), self.now)
            near = near.in_order(self.board.ranks(near, self.now), len(taken) + 1)
            room = zip(near.bays.tolist(), near.walks_m.tolist(), strict=True)
            to_bay, walk_m = next((it for it in room if it[0] not in taken), (bay, 0))
            if to_bay == bay:
                return ()
            taken.add(to_bay)
            moves.append(self._move(held, to_bay, walk_m))
        return tuple(moves)

    def _move(self, held: Reservation, to_bay: int, walk_m: int) -> Move:
        return Move(
            reservation_id=held.reservation_id,
            from_bay=held.bay or "",
            to_bay=self.board.bays[to_bay].spec.bay,
            walk_m=walk_m,
        )

    def _found(self, bay: int, walk_m: int, moves: tuple[Move, ...]) -> Found:
        fairness_m = int(self.board.fairness_m(np.array([bay]), self.now)[0])
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


def movable(board: Board, bay: int, held: Interval) -> Reservation | None:
    """Return the one reservation in the way, if it is one and not bound yet."""
    only = None
    for other in board.on_bay[bay].values():
        if other.held_from < held.until and held.from_at < other.held_until:
            if only is not None or other.status is not ReservationStatus.ACCEPTED:
                return None
            only = other
    return only
