"""Drivers: they ask for a bay, follow the replies, park, stay and leave, or do not as they said."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from broker_bridge.wire.messages import Arrive, Cancel, DriverReply, Leave, Place, Query, RequestBay
from broker_bridge.wire.topics import TopicKind
from sensors_sim.engine.asking import Asks
from sensors_sim.engine.demand import Fate
from sensors_sim.engine.trip import Phase, Trip
from sensors_sim.local_time import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sensors_sim.engine.demand import Wish
    from sensors_sim.engine.stage import Stage

QUERIES_MAX = 5
QUERY_AGAIN_MS = 2 * MINUTE_MS
TELLS_AFTER_MS = 15_000
GIVES_UP_MS = 60 * MINUTE_MS
HEEDS_WARNING_MS = 5 * MINUTE_MS
_ENDS = {"completed", "expired", "cancelled", "failed"}


class DriverPool:
    """The drivers of a city. With `physical` False their cars stand in no bay: they only say so."""

    def __init__(self, stage: Stage, *, physical: bool = True) -> None:
        pool = stage.scenario.drivers.pool
        self._stage, self._physical = stage, physical
        self._asks = Asks(stage)
        width = len(str(pool))
        numbers = (stage.own(number) for number in range(1, -(-pool // stage.portion.of) + 1))
        self._idle = deque(f"drv-{number:0{width}d}" for number in numbers if number <= pool)
        self._trips: dict[str, Trip] = {}

    # ---- asking

    def want(self, now_ms: int, wish: Wish) -> None:
        """One more driver wants a bay: asks for it, if anybody is not under way."""
        if not self._idle:
            self._stage.counts["no_driver"] += 1
            return
        driver = self._idle.popleft()
        arrive_ms = now_ms + wish.lead_ms
        request_id = self._stage.new_request_id("trip")
        trip = Trip(
            driver=driver,
            request_id=request_id,
            wish=wish,
            from_ms=arrive_ms,
            until_ms=arrive_ms + wish.stay_min * MINUTE_MS,
        )
        self._stage.counts["requests"] += 1
        message = RequestBay(
            request_id=request_id,
            vehicle_id=f"veh-{driver.removeprefix('drv-')}",
            destination=Place(lat=wish.destination.lat, lon=wish.destination.lon),
            arrive_at=arrive_ms,
            stay_min=wish.stay_min,
            max_walk_m=wish.max_walk_m,
            max_price_won=wish.max_price_won,
        )
        self._ask(trip, now_ms, message)
        self._stage.agenda.add(trip.until_ms + 24 * GIVES_UP_MS, partial(self._over, trip))

    def _ask(self, trip: Trip, now_ms: int, message: RequestBay | Cancel | Arrive | Leave | Query) -> None:
        self._trips[message.request_id] = trip
        trip.asked.append(message.request_id)
        self._asks.ask(now_ms, TopicKind.DRIVER_REQUEST, {"driver": trip.driver}, message.request_id, message)

    def _tell(self, kind: type[Cancel | Arrive | Leave | Query], trip: Trip, now_ms: int) -> None:
        """Say something of the reservation, unless it is over by now."""
        if trip.settled or trip.reservation_id is None:
            return
        request_id = self._stage.new_request_id(str(kind.model_fields["type"].default))
        self._ask(trip, now_ms, kind(request_id=request_id, reservation_id=trip.reservation_id))

    # ---- hearing

    def heard(self, reply: DriverReply, now_ms: int) -> None:
        """Follow a reply; repeated and unknown ones change nothing."""
        self._asks.answered(reply.request_id)
        trip = self._trips.get(reply.request_id)
        news = (reply.type, reply.position)
        if trip is None or trip.phase is Phase.OVER or news in trip.heard:
            return
        trip.heard.add(news)
        if reply.type == "rejected" and reply.request_id != trip.request_id:
            self._refused(trip, reply, now_ms)
            return
        self._stage.counts[reply.type] += 1
        follow = _REACTIONS.get(reply.type)
        if follow is not None:
            follow(self, trip, reply, now_ms)

    def _accepted(self, trip: Trip, reply: DriverReply, now_ms: int) -> None:
        if trip.phase is not Phase.ASKING:
            return
        trip.enter(Phase.PROMISED)
        trip.reservation_id = reply.reservation_id
        if trip.wish.fate is Fate.CANCELS:
            at_ms = now_ms + round(trip.wish.share * max(trip.from_ms - now_ms, 0))
            self._stage.agenda.add(max(at_ms, now_ms + 1), partial(self._tell, Cancel, trip))
        elif trip.wish.fate is Fate.NO_SHOW:
            self._stage.agenda.add(trip.from_ms + GIVES_UP_MS, partial(self._over, trip))
        else:
            self._set_out(trip, max(trip.from_ms + trip.wish.late_ms, now_ms + 1))

    def _bound(self, trip: Trip, reply: DriverReply, _now_ms: int) -> None:
        trip.bay = reply.bay or trip.bay
        if trip.phase is Phase.PROMISED:
            trip.enter(Phase.HEADING)

    def _relocated(self, trip: Trip, reply: DriverReply, now_ms: int) -> None:
        """Go to the substitute: at once from the old bay, else at the time that was planned."""
        if trip.phase not in {Phase.PROMISED, Phase.HEADING, Phase.BLOCKED, Phase.PARKED}:
            return
        if trip.phase is Phase.PARKED and trip.bay is not None and self._physical:
            self._stage.truth.leave(trip.bay, trip.driver, now_ms)
        on_site = trip.phase in {Phase.BLOCKED, Phase.PARKED}
        trip.bay = reply.bay or trip.bay
        trip.leaving_at = None
        trip.enter(Phase.HEADING)
        if on_site:
            self._set_out(trip, now_ms + trip.wish.travel_ms)

    def _warned(self, trip: Trip, _reply: DriverReply, now_ms: int) -> None:
        if trip.phase is Phase.PARKED and trip.leaving_at is not None:
            self._leave_at(trip, min(trip.leaving_at, now_ms + HEEDS_WARNING_MS))

    def _ended(self, trip: Trip, _reply: DriverReply, now_ms: int) -> None:
        """The booking is over; a car that still stands in the bay leaves when its driver comes back."""
        trip.settled = True
        if trip.phase is not Phase.PARKED or not self._physical:
            self._over(trip, now_ms)

    def _state(self, trip: Trip, reply: DriverReply, now_ms: int) -> None:
        """Catch up with what was missed."""
        if reply.status in _ENDS:
            self._ended(trip, reply, now_ms)
        elif reply.bay is not None and trip.phase in {Phase.PROMISED, Phase.HEADING}:
            self._bound(trip, reply, now_ms)

    def _refused(self, trip: Trip, reply: DriverReply, now_ms: int) -> None:
        """A cancel, arrive or leave did not apply. A driver in front of a taken bay goes away."""
        self._stage.counts["refused"] += 1
        if trip.phase is Phase.BLOCKED and reply.request_id == trip.blocked_request_id:
            self._over(trip, now_ms)

    # ---- driving

    def _set_out(self, trip: Trip, arriving_at: int) -> None:
        trip.arriving_at = arriving_at
        self._stage.agenda.add(arriving_at, partial(self._arrive, trip))

    def _arrive(self, trip: Trip, now_ms: int) -> None:
        """At the bay: park, or find it taken; one who was told no bay asks for it."""
        if now_ms != trip.arriving_at or trip.phase not in {Phase.PROMISED, Phase.HEADING}:
            return
        if trip.bay is None:
            self._ask_where(trip, now_ms)
            return
        if trip.phase is Phase.PROMISED:
            trip.enter(Phase.HEADING)
        if self._physical:
            parked = self._stage.truth.park(trip.bay, "guest", trip.driver, now_ms)
        else:
            parked = not self._stage.truth.occupied(trip.bay)
        if not parked:
            self._find_taken(trip, now_ms)
            return
        trip.enter(Phase.PARKED)
        if trip.wish.tells_arrival:
            self._stage.agenda.add(now_ms + TELLS_AFTER_MS, partial(self._tell, Arrive, trip))
        self._leave_at(trip, trip.departure_ms(now_ms))

    def _ask_where(self, trip: Trip, now_ms: int) -> None:
        trip.queries += 1
        if trip.queries > QUERIES_MAX:
            self._over(trip, now_ms)
            return
        self._tell(Query, trip, now_ms)
        self._set_out(trip, now_ms + QUERY_AGAIN_MS)

    def _find_taken(self, trip: Trip, now_ms: int) -> None:
        trip.enter(Phase.BLOCKED)
        self._stage.counts["blocked"] += 1
        self._stage.agenda.add(now_ms + GIVES_UP_MS, partial(self._give_up, trip))
        if trip.reservation_id is not None:
            request_id = self._stage.new_request_id("arrive")
            trip.blocked_request_id = request_id
            message = Arrive(request_id=request_id, reservation_id=trip.reservation_id, blocked=True)
            self._ask(trip, now_ms, message)

    def _give_up(self, trip: Trip, now_ms: int) -> None:
        if trip.phase is Phase.BLOCKED:
            self._over(trip, now_ms)

    def _leave_at(self, trip: Trip, at_ms: int) -> None:
        trip.leaving_at = at_ms
        self._stage.agenda.add(at_ms, partial(self._leave, trip))

    def _leave(self, trip: Trip, now_ms: int) -> None:
        if trip.phase is not Phase.PARKED or now_ms != trip.leaving_at:
            return
        if self._physical and trip.bay is not None:
            self._stage.truth.leave(trip.bay, trip.driver, now_ms)
        if trip.settled:
            self._over(trip, now_ms)
            return
        trip.enter(Phase.LEFT)
        if trip.wish.tells_departure:
            self._stage.agenda.add(now_ms + TELLS_AFTER_MS, partial(self._tell, Leave, trip))
        self._stage.agenda.add(now_ms + GIVES_UP_MS, partial(self._over, trip))

    def _over(self, trip: Trip, now_ms: int) -> None:
        """Forget the trip; the driver may ask again."""
        if trip.phase is Phase.OVER:
            return
        if trip.phase is Phase.PARKED and trip.bay is not None and self._physical:
            self._stage.truth.leave(trip.bay, trip.driver, now_ms)
        trip.enter(Phase.OVER)
        for request_id in trip.asked:
            del self._trips[request_id]
        self._idle.append(trip.driver)


_REACTIONS: dict[str, Callable[[DriverPool, Trip, DriverReply, int], None]] = {
    "accepted": DriverPool._accepted,  # noqa: SLF001 - the class's own table
    "rejected": DriverPool._ended,  # noqa: SLF001 - likewise
    "bound": DriverPool._bound,  # noqa: SLF001 - likewise
    "relocated": DriverPool._relocated,  # noqa: SLF001 - likewise
    "warned": DriverPool._warned,  # noqa: SLF001 - likewise
    "completed": DriverPool._ended,  # noqa: SLF001 - likewise
    "expired": DriverPool._ended,  # noqa: SLF001 - likewise
    "cancelled": DriverPool._ended,  # noqa: SLF001 - likewise
    "failed": DriverPool._ended,  # noqa: SLF001 - likewise
    "state": DriverPool._state,  # noqa: SLF001 - likewise
}
