"""Promises on a day when things go wrong: guests, squatters and residents on one street, and what was kept.

A promise is kept when the guest parks within the promised walk and is not sent away before the stay is over. Whoever
finds a car in the bay says so, drives on to the substitute and is there `DRIVE_ON_MS` later.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import MINUTE_MS
from allocator.matching.policies import Policy
from allocator.matching.search import Found
from baybroker.lab.guests import Guest, Guests
from baybroker.lab.incidents import RECALL_AHEAD_MS, Notices
from baybroker.lab.opening import resident_of
from baybroker.lab.timeline import Rank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from allocator.domain.events import Move, Recorded
    from allocator.matching.board import Board
    from allocator.matching.filters import Wanted
    from baybroker.lab.incidents import Incidents, Visit
    from baybroker.lab.instance import Demand
    from baybroker.lab.opening import Sensors
    from baybroker.lab.street import Street
    from baybroker.lab.timeline import Timeline

DRIVE_ON_MS = 5 * MINUTE_MS
TRIES_MAX = 5
RESIDENT, SQUATTER, OVERSTAYER, GUEST, SENSOR = "resident", "squatter", "overstayer", "guest", "sensor"


@dataclass(frozen=True, slots=True)
class WithoutSubstitutes(Policy):
    """Another policy that finds nothing for those who have a bay already: nobody is relocated."""

    of: Policy

    @property
    def name(self) -> str:
        """The other's name, and what is left out."""
        return f"{self.of.name} without substitutes"

    @property
    def bind_lead_ms(self) -> int | None:
        """The other's."""
        return self.of.bind_lead_ms

    @property
    def batch_ms(self) -> int | None:
        """The other's."""
        return self.of.batch_ms

    def place(self, board: Board, wanted: Wanted, now: int) -> Found:
        """Return what the other finds for a new request, and nothing in a bay's stead."""
        found = self.of.place(board, wanted, now)
        return found if wanted.exclude is None else Found(None, 0, (), replace(found.explanation, chain=()))

    def place_together(self, board: Board, wanted: Sequence[Wanted], now: int) -> list[str | None]:
        """Return what the other finds."""
        return self.of.place_together(board, wanted, now)

    def improve(self, board: Board, now: int) -> tuple[Move, ...]:
        """Return the other's moves."""
        return self.of.improve(board, now)


