"""Drivers who keep to what was agreed: they ask, come to the bay they were told, and leave on the minute."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from allocator.domain import commands as c
from allocator.domain import events as e
from baybroker.lab.timeline import Rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocator.domain.events import Recorded
    from baybroker.lab.instance import Demand
    from baybroker.lab.opening import Sensors
    from baybroker.lab.timeline import Timeline


@dataclass(slots=True)
class Guest:
    """A driver and what was promised. `parked_in` is where the car stands, `ended` why the booking is over."""

    demand: Demand
    reservation_id: str | None = None
    bay: str | None = None
    walk_m: int = 0
    parked_in: str | None = None
    came: bool = False
    ended: str | None = None

    @property
    def driver(self) -> str:
        """The driver's name."""
        return f"drv-{self.demand.name}"


class Guests:
    """All drivers of a day. `hidden_moves` counts the bookings that changed their bay before anybody knew it."""

    def __init__(self, timeline: Timeline, sensors: Sensors, demands: Sequence[Demand]) -> None:
        self.timeline, self.sensors = timeline, sensors
        self.guests = {f"req-{demand.name}": Guest(demand) for demand in demands}
        self.holding: dict[str, Guest] = {}
        self.hidden_moves = 0
        self._said = 0
        timeline.listen = self.hear
        for request_id, guest in self.guests.items():
            timeline.at(guest.demand.asked_at, Rank.ASK, partial(self.ask, request_id, guest))

    def ask(self, request_id: str, guest: Guest) -> None:
        """Ask for a bay."""
        wanted = guest.demand
        self.timeline.say(
            c.RequestBay(
                driver=guest.driver,
                request_id=request_id,
                vehicle_id=f"car-{wanted.name}",
                lat=wanted.lat,
                lon=wanted.lon,
                arrive_at=wanted.arrive_at,
                stay_ms=wanted.until - wanted.arrive_at,
                max_walk_m=wanted.max_walk_m,
                wait_until=wanted.wait_until,
            )
        )

    def say(self, guest: Guest, kind: str, *, blocked: bool = False) -> None:
        """Say something of the booking."""
        self._said += 1
        self.timeline.say(
            c.DriverCommand(
                driver=guest.driver,
                request_id=f"say-{self._said}",
                type=kind,
                reservation_id=guest.reservation_id or "",
                blocked=blocked,
            )
        )

    def come(self, guest: Guest) -> None:
        """Park in the bay one was told; the sensor sees it."""
        if guest.bay is None or guest.ended is not None:
            return
        guest.parked_in, guest.came = guest.bay, True
        self.timeline.say(self.sensors.word(guest.parked_in, "occupied", self.timeline.now))
        self.timeline.at(guest.demand.until, Rank.LEAVE, partial(self.go, guest))

    def go(self, guest: Guest) -> None:
        """Leave, and say so, so that the next guest may follow at once."""
        if guest.parked_in is not None:
            self.timeline.say(self.sensors.word(guest.parked_in, "free", self.timeline.now))
            guest.parked_in = None
        if guest.ended is None:
            self.say(guest, "leave")

    def hear(self, recorded: Recorded) -> None:
        """Learn what the allocator decided."""
        event = recorded.event
        if isinstance(event, e.ReservationAccepted):
            guest = self.holding[event.reservation_id] = self.guests[event.request_id]
            guest.reservation_id, guest.walk_m = event.reservation_id, event.walk_m
            self.timeline.at(event.from_at, Rank.ARRIVE, partial(self.come, guest))
        elif isinstance(event, e.Replanned):
            self.hidden_moves += len(event.moves)
        elif isinstance(event, e.ReservationBound):
            self._sent_to(event.reservation_id, event.bay, event.walk_m)
        elif isinstance(event, e.ReservationRelocated):
            self._sent_to(event.reservation_id, event.to_bay, event.walk_m)
        elif isinstance(event, _ENDS):
            self.holding[event.reservation_id].ended = type(event).__name__

    def _sent_to(self, reservation_id: str, bay: str, walk_m: int) -> None:
        guest = self.holding[reservation_id]
        guest.bay, guest.walk_m = bay, walk_m


_ENDS = (e.ReservationCompleted, e.ReservationCancelled, e.ReservationExpired, e.ReservationFailed)
