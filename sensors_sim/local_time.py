"""A city's wall clock: epoch milliseconds to local days and hours, and back. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class LocalTime:
    """The wall clock of an IANA time zone."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)

    def day(self, at_ms: int) -> date:
        """Return the local date at that instant."""
        return datetime.fromtimestamp(at_ms / 1000, self._zone).date()

    def instant(self, day: date, hour: float) -> int:
        """Return when the wall clock of that day shows the hour; past 24 or before 0 it is another day's."""
        wall = datetime(day.year, day.month, day.day) + timedelta(hours=hour)  # noqa: DTZ001 - the zone comes next
        return round(wall.replace(tzinfo=self._zone).timestamp() * 1000)


def wall_hour(text: str) -> float:
    """Return `08:30` as 8.5."""
    hours, minutes = text.split(":")
    return int(hours) + int(minutes) / 60
