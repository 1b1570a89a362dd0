"""What the allocator shows on the broker, kept as it comes: bays, counts, its own status, the clock."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from allocator.service.clock import MqttClock
from broker_bridge.wire.messages import BayState
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from baybroker.web.database import Row
    from broker_bridge.wire.messages import AllocatorStatus, Clock, Device, ZoneAvailability
    from broker_bridge.wire.topics import Topic

HOUR_MS = 3_600_000
HOURS_KEPT = 48
BAYS_MAX = 250_000
"""More bays than any city shares: what a broker may make us remember ends somewhere."""
STATUSES = ("closed", "available", "reserved", "occupied", "contested", "unknown")
NEVER_SHOWN = BayState(status="unknown", position=0)
"""A bay of which nothing was heard must not look free."""


class Mirror:
    """The register, and the newest retained message of each topic. The rule behind a status is the allocator's."""

    def __init__(self) -> None:
        self.register: dict[str, Row] = {}
        self.status: AllocatorStatus | None = None
        self.clock: Clock | None = None
        self.unreadable = 0
        self.batteries: dict[str, tuple[float, int]] = {}
        """Of each bay whose sensor tells it: per cent, and when that was."""
        self.hours: dict[int, Counter[str]] = {}
        """What the bays showed at the end of each hour since 1970, for the last few."""
        self._timepiece = MqttClock()
        self._states: dict[str, BayState] = {}
        self._availability: dict[str, ZoneAvailability] = {}
        self._changed: dict[str, None] = {}

    def enrol(self, rows: Iterable[Row]) -> None:
        """Take the register as it is now."""
        self.register = {row["bay"]: row for row in rows}

    def hear(self, topic: Topic, message: Any) -> None:
        """Take a message of SHOWN."""
        hearer = _HEARERS[topic.kind]
        hearer(self, topic.names, message)

    def forget(self, bay: str) -> None:
        """Take an empty retained message: the bay has left that zone; what it shows in another comes after."""
        if self._states.pop(bay, None) is not None:
            self._changed[bay] = None

    def take_changed(self) -> list[str]:
        """Return the bays that show something else than at the last call, oldest change first."""
        changed, self._changed = self._changed, {}
        return list(changed)

    def state(self, bay: str) -> BayState:
        """Return what a bay shows."""
        return self._states.get(bay, NEVER_SHOWN)

    def availability(self, zone: str) -> ZoneAvailability | None:
        """Return the counts of a zone as the allocator published them."""
        return self._availability.get(zone)

    def zones(self) -> dict[str, list[Row]]:
        """Return the bays of each zone."""
        found: dict[str, list[Row]] = {}
        for row in self.register.values():
            found.setdefault(row["zone"], []).append(row)
        return dict(sorted(found.items()))

    def obeyed_clock(self) -> Clock | None:
        """Return the simulated clock where the allocator obeys it: an old one may still be retained."""
        run_id = self.status.run_id if self.status is not None else None
        return self.clock if self.clock is not None and self.clock.run_id == run_id else None

    def now(self) -> int:
        """Return the time that decisions are made at."""
        told = self._timepiece.now() if self.obeyed_clock() is not None else None
        return told if told is not None else time.time_ns() // 1_000_000

    def _hear_bay(self, names: Mapping[str, str], message: BayState) -> None:
        bay = names["bay"]
        if bay not in self._states and len(self._states) >= BAYS_MAX:
            self.unreadable += 1
        elif self._states.get(bay) != message:
            self._states[bay] = message
            self._changed[bay] = None

    def _hear_zone(self, names: Mapping[str, str], message: ZoneAvailability) -> None:
        if names["zone"] not in self._availability and len(self._availability) >= BAYS_MAX:
            self.unreadable += 1
            return
        self._availability[names["zone"]] = message
        counts = Counter(
            {status: sum(getattr(it, status) for it in self._availability.values()) for status in STATUSES}
        )
        self.hours[self.now() // HOUR_MS] = counts
        while len(self.hours) > HOURS_KEPT:
            del self.hours[min(self.hours)]

    def _hear_status(self, _names: Mapping[str, str], message: AllocatorStatus) -> None:
        self.status = message

    def _hear_clock(self, _names: Mapping[str, str], message: Clock) -> None:
        self.clock = message
        self._timepiece.tell(message)

    def _hear_device(self, names: Mapping[str, str], message: Device) -> None:
        if message.battery_pct is not None and (names["bay"] in self.batteries or len(self.batteries) < BAYS_MAX):
            self.batteries[names["bay"]] = (message.battery_pct, message.observed_at)


_HEARERS: dict[TopicKind, Callable[[Mirror, Mapping[str, str], Any], None]] = {
    TopicKind.BAY_STATE: Mirror._hear_bay,  # noqa: SLF001 - our own
    TopicKind.ZONE_AVAILABILITY: Mirror._hear_zone,  # noqa: SLF001
    TopicKind.ALLOCATOR_STATUS: Mirror._hear_status,  # noqa: SLF001
    TopicKind.CLOCK: Mirror._hear_clock,  # noqa: SLF001
    TopicKind.DEVICE: Mirror._hear_device,  # noqa: SLF001
}
SHOWN = tuple(_HEARERS)
