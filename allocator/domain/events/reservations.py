"""What became of requests and reservations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from allocator.domain.events.base import Event, Explanation, Move


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationAccepted(Event):
    """A request got a promise: the interval, the walk and the price. `bay` is the plan, known to us alone."""

    reservation_id: str
    request_id: str
    driver: str
    vehicle_id: str
    zone: str
    lat: float
    lon: float
    from_at: int
    until: int
    held_from: int
    held_until: int
    max_walk_m: int
    needs: tuple[str, ...]
    quote_won: int
    bay: str
    walk_m: int
    explanation: Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestWaitlisted(Event):
    """A request found no bay, or waits for the end of its policy's batch; it is tried again until `wait_until`."""

    reservation_id: str
    request_id: str
    driver: str
    vehicle_id: str
    zone: str
    lat: float
    lon: float
    from_at: int
    until: int
    held_from: int
    held_until: int
    max_walk_m: int
    needs: tuple[str, ...]
    quote_won: int
    wait_until: int
    max_price_won: int | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRejected(Event):
    """A request found no bay, or broke a rule. `reservation_id` is set on one that had been waiting."""

    request_id: str
    driver: str
    zone: str | None
    reason: str
    explanation: Explanation | None = None
    reservation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverCommandRefused(Event):
    """A driver's cancel, extend, arrive or leave did not apply."""

    request_id: str
    driver: str
    type: str
    reason: str
    zone: str | None = None
    reservation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCommandRefused(Event):
    """An operator's command did not apply."""

    published: ClassVar[bool] = False
    request_id: str
    operator: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replanned(Event):
    """Unbound reservations change the bay they are planned on. Never published: no promise changed."""

    published: ClassVar[bool] = False
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationBound(Event):
    """The bay is fixed and the driver is told."""

    reservation_id: str
    bay: str
    walk_m: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationActivated(Event):
    """The driver is in the bay, by the `sensor`'s word or the `driver`'s."""

    reservation_id: str
    bay: str
    at: int
    source: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationRelocated(Event):
    """The driver is sent to a substitute. `violation`: farther than promised, at the operator's cost.

    `cost_won` is what the operator bears of a violation; `explanation` is that of the search for the substitute.
    """

    reservation_id: str
    from_bay: str
    to_bay: str
    walk_m: int
    reason: str
    violation: bool
    request_id: str | None = None
    cost_won: int = 0
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationReceived(Event):
    """The other half of a relocation across zones: what the substitute's zone publishes of it."""

    reservation_id: str
    to_bay: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationExtended(Event):
    """The stay grows, in the same bay."""

    reservation_id: str
    request_id: str
    until: int
    held_until: int
    quote_won: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OverstayWarned(Event):
    """The stay is over and the car still there."""

    reservation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationCompleted(Event):
    """The driver left; `price_won` is charged, `resident_won` is the resident's, whoever pays it.

    `surcharge_won` of the price is for overstaying; `millipoints` go to the resident for the time used.
    """

    reservation_id: str
    bay: str
    at: int
    source: str
    price_won: int
    resident_won: int
    request_id: str | None = None
    surcharge_won: int = 0
    millipoints: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsAwarded(Event):
    """A resident gets points for the `offered_ms` that the bay was on offer in `[from_at, until)`.

    `millipoints_per_hour` is the tariff's rate: rounded down, it makes the `millipoints`.
    """

    published: ClassVar[bool] = False
    bay: str
    resident: str
    from_at: int
    until: int
    offered_ms: int
    millipoints_per_hour: int
    millipoints: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationCancelled(Event):
    """The driver, or an operator, gave the reservation back."""

    reservation_id: str
    request_id: str
    operator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationExpired(Event):
    """The driver did not come: the bay is offered again."""

    reservation_id: str
    bay: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationFailed(Event):
    """The promise was broken; nothing is charged."""

    reservation_id: str
    reason: str
    request_id: str | None = None
