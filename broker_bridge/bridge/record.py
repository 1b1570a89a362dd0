"""What the bridge knows of one device: where it stands, what it said last, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass, field

from broker_bridge.bridge.counter import Counter


@dataclass(frozen=True, slots=True)
class Spot:
    """The bay a device is mapped to, and the profile that reads its frames."""

    city: str
    zone: str
    bay: str
    profile: str

    @property
    def place(self) -> tuple[str, str, str]:
        """The bay, without the profile."""
        return self.city, self.zone, self.bay


@dataclass(frozen=True, slots=True)
class Stamp:
    """The number and time of what was said on a topic."""

    boot_id: int
    seq: int
    observed_at: int


@dataclass(slots=True)
class LastUplink:
    """The newest uplink as it came, so that a device mapped later does not start from nothing."""

    at_ms: int
    frame: str
    port: int | None
    json: str | None = None


@dataclass(slots=True)
class Device:
    """A device that was heard. Times are epoch milliseconds; `mapped_at` is the least `boot_id` at its bay."""

    name: str
    source: str
    counter: Counter = field(default_factory=Counter)
    heard_at: int = 0
    spot: Spot | None = None
    mapped_at: int = 0
    uplinks: int = 0
    duplicates: int = 0
    lost: int = 0
    errors: int = 0
    last_error: str | None = None
    status: str | None = None
    status_at: int = 0
    battery_pct: float | None = None
    battery_v: float | None = None
    temperature_c: float | None = None
    rssi_dbm: float | None = None
    firmware: str | None = None
    fault: str | None = None
    occupancy: Stamp | None = None
    health: Stamp | None = None
    last: LastUplink | None = None
