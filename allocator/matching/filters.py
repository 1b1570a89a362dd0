"""What is looked for, and which bays fit: the rule for one bay, and the same for many bays and wants at once."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from allocator.domain.interval import HOUR_MS, Interval
from allocator.domain.lifecycle import Occupancy
from allocator.matching.board import Near
from allocator.matching.traits import CLOSED, CONTESTED, EXCLUDED, NEEDS, NOT_FREE, NOT_OFFERED, TOO_DEAR, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from allocator.domain.model import Bay, Reservation
    from allocator.matching.board import Board
    from allocator.matching.calendars import Asked
    from allocator.matching.traits import Traits

BIND_LEAD_MS = 15 * 60_000
_FILTERS = {
    "closed": CLOSED,
    "excluded": EXCLUDED,
    "needs": NEEDS,
    "too_dear": TOO_DEAR,
    "contested": CONTESTED,
    "not_free_now": NOT_FREE | UNKNOWN,
    "not_offered": NOT_OFFERED,
}
"""The filters in their order, and the bits of each: of a bay's traits, or of what only a want makes of them."""


class Wanted(NamedTuple):
    """What a bay is looked for: near where, when, and what it must have. `tariffs`: those it may have, None: any."""

    lat: float
    lon: float
    held: Interval
    max_walk_m: int
    needs: tuple[str, ...] = ()
    exclude: str | None = None
    tariffs: frozenset[str | None] | None = None


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


def unfit(bay: Bay, wanted: Wanted, now: int, guest_until: int = 0) -> str | None:
    """Return the filter that a bay falls to, or None. What starts soon needs a bay that is known to be free.

    A guest who stands in it is no obstacle to what starts later, as long as the guest's own time is not over: whose
    stays do not meet is the calendar's business. The rule for one bay; `fitting` is the same for many at once.
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
    known = bay.lost is None and bay.occupancy is not Occupancy.UNKNOWN
    free = bay.occupancy is Occupancy.FREE or (starts_in > 0 and guest_until > now)
    return "not_free_now" if starts_in <= BIND_LEAD_MS and not (known and free) else None


class Options(NamedTuple):
    """The bays near each of several wants, one want after the other.

    `rows`: which of the wants each bay is for, in ascending order; None where there is but one want.
    """

    wants: Sequence[Wanted]
    slots: Asked
    near: Near
    rows: NDArray[np.intp] | None

    @classmethod
    def of(cls, board: Board, wants: Sequence[Wanted]) -> Options:
        """Return every bay within each one's walk."""
        slots = board.calendars.asked([want.held for want in wants])
        nears = [board.candidates(want.lat, want.lon, want.max_walk_m) for want in wants]
        if len(nears) == 1:
            return cls(wants, slots, nears[0], None)
        near = Near(np.concatenate([it.bays for it in nears]), np.concatenate([it.walks_m for it in nears]))
        return cls(wants, slots, near, np.repeat(np.arange(len(nears)), [len(it.bays) for it in nears]))

    def where(self, kept: NDArray[np.bool_] | NDArray[np.intp]) -> Options:
        """Return those that are kept, or those at these places."""
        places = kept.nonzero()[0] if kept.dtype == np.bool_ else kept
        near = Near(self.near.bays.take(places), self.near.walks_m.take(places))
        return Options(self.wants, self.slots, near, None if self.rows is None else self.rows.take(places))

    def each(self, values: Sequence[int], dtype: type[np.generic]) -> Any:
        """Return for each bay the value of its want; where there is but one want, the value itself."""
        return values[0] if self.rows is None else np.array(values, dtype=dtype).take(self.rows)

    def row(self, place: int) -> int:
        """Return which want the bay at a place is for."""
        return 0 if self.rows is None else int(self.rows[place])

    def within(self, row: int) -> slice:
        """Return where the bays of a want lie."""
        return slice(None) if self.rows is None else slice(*np.searchsorted(self.rows, (row, row + 1)).tolist())

    def in_order(self, ranks: NDArray[np.int64], limit: int) -> Options:
        """Return the first of them, those of the first want first and those of a want by rank."""
        order = np.argsort(ranks) if self.rows is None else np.lexsort((ranks, self.rows))
        return self.where(order[:limit])

    def held(self, board: Board, *, fixed: bool = False) -> NDArray[np.bool_]:
        """Tell of each bay whether anybody holds it then, or with `fixed`, anybody who stays there."""
        return board.calendars.which_held(self.near.bays, self.slots, self.rows, fixed=fixed)


def fitting(board: Board, options: Options, now: int, fell: dict[str, int] | None = None) -> NDArray[np.bool_]:
    """Tell of each bay whether it passes every filter and is offered; `fell` counts those that do not."""
    against = _against(board, options, now)
    if fell is not None:
        _count(against, fell)
    fits: NDArray[np.bool_] = against == 0
    return fits


def free_for(board: Board, wants: Sequence[Wanted], now: int) -> Options:
    """Return the bays that fit each want and that nobody holds then."""
    options = Options.of(board, wants)
    options = options.where(~options.held(board))
    return options.where(fitting(board, options, now))


def _against(board: Board, options: Options, now: int) -> NDArray[np.uint64]:
    """Return the bits of what speaks against each bay for its want; a bay that fits has none."""
    wants, bays, rows, traits = options.wants, options.near.bays, options.rows, board.traits
    against: NDArray[np.uint64] = traits.against.take(bays) & options.each(
        [_matters(traits, want, now) for want in wants], np.uint64
    )
    if any(0 < want.held.from_at - now <= BIND_LEAD_MS for want in wants):
        guests_go = traits.guest_until.take(bays) > now
        guests_go &= options.each([want.held.from_at > now for want in wants], np.bool_)
        against &= ~(guests_go * np.uint64(NOT_FREE))
    if any(want.exclude is not None for want in wants):
        excluded = [board.number.get(want.exclude or "", -1) for want in wants]
        against |= (bays == options.each(excluded, np.intp)) * np.uint64(EXCLUDED)
    if any(want.tariffs is not None for want in wants):
        against |= traits.which_dear(bays, [want.tariffs for want in wants], rows) * np.uint64(TOO_DEAR)
    against |= ~board.calendars.which_offered(bays, options.slots, rows) * np.uint64(NOT_OFFERED)
    return against


def _matters(traits: Traits, want: Wanted, now: int) -> int:
    """Return the bits of what a bay is like that matter to a want: all of them, if it starts soon."""
    starts_in = want.held.from_at - now
    bits = CLOSED | traits.lacking(want.needs)
    if starts_in < HOUR_MS:
        bits |= CONTESTED
    return bits | NOT_FREE | UNKNOWN if starts_in <= BIND_LEAD_MS else bits


def _count(against: NDArray[np.uint64], fell: dict[str, int]) -> None:
    """Count each bay that does not fit to the first filter that it falls to."""
    for said, count in Counter(against.tolist()).items():
        if said:
            name = _first(said)
            fell[name] = fell.get(name, 0) + count


@lru_cache(maxsize=1_024)
def _first(against: int) -> str:
    """Return the first filter that has one of the bits."""
    return next(name for name, bits in _FILTERS.items() if against & bits)
