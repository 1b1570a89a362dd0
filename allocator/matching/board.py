"""The board that is matched on: bays in local metres, their calendars, and the live reservations on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from allocator.domain.geometry import LocalPlane
from allocator.domain.interval import slot_floor
from allocator.domain.lifecycle import LIVE
from allocator.matching.calendars import Calendars

if TYPE_CHECKING:
    from allocator.domain.interval import Interval
    from allocator.domain.model import Bay, Reservation


class Board:
    """Bays by number (their place in `bays`) and by name. The plane's origin is the first bay."""

    def __init__(self, now: int) -> None:
        self.bays: list[Bay] = []
        self.number: dict[str, int] = {}
        self.calendars = Calendars(slot_floor(now))
        self.on_bay: list[dict[str, Reservation]] = []
        self._plane: LocalPlane | None = None
        self._points: list[tuple[float, float]] = []
        self._tree: cKDTree | None = None

    def put(self, bay: Bay) -> int:
        """Enter a bay, or its changed entry, and return its number."""
        spec = bay.spec
        self._plane = self._plane or LocalPlane(spec.lat, spec.lon)
        point = self._plane.metres(spec.lat, spec.lon)
        number = self.number.get(spec.bay)
        if number is None:
            number = self.number[spec.bay] = len(self.bays)
            self.bays.append(bay)
            self.on_bay.append({})
            self._points.append(point)
            self.calendars.add_bay()
        else:
            self.bays[number] = bay
            self._points[number] = point
        self._tree = None
        return number

    def bay(self, name: str) -> Bay:
        """Return the bay of that name."""
        return self.bays[self.number[name]]

    def near(self, lat: float, lon: float, radius_m: float) -> list[tuple[int, int]]:
        """Return (walk in metres, bay number) of every bay within the radius, the nearest first."""
        if self._plane is None:
            return []
        x_m, y_m = self._plane.metres(lat, lon)
        found = np.asarray(self._index().query_ball_point((x_m, y_m), radius_m), dtype=np.intp)
        offsets = np.asarray(self._index().data)[found] - (x_m, y_m)
        walks = np.ceil(np.hypot(offsets[:, 0], offsets[:, 1])).astype(int)
        return sorted(zip(walks.tolist(), found.tolist(), strict=True))

    def nearest(self, lat: float, lon: float) -> Bay | None:
        """Return the bay nearest to a point, however far."""
        if self._plane is None:
            return None
        _, found = self._index().query(self._plane.metres(lat, lon))
        return self.bays[int(found)]

    def walk_m(self, bay: int, lat: float, lon: float) -> int:
        """Return the straight walk from a bay to a point, in whole metres rounded up."""
        plane = self._plane
        if plane is None:
            return 0
        x_m, y_m = plane.metres(lat, lon)
        at = self._points[bay]
        return int(np.ceil(np.hypot(at[0] - x_m, at[1] - y_m)))

    def place(self, reservation: Reservation) -> None:
        """Hold a reservation's slots on its bay."""
        if reservation.bay is not None and reservation.status in LIVE:
            number = self.number[reservation.bay]
            self.calendars.hold(number, reservation.held)
            self.on_bay[number][reservation.reservation_id] = reservation

    def rebase(self, base_at: int) -> None:
        """Move the calendars' base; what is offered has to be set again where it moves back, or for the far end."""
        if base_at >= self.calendars.base_at:
            self.calendars.rebase(base_at)
            return
        self.calendars.restart(base_at)
        for number, holders in enumerate(self.on_bay):
            for reservation in holders.values():
                self.calendars.hold(number, reservation.held)

    def lift(self, reservation: Reservation) -> None:
        """Take a reservation off its bay."""
        if reservation.bay is not None:
            number = self.number[reservation.bay]
            if self.on_bay[number].pop(reservation.reservation_id, None) is not None:
                self.calendars.release(number, reservation.held)

    def blockers(self, bay: int, interval: Interval) -> list[Reservation]:
        """Return the live reservations on a bay that overlap the interval."""
        return [other for other in self.on_bay[bay].values() if other.held.overlaps(interval)]

    def _index(self) -> cKDTree:
        if self._tree is None:
            self._tree = cKDTree(np.array(self._points))
        return self._tree
