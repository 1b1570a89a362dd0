"""The board that is matched on: bays in local metres, their calendars, and the live reservations on each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from allocator.domain.geometry import LocalPlane
from allocator.domain.interval import HOUR_MS, Interval, slot_floor
from allocator.domain.lifecycle import LIVE, ReservationStatus
from allocator.domain.windows import week_of
from allocator.matching.calendars import Calendars
from allocator.matching.traits import Traits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from allocator.domain.model import Bay, Reservation

REMEMBERED_MAX = 8_192
"""For so many destinations the bays nearby are remembered: who is evicted was asked about before."""
_NUMBER_BITS = 32


class Near(NamedTuple):
    """Bays by number, and the walk to each in whole metres."""

    bays: NDArray[np.intp]
    walks_m: NDArray[np.int64]

    def where(self, kept: NDArray[np.bool_] | slice) -> Near:
        """Return those that are kept."""
        return Near(self.bays[kept], self.walks_m[kept])

    def in_order(self, ranks: NDArray[np.int64], limit: int) -> Near:
        """Return the first of them by rank."""
        order = np.argsort(ranks)[:limit]
        return Near(self.bays[order], self.walks_m[order])


class Board:
    """Bays by number (their place in `bays`) and by name. The plane's origin is the first bay."""

    def __init__(self, now: int, *, timezone: str = "UTC", fairness_m_per_h: int = 0) -> None:
        self.bays: list[Bay] = []
        self.number: dict[str, int] = {}
        self.calendars = Calendars(slot_floor(now))
        self.traits = Traits()
        self.on_bay: list[dict[str, Reservation]] = []
        self._timezone, self._fairness_m_per_h = timezone, fairness_m_per_h
        self._week = week_of(now, timezone)
        self._unbound: dict[int, dict[str, Reservation]] = {}
        self._plane: LocalPlane | None = None
        self._points: list[tuple[float, float]] = []
        self._tree: cKDTree | None = None
        self._remembered: dict[tuple[float, float, float], Near] = {}

    # ---- bays

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
            self._forget_places()
        elif self._points[number] != point:
            self._points[number] = point
            self._forget_places()
        self.bays[number] = bay
        self.refresh(number)
        return number

    def refresh(self, number: int) -> None:
        """Take over what changed of a bay."""
        self.traits.put(number, self.bays[number], self._week.from_at)

    def bay(self, name: str) -> Bay:
        """Return the bay of that name."""
        return self.bays[self.number[name]]

    # ---- places

    def near(self, lat: float, lon: float, radius_m: float) -> list[tuple[int, int]]:
        """Return (walk in metres, bay number) of every bay within the radius, the nearest first."""
        near = self.candidates(lat, lon, radius_m)
        return sorted(zip(near.walks_m.tolist(), near.bays.tolist(), strict=True))

    def candidates(self, lat: float, lon: float, radius_m: float) -> Near:
        """Return every bay within the radius, in no order that matters."""
        key = lat, lon, radius_m
        near = self._remembered.get(key)
        if near is None:
            if self._plane is None:
                return Near(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.int64))
            x_m, y_m = self._plane.metres(lat, lon)
            index = self._index()
            # a metre more: what is within is told by the same distance as the walk
            bays = np.array(index.query_ball_point((x_m, y_m), radius_m + 1), dtype=np.intp)
            at = index.data.take(bays, axis=0)
            walks_m = np.hypot(at[:, 0] - x_m, at[:, 1] - y_m)
            within = (walks_m <= radius_m).nonzero()[0]
            near = Near(bays.take(within), np.ceil(walks_m.take(within)).astype(np.int64))
            if len(self._remembered) == REMEMBERED_MAX:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[key] = near
        return near

    def nearest(self, lat: float, lon: float, within_m: float = 0.0) -> Bay | None:
        """Return the bay nearest to a point, in whole metres; faster where there is one `within_m`."""
        if self._plane is None:
            return None
        if within_m:
            near = self.candidates(lat, lon, within_m)
            if near.bays.size:
                return self.bays[int(near.bays[near.walks_m.argmin()])]
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

    def fairness_m(
        self, bays: NDArray[np.intp] | int, now: int, leaving_ms: NDArray[np.int64] | int = 0
    ) -> NDArray[np.int64]:
        """Return what bays, or one, cost beside the walk: metres for the hours rented this week, past and to come.

        `leaving_ms` of each are not counted: those of who would leave it.
        """
        if not self._week.from_at <= now < self._week.until:
            self._week = week_of(now, self._timezone)
            for number in range(len(self.bays)):
                self.refresh(number)
        rented_ms = self.traits.used_ms.take(bays) + self.traits.live_ms.take(bays) - leaving_ms
        return rented_ms * self._fairness_m_per_h // HOUR_MS

    def ranks(self, near: Near, now: int, *, fair: bool = True) -> NDArray[np.int64]:
        """Return numbers that order the bays by cost, those of equal cost by bay number; without `fair` by walk."""
        cost_m = near.walks_m + self.fairness_m(near.bays, now) if fair else near.walks_m
        return (cost_m << _NUMBER_BITS) + near.bays

    # ---- reservations

    def place(self, reservation: Reservation) -> None:
        """Hold a reservation's slots on its bay."""
        if reservation.bay is not None and reservation.status in LIVE:
            number = self.number[reservation.bay]
            self._hold(number, reservation)
            self.on_bay[number][reservation.reservation_id] = reservation
            self.traits.live_ms[number] += reservation.until - reservation.from_at
            if reservation.status is ReservationStatus.ACTIVE:
                self.traits.guest_until[number] = reservation.until
            if reservation.status is ReservationStatus.ACCEPTED:
                begins = self._unbound.setdefault(slot_floor(reservation.from_at), {})
                begins[reservation.reservation_id] = reservation

    def lift(self, reservation: Reservation) -> None:
        """Take a reservation off its bay; its interval is still that with which it was placed."""
        if reservation.bay is None:
            return
        number = self.number[reservation.bay]
        if self.on_bay[number].pop(reservation.reservation_id, None) is not None:
            self.calendars.release(number, reservation.held)
            self.traits.live_ms[number] -= reservation.until - reservation.from_at
            if reservation.activated_at is not None:
                self.traits.guest_until[number] = 0
            self._forget_unbound(reservation)

    def bind(self, reservation: Reservation) -> None:
        """Take note that a reservation stays on its bay."""
        self.calendars.fix(self.number[reservation.bay or ""], reservation.held)
        self._forget_unbound(reservation)

    def begin(self, reservation: Reservation) -> None:
        """Take note that a guest stands in the bay."""
        if reservation.bay is not None:
            self.traits.guest_until[self.number[reservation.bay]] = reservation.until

    def unbound(self, within: Interval) -> Iterator[Reservation]:
        """Yield the unbound reservations that begin within whole slots, the earliest slot first."""
        for slot_at in sorted(at for at in self._unbound if within.from_at <= at < within.until):
            yield from self._unbound[slot_at].values()

    def blockers(self, bay: int, interval: Interval) -> list[Reservation]:
        """Return the live reservations on a bay that overlap the interval."""
        from_at, until = interval
        holders = self.on_bay[bay].values()
        return [other for other in holders if other.held_from < until and from_at < other.held_until]

    def rebase(self, base_at: int) -> None:
        """Move the calendars' base; what is offered has to be set again."""
        self.calendars.restart(base_at)
        for number, holders in enumerate(self.on_bay):
            for reservation in holders.values():
                self._hold(number, reservation)

    def _hold(self, number: int, reservation: Reservation) -> None:
        self.calendars.hold(number, reservation.held)
        if reservation.status is not ReservationStatus.ACCEPTED:
            self.calendars.fix(number, reservation.held)

    def _forget_unbound(self, reservation: Reservation) -> None:
        slot_at = slot_floor(reservation.from_at)
        begins = self._unbound.get(slot_at, {})
        if begins.pop(reservation.reservation_id, None) is not None and not begins:
            del self._unbound[slot_at]

    def _forget_places(self) -> None:
        self._tree = None
        self._remembered.clear()

    def _index(self) -> cKDTree:
        if self._tree is None:
            self._tree = cKDTree(np.array(self._points))
        return self._tree
