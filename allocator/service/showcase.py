"""What the bays and zones show: retained states and counts, published only when they change."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from allocator.domain.lifecycle import BayStatus
from allocator.service.announce import Outgoing
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import BayState, ZoneAvailability
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from allocator.core.state import State


class _Shown(NamedTuple):
    status: BayStatus
    until: int | None
    reservation_id: str | None
    offered: bool


class Showcase:
    """Remembers what every bay shows, and counts it by zone."""

    def __init__(self, city: str) -> None:
        self.city = city
        self._shown: dict[int, _Shown] = {}
        self._zone: dict[int, str] = {}
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)

    def refresh(self, state: State, now: int) -> list[Outgoing]:
        """Return the states and counts that changed since the last time; takes `state.dirty.shown`."""
        zones: set[str] = set()
        said = []
        for number in sorted(state.dirty.shown):
            spec = state.board.bays[number].spec
            shows = _look(state, number, now)
            if self._shown.get(number) == shows and self._zone.get(number) == spec.zone:
                continue
            was_in = self._zone.get(number, spec.zone)
            if was_in != spec.zone:
                said.append(Outgoing(self._topic(was_in, spec.bay), b"", retain=True))
            zones |= self._count(number, spec.zone, shows)
            said.append(self._bay_state(state, number, shows))
        return said + [self._availability(state, zone, now) for zone in sorted(zones)]

    def totals(self) -> Counter[str]:
        """Return how many bays show each status, over all zones."""
        return Counter(shown.status.value for shown in self._shown.values())

    def _count(self, number: int, zone: str, shows: _Shown) -> set[str]:
        """Move the bay from what it was counted as to what it is; return the zones that changed."""
        before, was_in = self._shown.get(number), self._zone.get(number, zone)
        if before is not None:
            self._add(was_in, before, -1)
        self._add(zone, shows, 1)
        self._shown[number], self._zone[number] = shows, zone
        return {was_in, zone}

    def _add(self, zone: str, shown: _Shown, times: int) -> None:
        counts = self._counts[zone]
        counts[shown.status] += times
        counts["offered"] += times * shown.offered

    def _bay_state(self, state: State, number: int, shows: _Shown) -> Outgoing:
        spec = state.board.bays[number].spec
        message = BayState(
            status=shows.status.value,
            until=shows.until,
            reservation_id=shows.reservation_id,
            position=state.position,
            event_no=state.event_nos[spec.zone],
        )
        return Outgoing(self._topic(spec.zone, spec.bay), codec.encode(message), retain=True)

    def _topic(self, zone: str, bay: str) -> str:
        return topics.build(TopicKind.BAY_STATE, self.city, zone=zone, bay=bay)

    def _availability(self, state: State, zone: str, now: int) -> Outgoing:
        counts = self._counts[zone]
        message = ZoneAvailability(
            **{status.value: counts[status] for status in BayStatus},
            offered=counts["offered"],
            free_now=counts[BayStatus.AVAILABLE],
            as_of=now,
            position=state.position,
        )
        topic = topics.build(TopicKind.ZONE_AVAILABILITY, self.city, zone=zone)
        return Outgoing(topic, codec.encode(message), retain=True)


def _look(state: State, number: int, now: int) -> _Shown:
    status, reservation = state.bay_status(number, now)
    if reservation is not None:
        return _Shown(status, reservation.until, reservation.reservation_id, state.open_now(number, now))
    until = state.board.calendars.next_change(number, now) if status is BayStatus.AVAILABLE else None
    return _Shown(status, until, None, state.open_now(number, now))
