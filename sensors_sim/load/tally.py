"""Counts what becomes of sensor messages between the sender and a subscriber. Pure: times are one clock's seconds.

A topic's messages are told apart by `(boot_id, seq)`, and their order is that of sending. What was sent twice or late
on purpose is thus expected twice or late, and counted apart.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from sensors_sim.load.histogram import Histogram

FLIGHTS_MAX = 200_000
SKIPPED_MAX = 100
US = 1_000_000

ReadingId = tuple[int, int]
"""The boot_id and the seq of a sensor's message."""


@dataclass(slots=True, eq=False)
class _Flight:
    """One sending. A `spare` one repeats, after a reconnect, what may have arrived already."""

    stream: _Stream
    reading: ReadingId
    number: int
    at_s: float
    spare: bool


@dataclass(slots=True, eq=False)
class _Stream:
    """What one topic has on its way. `skipped` are the ids that newer ones overtook before they were sent."""

    newest: ReadingId = (-1, -1)
    sendings: int = 0
    arrived: int = -1
    flights: dict[ReadingId, tuple[_Flight, ...]] = field(default_factory=dict)
    skipped: dict[ReadingId, None] = field(default_factory=dict)
    given_up: int = 0
    given_up_to: ReadingId = (-1, -1)


class LoadTally:
    """Its memory is bounded: what is missing after `flights_max` later messages is lost, unless it comes after all."""

    def __init__(self, flights_max: int = FLIGHTS_MAX) -> None:
        self.sent = self.sent_twice = self.sent_late = self.resent = 0
        self.acknowledged = self.delivered = self.duplicates = self.reordered = self.others = 0
        self.busiest_second = 0
        self.first_sent_s = self.last_acknowledged_s = 0.0
        self.to_acknowledge, self.to_deliver = Histogram(), Histogram()
        self._second, self._in_second = 0, 0
        self._streams: dict[str, _Stream] = {}
        self._flights: deque[_Flight] = deque()
        self._flights_max = flights_max

    @property
    def lost(self) -> int:
        """How many of the messages sent have not been delivered."""
        return self.sent - self.delivered

    @property
    def moves(self) -> int:
        """A number that changes whenever something is acknowledged or delivered."""
        return self.acknowledged + self.delivered + self.duplicates

    def on_sent(self, topic: str, reading: ReadingId, now_s: float, *, again: bool = False) -> None:
        """Count a message handed to its connection; `again`: on a new one, because the old one did not acknowledge."""
        stream = self._streams.get(topic)
        if stream is None:
            stream = self._streams[topic] = _Stream()
        if again:
            self.resent += 1
        else:
            self._count_sent(now_s)
            self._look_at_id(stream, reading)
        flight = _Flight(stream, reading, stream.sendings, now_s, again)
        stream.sendings += 1
        stream.flights[reading] = (*stream.flights.get(reading, ()), flight)
        self._flights.append(flight)
        if len(self._flights) > self._flights_max:
            self._give_up(self._flights.popleft())

    def on_acknowledged(self, sent_s: float, now_s: float) -> None:
        """Count the broker's acknowledgement of a message."""
        self.acknowledged += 1
        self.last_acknowledged_s = now_s
        self.to_acknowledge.add(round((now_s - sent_s) * US))

    def on_delivered(self, topic: str, reading: ReadingId, now_s: float) -> None:
        """Count a message that the subscriber got."""
        stream = self._streams.get(topic)
        if stream is None or reading > stream.newest:
            self.others += 1
            return
        flights = stream.flights.get(reading)
        if not flights:
            self._count_unexpected(stream, reading)
            return
        due = [one for one in flights if not one.spare] or flights
        flight = next((one for one in due if one.number > stream.arrived), due[0])
        _land(flight)
        if flight.spare:
            return
        self.delivered += 1
        self.to_deliver.add(round((now_s - flight.at_s) * US))
        if flight.number > stream.arrived:
            stream.arrived = flight.number
        elif not flights[-1].spare:
            self.reordered += 1

    def _count_sent(self, now_s: float) -> None:
        if self.sent == 0:
            self.first_sent_s = now_s
        self.sent += 1
        second = int(now_s - self.first_sent_s)
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        self.busiest_second = max(self.busiest_second, self._in_second)

    def _look_at_id(self, stream: _Stream, reading: ReadingId) -> None:
        """Tell from its id whether the message is sent late or twice on purpose."""
        boot_id, seq = reading
        if reading > stream.newest:
            expected = stream.newest[1] + 1 if boot_id == stream.newest[0] else 0
            if seq - expected <= SKIPPED_MAX:
                stream.skipped.update(dict.fromkeys((boot_id, at) for at in range(expected, seq)))
                while len(stream.skipped) > SKIPPED_MAX:
                    del stream.skipped[next(iter(stream.skipped))]
            stream.newest = reading
        elif reading in stream.skipped:
            del stream.skipped[reading]
            self.sent_late += 1
        else:
            self.sent_twice += 1

    def _count_unexpected(self, stream: _Stream, reading: ReadingId) -> None:
        if stream.given_up and reading <= stream.given_up_to:
            stream.given_up -= 1
            self.delivered += 1
        else:
            self.duplicates += 1

    def _give_up(self, flight: _Flight) -> None:
        """Forget the oldest sending, which in most cases arrived long ago."""
        if not any(one is flight for one in flight.stream.flights.get(flight.reading, ())):
            return
        _land(flight)
        if not flight.spare:
            flight.stream.given_up += 1
            flight.stream.given_up_to = max(flight.stream.given_up_to, flight.reading)


def _land(flight: _Flight) -> None:
    """Take a sending off the way."""
    stream = flight.stream
    left = tuple(one for one in stream.flights[flight.reading] if one is not flight)
    if left:
        stream.flights[flight.reading] = left
    else:
        del stream.flights[flight.reading]