class Visitors(Guests):
    """Guests who may stay too long, and who meet others.

    `cause`: what first stood in a booking's way, whether the driver saw it or was told in time: whose car, a resident's
    recall, or what a sensor said. `came_to`: the visits of others that took place.
    """

    def __init__(
        self,
        timeline: Timeline,
        sensors: Sensors,
        demands: Sequence[Demand],
        street: Street,
        incidents: Incidents,
    ) -> None:
        super().__init__(timeline, sensors, demands)
        self.street, self.incidents = street, incidents
        self.notices = Notices()
        self.relocations: Counter[str] = Counter()
        self.cause: dict[str, str] = {}
        self.recalled: set[str] = set()
        self.active: set[str] = set()
        self.came_to: dict[str, list[Visit]] = {SQUATTER: [], RESIDENT: []}
        self.overstayed: list[Guest] = []
        self.unanswered = 0
        self.kept_waiting = 0
        for visit in incidents.squatters:
            timeline.at(visit.at, Rank.ARRIVE, partial(self._squat, visit))
        for visit in incidents.residents:
            if visit.recalled:
                timeline.at(visit.at - RECALL_AHEAD_MS, Rank.ASK, partial(self._recall, visit))
            timeline.at(visit.at, Rank.ARRIVE, partial(self._come_home, visit))

    # ---- guests

    def come(self, guest: Guest, tries: int = 0) -> None:
        """Park where one was sent, or say that a car stands there; whoever is sent on tries the substitute."""
        if guest.bay is None or guest.ended is not None or guest.parked_in is not None:
            return
        self._try(guest, guest.bay, tries)

    def _try(self, guest: Guest, bay: str, tries: int) -> None:
        in_the_way = self.street.standing.get(bay)
        if in_the_way is None:
            self._park(guest, bay)
        else:
            self.cause.setdefault(guest.demand.name, in_the_way)
            self.say(guest, "arrive", blocked=True)
        if guest.parked_in != guest.bay or guest.ended is not None:
            self._take_away(guest)  # the allocator believes the sensor rather than the driver
        if guest.ended is not None:
            return
        if guest.parked_in is None and guest.bay == bay:
            self.unanswered += 1
        if guest.parked_in is None and tries < TRIES_MAX:
            again = partial(self.come, guest, tries + 1)
            self.timeline.at(self.timeline.now + DRIVE_ON_MS, Rank.ARRIVE, again)

    def _park(self, guest: Guest, bay: str) -> None:
        self.street.park(bay, GUEST)
        guest.parked_in = bay
        if guest.demand.name not in self.active and guest.ended is None:
            self.say(guest, "arrive")
        if guest.parked_in == guest.bay and guest.ended is None:
            guest.came = True
            until = guest.demand.until
            self.timeline.at(until, Rank.LEAVE, partial(self._stay_is_over, guest))

    def _stay_is_over(self, guest: Guest) -> None:
        too_long_ms = self.incidents.overstays_ms.get(guest.demand.name, 0)
        if guest.parked_in is not None and too_long_ms:
            self.overstayed.append(guest)
            self.street.standing[guest.parked_in] = OVERSTAYER
        self.timeline.at(self.timeline.now + too_long_ms, Rank.LEAVE, partial(self.go, guest))

    def go(self, guest: Guest) -> None:
        """Leave, and say so."""
        if guest.parked_in is None:
            return
        self._take_away(guest)
        if guest.ended is None:
            self.say(guest, "leave")

    def _take_away(self, guest: Guest) -> None:
        if guest.parked_in is not None:
            bay, guest.parked_in = guest.parked_in, None
            self.street.leave(bay)

    def hear(self, recorded: Recorded) -> None:
        """Learn what was decided, and of what it took notice."""
        super().hear(recorded)
        self.notices.hear(recorded)
        event = recorded.event
        if isinstance(event, e.ReservationActivated):
            self.active.add(self.holding[event.reservation_id].demand.name)
        elif isinstance(event, e.ReservationRelocated):
            guest = self.holding[event.reservation_id]
            self.active.discard(guest.demand.name)
            self.relocations["beyond_promise" if event.violation else "within_promise"] += 1
            self._blame(guest, event.from_bay)
        elif isinstance(event, e.ReservationFailed):
            guest = self.holding[event.reservation_id]
            self._blame(guest, guest.bay or "")
        elif isinstance(event, e.GuestRecalled):
            guest = self.holding[event.reservation_id]
            self.recalled.add(guest.demand.name)
            self.timeline.at(event.until, Rank.LEAVE, partial(self.go, guest))

    def _blame(self, guest: Guest, bay: str) -> None:
        """Note whose car, or which resident's recall, the guest has to give way to."""
        called = any(visit.bay == bay and visit.recalled for visit in self.came_to[RESIDENT])
        self.cause.setdefault(guest.demand.name, RESIDENT if called else self.street.standing.get(bay, SENSOR))

    # ---- others

    def _squat(self, visit: Visit) -> None:
        if self.street.park(visit.bay, SQUATTER):
            self.came_to[SQUATTER].append(visit)
            self.timeline.at(visit.until, Rank.LEAVE, partial(self.street.leave, visit.bay))

    def _recall(self, visit: Visit) -> None:
        self.came_to[RESIDENT].append(visit)
        who = {"resident": resident_of(visit.bay), "request_id": f"recall-{visit.bay}", "bay": visit.bay}
        self.timeline.say(c.RecallBay(**who, home_at=visit.at))

    def _come_home(self, visit: Visit) -> None:
        """Park in one's own bay, or wait until it is free."""
        if not visit.recalled and visit not in self.came_to[RESIDENT]:
            self.came_to[RESIDENT].append(visit)
        if self.street.park(visit.bay, RESIDENT):
            self.timeline.at(visit.until, Rank.LEAVE, partial(self.street.leave, visit.bay))
            return
        if self.timeline.now == visit.at:
            self.kept_waiting += 1
        if self.timeline.now < visit.until:
            self.timeline.at(self.timeline.now + DRIVE_ON_MS, Rank.ARRIVE, partial(self._come_home, visit))
