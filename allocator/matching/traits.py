"""What the filters and the cost ask of bays, as arrays by bay number, kept in step with the bays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from allocator.domain.lifecycle import Occupancy
from broker_bridge.wire.errors import InvariantError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from allocator.domain.model import Bay

CLOSED, CONTESTED, NOT_FREE, UNKNOWN = 1, 2, 4, 8
EXCLUDED, TOO_DEAR, NOT_OFFERED = 16, 32, 64
"""What speaks against a bay for one want only: no bay has these of its own."""
FIRST_NEED_BIT = 8
NEEDS_MAX = 64 - FIRST_NEED_BIT
NEEDS = (1 << 64) - (1 << FIRST_NEED_BIT)
ROOM_AT_FIRST = 64


class Traits:
    """`against`: a bit for each thing that speaks against a bay; from FIRST_NEED_BIT on, the needs that it lacks.

    `guest_until`: when the guest who stands in the bay is to leave, 0 where there is none.
    """

    def __init__(self) -> None:
        self.against = np.zeros(ROOM_AT_FIRST, dtype=np.uint64)
        self.tariff = np.zeros(ROOM_AT_FIRST, dtype=np.int16)
        self.used_ms = np.zeros(ROOM_AT_FIRST, dtype=np.int64)
        self.live_ms = np.zeros(ROOM_AT_FIRST, dtype=np.int64)
        self.guest_until = np.zeros(ROOM_AT_FIRST, dtype=np.int64)
        self._needs: dict[str, int] = {}
        self._lacks: dict[tuple[str, ...], int] = {}
        self._tariffs: dict[str | None, int] = {}

    def put(self, number: int, bay: Bay, week: int) -> None:
        """Take over what a bay is like now; `week` is the one whose use counts."""
        if number == len(self.against):
            for name in ("against", "tariff", "used_ms", "live_ms", "guest_until"):
                column = getattr(self, name)
                setattr(self, name, np.concatenate((column, np.zeros_like(column))))
        needs = bay.spec.needs
        against = self._lacks.get(needs)
        if against is None:
            has = sum(self._need_bit(need) for need in needs)
            against = self._lacks[needs] = ~has >> FIRST_NEED_BIT << FIRST_NEED_BIT & (1 << 64) - 1
        if bay.retired or bay.closed:
            against |= CLOSED
        if bay.contested is not None:
            against |= CONTESTED
        if bay.occupancy is Occupancy.OCCUPIED:
            against |= NOT_FREE
        if bay.lost is not None or bay.occupancy is Occupancy.UNKNOWN:
            against |= UNKNOWN
        self.against[number] = against
        self.tariff[number] = self._tariffs.setdefault(bay.spec.tariff, len(self._tariffs))
        self.used_ms[number] = bay.rented_ms if bay.rented_week == week else 0

    def lacking(self, needs: Iterable[str]) -> int:
        """Return the bits of which a bay may have none, if it is to have all the needs."""
        bits = 0
        for need in needs:
            bits |= self._needs.get(need, 1 << 63)
        return bits

    def which_dear(
        self, bays: NDArray[np.intp], allowed: Sequence[frozenset[str | None] | None], rows: NDArray[np.intp] | None
    ) -> NDArray[np.bool_]:
        """Tell of each bay whether its tariff is none of those allowed: by its row of `allowed`, or by the only one."""
        dear = np.array([[only is not None and name not in only for name in self._tariffs] for only in allowed])
        is_dear: NDArray[np.bool_] = dear[0 if rows is None else rows, self.tariff[bays]]
        return is_dear

    def _need_bit(self, need: str) -> int:
        if need not in self._needs and len(self._needs) == NEEDS_MAX - 1:
            raise InvariantError(f"{need!r} is one attribute of bays too many: {NEEDS_MAX - 1} are known already")
        return self._needs.setdefault(need, 1 << FIRST_NEED_BIT + len(self._needs))
