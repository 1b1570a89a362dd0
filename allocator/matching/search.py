"""The one search: breadth first for a free bay, or for a chain of unbound reservations that can each move on.

Bounded: no bay twice, `DEPTH_MAX` moves, `EXAMINED_MAX` bays. What it found is explained.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocator.domain.events import Explanation, Move
from allocator.domain.interval import HOUR_MS, Interval
from allocator.domain.lifecycle import Occupancy, ReservationStatus

if TYPE_CHECKING:
    from allocator.domain.model import Bay, Reservation
    from allocator.matching.board import Board

DEPTH_MAX = 8
EXAMINED_MAX = 500
BIND_LEAD_MS = 15 * 60_000


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
    """Return the filter that a bay falls to, or None. What starts soon needs a bay that is known to be free."""
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


def search(board: Board, wanted: Wanted, now: int, *, policy: str, depth_max: int) -> Found:
    """Return the nearest free bay, or else the shortest chain that frees one; `bay` is None where there is none."""
    return _Search(board, wanted, now, policy, depth_max).run()


class _Search:
    """The state of one search. `fell` counts, among the bays near the one who asks, what each falls to."""

    def __init__(self, board: Board, wanted: Wanted, now: int, policy: str, depth_max: int) -> None:
        self.board, self.wanted, self.now, self.policy, self.depth_max = board, wanted, now, policy, depth_max
        self.candidates = 0
        self.fell: dict[str, int] = {}
        self.visited: set[int] = set()
        self.queue: deque[tuple[Wanted, _Step | None, int]] = deque([(wanted, None, 0)])

    def run(self) -> Found:
        while self.queue and len(self.visited) < EXAMINED_MAX:
            found = self._look(*self.queue.popleft())
            if found is not None:
                return found
        return Found(None, 0, (), self._explain())

    def _look(self, want: Wanted, before: _Step | None, depth: int) -> Found | None:
        """Look at the bays near one who wants a bay: the one who asks, or the one evicted in `before`."""
        near = self.board.near(want.lat, want.lon, want.max_walk_m)
        if before is None:
            self.candidates = len(near)
        mask = self.board.calendars.mask(want.held)
        for walk_m, number in near:
            if number in self.visited or not self._fits(number, want, mask, asking=before is None):
                continue
            if len(self.visited) >= EXAMINED_MAX:
                return None
            self.visited.add(number)
            if not self.board.calendars.held(number, mask):
                return self._chain(number, walk_m, before)
            evicted = _movable(self.board, number, want.held) if depth < self.depth_max else None
            if evicted is not None:
                self.queue.append((wanted_by(evicted), _Step(number, walk_m, evicted, before), depth + 1))
        return None

    def _fits(self, number: int, want: Wanted, mask: int, *, asking: bool) -> bool:
        reason = unfit(self.board.bays[number], want, self.now)
        if reason is None and not self.board.calendars.offered(number, mask):
            reason = "not_offered"
        if asking and (reason is not None or self.board.calendars.held(number, mask)):
            reason = reason or "booked"
            self.fell[reason] = self.fell.get(reason, 0) + 1
        return reason is None or reason == "booked"

    def _chain(self, free: int, walk_m: int, step: _Step | None) -> Found:
        """Walk back from the free bay: each one evicted moves to the bay found after its own."""
        moves = []
        while step is not None:
            move = Move(
                reservation_id=step.evicted.reservation_id,
                from_bay=self.board.bays[step.bay].spec.bay,
                to_bay=self.board.bays[free].spec.bay,
                walk_m=walk_m,
            )
            moves.append(move)
            free, walk_m, step = step.bay, step.walk_m, step.before
        name = self.board.bays[free].spec.bay
        return Found(name, walk_m, tuple(moves), self._explain(walk_m, tuple(moves)))

    def _explain(self, walk_m: int | None = None, chain: tuple[Move, ...] = ()) -> Explanation:
        return Explanation(
            policy=self.policy,
            candidates=self.candidates,
            fell=self.fell,
            examined=len(self.visited),
            cut=walk_m is None and len(self.visited) >= EXAMINED_MAX,
            walk_m=walk_m,
            chain=chain,
        )


def _movable(board: Board, bay: int, held: Interval) -> Reservation | None:
    """Return the one reservation in the way, if it is one and not bound yet."""
    blockers = board.blockers(bay, held)
    if len(blockers) == 1 and blockers[0].status is ReservationStatus.ACCEPTED:
        return blockers[0]
    return None
