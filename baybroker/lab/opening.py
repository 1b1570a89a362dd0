"""The first minute of every virtual day: the register, what is offered, and each sensor's first word."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from allocator.domain import commands as c
from allocator.domain.events import BaySpec
from allocator.domain.interval import DAY_MS
from baybroker.lab.instance import GATEWAY, ZONE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baybroker.lab.instance import OfferedBay
    from baybroker.lab.timeline import Timeline

HEARTBEAT_MS = 30 * DAY_MS
"""Sensors that never fail need not be heard."""


class Sensors:
    """What the sensors of all bays say: numbered messages of one boot each."""

    def __init__(self, boot_at: int) -> None:
        self._boot_at = boot_at
        self._seq: Counter[str] = Counter()

    def word(self, bay: str, status: str, observed_at: int) -> c.Observe:
        """Return a sensor's word about a car."""
        return c.Observe(
            gateway=GATEWAY,
            zone=ZONE,
            bay=bay,
            boot_id=self._boot_at,
            seq=self._next(bay),
            observed_at=observed_at,
            status=status,
        )

    def heartbeat(self, bay: str, now: int, every_ms: int) -> c.ReportDevice:
        """Return a sensor's sign of life."""
        return c.ReportDevice(
            gateway=GATEWAY,
            zone=ZONE,
            bay=bay,
            boot_id=self._boot_at,
            seq=self._next(bay),
            observed_at=now,
            heartbeat_ms=every_ms,
        )

    def _next(self, bay: str) -> int:
        self._seq[bay] += 1
        return self._seq[bay]


def open_day(
    timeline: Timeline, bays: Sequence[OfferedBay], sensors: Sensors, heartbeat_ms: int = HEARTBEAT_MS
) -> None:
    """Enter the bays and their offers; every bay is free."""
    specs = tuple(
        BaySpec(bay=bay.bay, zone=ZONE, lat=bay.lat, lon=bay.lon, gateway=GATEWAY, resident=resident_of(bay.bay))
        for bay in bays
    )
    timeline.say(c.RegisterBays(operator="op-lab", request_id="register", specs=specs))
    for bay in bays:
        for number, window in enumerate(bay.windows):
            offer = c.OfferOnce(
                resident=resident_of(bay.bay),
                request_id=f"offer-{bay.bay}-{number}",
                bay=bay.bay,
                from_at=window.from_at,
                until=window.until,
            )
            timeline.say(offer)
        timeline.say(sensors.heartbeat(bay.bay, timeline.now, heartbeat_ms))
        timeline.say(sensors.word(bay.bay, "free", timeline.now))


def resident_of(bay: str) -> str:
    """Return the resident's name."""
    return f"res-{bay}"
