"""CDS 1.1 Metrics: stays, and what they come to in each hour of the city's clock.

CDS wants authorization for Metrics because sessions may tell of vehicles. These tell nothing that the public events do
not: no vehicle, no person, one id for one stay. So they are open too. What is chosen beside:
- CDS's text answers with CSV, everything else of it with JSON: CSV unless `Accept` asks for JSON.
- `average_dwell_time` has no unit in CDS: minutes. `occupancy_percent` is what its formula gives, a share from 0 to 1;
  of a zone, of all its bays together.
- A stay counts in the hour in which it began; its minutes of occupancy in the hours in which they lie.
- -1 stands where the sensor was not to be believed for more than half of the hour (of a zone: for more than half of its
  bays' time). A sensor of which nothing of the kind was told in the range counts as it is now.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from allocator.domain.interval import HOUR_MS, MINUTE_MS

if TYPE_CHECKING:
    from allocator.domain.interval import Interval
    from baybroker.web.feeds.reading import Feed, Row

Json = dict[str, Any]
METRICS = ("total_sessions", "total_events", "turnover", "average_dwell_time", "occupancy_percent")
SESSION_COLUMNS = (
    "session_type", "event_session_id", "event_id_start", "event_id_end", "event_location_start_latitude",
    "event_location_start_longitude", "event_location_end_latitude", "event_location_end_longitude",
    "event_time_start", "event_time_end", "curb_zone_id", "curb_space_id",
)  # fmt: skip
AGGREGATE_COLUMNS = ("curb_place_type", "curb_place_id", "metric_type", "date", "hour", "value")
OFFLINE = -1


def session(row: Row, feed: Feed) -> Json:
    """Return a row of `stays` as a Session; what is not known of its end is null."""
    ended = row["ended_position"]
    return {
        "session_type": "parking",
        "event_session_id": feed.ids.of("stay", row["position"]),
        "event_id_start": feed.ids.of("event", row["position"]),
        "event_id_end": None if ended is None else feed.ids.of("event", ended),
        "event_location_start_latitude": row["lat"],
        "event_location_start_longitude": row["lon"],
        "event_location_end_latitude": None if ended is None else row["lat"],
        "event_location_end_longitude": None if ended is None else row["lon"],
        "event_time_start": row["began_at"],
        "event_time_end": row["ended_at"],
        "curb_zone_id": feed.ids.of("zone", row["zone"]),
        "curb_space_id": feed.ids.of("space", row["bay"]),
    }


@dataclass(slots=True)
class _Counted:
    """What is counted of a place, by the hour's beginning."""

    bays: int = 0
    sessions: Counter[int] = field(default_factory=Counter)
    events: Counter[int] = field(default_factory=Counter)
    ended: Counter[int] = field(default_factory=Counter)
    dwell_ms: Counter[int] = field(default_factory=Counter)
    occupied_ms: Counter[int] = field(default_factory=Counter)
    offline_ms: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class _Bay:
    """What a bay's sensor said last: since when a car is there, when it came, since when the sensor is offline."""

    occupied_since: int | None
    offline_since: int | None
    began_at: int | None = None
    told: bool = False


