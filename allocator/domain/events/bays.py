"""What happened to bays: the register and the sensors."""

from __future__ import annotations

from dataclasses import dataclass

from allocator.domain.events.base import BaySpec, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class BayRegistered(Event):
    """A bay was entered in the register, or its entry changed. `request_id` is set on the last of a command's bays."""

    spec: BaySpec
    operator: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BayRetired(Event):
    """A bay was taken out of the register."""

    bay: str
    operator: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BayClosed(Event):
    """An operator closed a bay."""

    bay: str
    operator: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BayOpened(Event):
    """An operator opened a bay again."""

    bay: str
    operator: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRepaired(Event):
    """What the bay's sensor had said is forgotten; its counters start anew."""

    bay: str
    operator: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OccupancyChanged(Event):
    """The sensor says something else than before. A `late` one leaves the current state alone.

    `clock_off`: the device's clock was too far off, so `observed_at` is when the message came.
    """

    bay: str
    before: str
    status: str
    observed_at: int
    boot_id: int
    seq: int
    late: bool = False
    clock_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorLost(Event):
    """Nothing is known of the bay any more: its sensor is `silent` or `stuck`, or its `gateway` is gone."""

    bay: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRestored(Event):
    """The sensor is heard again."""

    bay: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BayContested(Event):
    """A car stands in the bay that nobody booked it for."""

    bay: str
    reason: str
    reservation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BayCleared(Event):
    """The bay is contested no more."""

    bay: str
