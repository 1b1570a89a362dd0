"""What happened, in the past tense. The state is the fold of these and of nothing else.

Everything in an event is an integer, a string, a boolean, None or a tuple of such: times in epoch milliseconds,
distances in metres, money in won. A field that is added later has a default, so that old events stay readable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class BaySpec:
    """A bay as it is entered in the register. `needs` are attributes such as `ev`."""

    bay: str
    zone: str
    lat: float
    lon: float
    gateway: str
    resident: str | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A reservation that goes from one bay to another."""

    reservation_id: str
    from_bay: str
    to_bay: str
    walk_m: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a search ended as it did: bays within the walk, how many fell to each filter, the cost, the chain."""

    policy: str
    candidates: int
    fell: dict[str, int] = field(default_factory=dict)
    examined: int = 0
    cut: bool = False
    walk_m: int | None = None
    chain: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The root of all events. `published` ones get a zone's event_no and go out on the zone's topic."""

    published: ClassVar[bool] = True


# ---- the register and the sensors


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
    """Nothing is known of the bay any more: its sensor is `silent` or its `gateway` is gone."""

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


# ---- offers


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyOffered(Event):
    """A resident offers recurring windows, in wall-clock time of the city's zone."""

    offer_id: str
    bay: str
    resident: str
    request_id: str
    rrule: str
    start: str
    end: str
    except_dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OnceOffered(Event):
    """A resident offers one window."""

    offer_id: str
    bay: str
    resident: str
    request_id: str
    from_at: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRejected(Event):
    """An offer, or a change of one, was not accepted."""

    resident: str
    request_id: str
    bay: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OffersWithdrawn(Event):
    """Offers of a bay end for new bookings; what is booked stays booked."""

    bay: str
    resident: str
    request_id: str
    offer_ids: tuple[str, ...]


# ---- requests and reservations


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
class RequestRejected(Event):
    """A request found no bay, or broke a rule."""

    request_id: str
    driver: str
    zone: str | None
    reason: str
    explanation: Explanation | None = None


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
    """The driver is sent to a substitute. `violation`: farther than promised, at the operator's cost."""

    reservation_id: str
    from_bay: str
    to_bay: str
    walk_m: int
    reason: str
    violation: bool
    request_id: str | None = None


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
    """The driver left; `price_won` is charged, `resident_won` of it is the resident's."""

    reservation_id: str
    bay: str
    at: int
    source: str
    price_won: int
    resident_won: int
    request_id: str | None = None


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


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its numbers: `position` in the database, and `event_no` in `zone` where it is published."""

    position: int
    at: int
    zone: str | None
    event_no: int | None
    event: Event


EVENT_TYPES: tuple[type[Event], ...] = (
    BayRegistered, BayRetired, BayClosed, BayOpened, SensorRepaired, OccupancyChanged, SensorLost, SensorRestored,
    BayContested, BayCleared, WeeklyOffered, OnceOffered, OfferRejected, OffersWithdrawn, ReservationAccepted,
    RequestRejected, DriverCommandRefused, OperatorCommandRefused, Replanned, ReservationBound, ReservationActivated,
    ReservationRelocated, ReservationReceived, ReservationExtended, OverstayWarned, ReservationCompleted,
    ReservationCancelled, ReservationExpired, ReservationFailed,
)  # fmt: skip


def event_name(kind: type[Event]) -> str:
    """Return the type's name as it is stored and published: `OccupancyChanged` -> `occupancy_changed`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_")


EVENTS_BY_NAME = {event_name(kind): kind for kind in EVENT_TYPES}