class _Hours:
    """Counts what happened in a span by hours of the city's clock."""

    def __init__(self, feed: Feed, span: Interval) -> None:
        self._span = span
        offset = datetime.fromtimestamp(span.from_at / 1000, UTC).astimezone(feed.zone).utcoffset()
        # not every city's hours begin with UTC's
        self._shift = round(offset.total_seconds() * 1000) % HOUR_MS if offset is not None else 0
        self.first = self.of(span.from_at)

    def of(self, at: int) -> int:
        """Return when the hour of an instant began."""
        return at - (at + self._shift) % HOUR_MS

    def spread(self, into: Counter[int], from_at: int, until: int) -> None:
        """Add a time to the hours that it lies in."""
        from_at, until = max(from_at, self._span.from_at), min(until, self._span.until)
        while from_at < until:
            hour = self.of(from_at)
            end = min(until, hour + HOUR_MS)
            into[hour] += end - from_at
            from_at = end

    def take(self, bay: _Bay, place: _Counted, row: Row) -> None:
        """Count a change."""
        at, happened = row["at"], row["type"]
        if happened == "sensor_lost":
            place.events[self.of(at)] += 1
            bay.offline_since, bay.told = at, True
        elif happened == "sensor_restored":
            place.events[self.of(at)] += 1
            since = bay.offline_since if bay.told else self._span.from_at
            self.spread(place.offline_ms, since if since is not None else at, at)
            bay.offline_since, bay.told = None, True
        elif row["status"] == "occupied":
            place.events[self.of(row["observed_at"])] += 1
            place.sessions[self.of(row["observed_at"])] += 1
            bay.occupied_since = bay.began_at = row["observed_at"]
        elif bay.occupied_since is not None:
            self._leave(bay, place, row)

    def _leave(self, bay: _Bay, place: _Counted, row: Row) -> None:
        left_at = row["observed_at"]
        self.spread(place.occupied_ms, bay.occupied_since or 0, left_at)
        if row["status"] == "free":
            place.events[self.of(left_at)] += 1
            if bay.began_at is not None:
                place.ended[self.of(bay.began_at)] += 1
                place.dwell_ms[self.of(bay.began_at)] += left_at - bay.began_at
        bay.occupied_since = bay.began_at = None


def aggregates(feed: Feed, span: Interval, zone: str | None, bay: str | None) -> list[Json]:
    """Return the metrics of whole hours: of a bay, or of every zone or one, by place, hour and metric."""
    kind, hours = "zone" if bay is None else "space", _Hours(feed, span)
    found = []
    for name, counted in sorted(_counted(feed, span, hours, zone, bay).items()):
        for hour in range(hours.first, span.until, HOUR_MS):
            local = datetime.fromtimestamp(hour / 1000, UTC).astimezone(feed.zone)
            when = {"date": f"{local:%Y-%m-%d}", "hour": local.hour}
            place = {"curb_place_type": kind, "curb_place_id": feed.ids.of(kind, name)}
            values = zip(METRICS, _values(counted, hour), strict=True)
            found += [{**place, "metric_type": metric, **when, "value": value} for metric, value in values]
    return found


def _values(counted: _Counted, hour: int) -> tuple[float, ...]:
    whole_ms = counted.bays * HOUR_MS
    if counted.offline_ms[hour] > whole_ms / 2:
        return (OFFLINE,) * len(METRICS)
    sessions, ended = counted.sessions[hour], counted.ended[hour]
    dwell_min = counted.dwell_ms[hour] / ended / MINUTE_MS if ended else 0
    occupied = counted.occupied_ms[hour] / whole_ms
    return sessions, counted.events[hour], sessions, round(dwell_min, 2), round(occupied, 4)


def _counted(feed: Feed, span: Interval, hours: _Hours, zone: str | None, bay: str | None) -> dict[str, _Counted]:
    positions = feed.positions(span)
    places: dict[str, _Counted] = defaultdict(_Counted)
    bays: dict[str, tuple[_Bay, _Counted]] = {}
    for row in feed.rows("before_changes", first=positions.from_at, zone=zone, bay=bay):
        place = places[row["zone"] if bay is None else bay]
        place.bays += 1
        occupied_since = span.from_at if row["status"] == "occupied" else None
        offline_since = None if row["lost"] is None else span.from_at
        bays[row["bay"]] = _Bay(occupied_since, offline_since), place
    for row in feed.rows("changes", first=positions.from_at, until=positions.until, zone=zone, bay=bay):
        hours.take(*bays[row["bay"]], row)
    for one, place in bays.values():
        until = min(span.until, feed.now)
        hours.spread(place.occupied_ms, one.occupied_since or until, until)
        hours.spread(place.offline_ms, one.offline_since or until, until)
    return places
