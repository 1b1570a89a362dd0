"""Who waits for a bay, in the order in which they asked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.domain.model import Reservation

TRIED_AT_ONCE_MAX = 3
"""How many of each kind are tried the moment a bay in their zone gets free; a tick tries all."""


def place_in_line(reservation: Reservation) -> tuple[int, int, str]:
    """Return what reservations are put in the order of their requests by."""
    return reservation.accepted_at, len(reservation.reservation_id), reservation.reservation_id


@dataclass(slots=True)
class Waiting:
    """By zone, those who wait; `trying` are those whose next attempt is armed already. Derived, no fold."""

    of_zone: dict[str, dict[str, Reservation]] = field(default_factory=lambda: defaultdict(dict))
    trying: set[str] = field(default_factory=set)
    batch_armed: bool = False
    count: int = 0

    def enter(self, reservation: Reservation) -> None:
        """Have a reservation wait, behind all others of its zone."""
        self.of_zone[reservation.zone][reservation.reservation_id] = reservation
        self.count += 1

    def drop(self, reservation: Reservation) -> None:
        """Have it wait no more, where it does."""
        if self.of_zone[reservation.zone].pop(reservation.reservation_id, None) is not None:
            self.count -= 1
        self.trying.discard(reservation.reservation_id)

    def line(self) -> list[Reservation]:
        """Return all of them, first come first."""
        return sorted((held for zone in self.of_zone.values() for held in zone.values()), key=place_in_line)

    def to_try(self, zone: str, reaches: Callable[[Reservation], bool]) -> list[str]:
        """Return the first of a zone who reach a bay and are not about to be tried anyway, and note that they are."""
        if zone not in self.of_zone:
            return []
        fresh = (held.reservation_id for held in self.of_zone[zone].values() if reaches(held))
        first = [name for name in islice(fresh, TRIED_AT_ONCE_MAX) if name not in self.trying]
        self.trying.update(first)
        return first
