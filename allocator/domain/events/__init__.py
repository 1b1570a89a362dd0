"""What happened, in the past tense. The state is the fold of these and of nothing else."""

from __future__ import annotations

from allocator.domain.events.base import BaySpec, Event, Explanation, Move, Recorded
from allocator.domain.events.bays import (
    BayCleared,
    BayClosed,
    BayContested,
    BayOpened,
    BayRegistered,
    BayRetired,
    OccupancyChanged,
    SensorLost,
    SensorRepaired,
    SensorRestored,
)
from allocator.domain.events.offers import (
    AutoOffered,
    AutoWindowSet,
    BayRecalled,
    GuestRecalled,
    OfferRejected,
    OffersWithdrawn,
    OnceOffered,
    ResidentLeft,
    ResidentReturned,
    WeeklyOffered,
)
from allocator.domain.events.reservations import (
    DriverCommandRefused,
    OperatorCommandRefused,
    OverstayWarned,
    PointsAwarded,
    Replanned,
    RequestRejected,
    RequestWaitlisted,
    ReservationAccepted,
    ReservationActivated,
    ReservationBound,
    ReservationCancelled,
    ReservationCompleted,
    ReservationExpired,
    ReservationExtended,
    ReservationFailed,
    ReservationReceived,
    ReservationRelocated,
)

__all__ = [
    "EVENTS_BY_NAME",
    "EVENT_TYPES",
    "AutoOffered",
    "AutoWindowSet",
    "BayCleared",
    "BayClosed",
    "BayContested",
    "BayOpened",
    "BayRecalled",
    "BayRegistered",
    "BayRetired",
    "BaySpec",
    "DriverCommandRefused",
    "Event",
    "Explanation",
    "GuestRecalled",
    "Move",
    "OccupancyChanged",
    "OfferRejected",
    "OffersWithdrawn",
    "OnceOffered",
    "OperatorCommandRefused",
    "OverstayWarned",
    "PointsAwarded",
    "Recorded",
    "Replanned",
    "RequestRejected",
    "RequestWaitlisted",
    "ReservationAccepted",
    "ReservationActivated",
    "ReservationBound",
    "ReservationCancelled",
    "ReservationCompleted",
    "ReservationExpired",
    "ReservationExtended",
    "ReservationFailed",
    "ReservationReceived",
    "ReservationRelocated",
    "ResidentLeft",
    "ResidentReturned",
    "SensorLost",
    "SensorRepaired",
    "SensorRestored",
    "WeeklyOffered",
    "event_name",
]

EVENT_TYPES: tuple[type[Event], ...] = (
    BayRegistered, BayRetired, BayClosed, BayOpened, SensorRepaired, OccupancyChanged, SensorLost, SensorRestored,
    BayContested, BayCleared, WeeklyOffered, OnceOffered, AutoOffered, ResidentLeft, ResidentReturned, AutoWindowSet,
    BayRecalled, GuestRecalled, OfferRejected, OffersWithdrawn, ReservationAccepted, RequestWaitlisted, RequestRejected,
    DriverCommandRefused, OperatorCommandRefused, Replanned, ReservationBound, ReservationActivated,
    ReservationRelocated, ReservationReceived, ReservationExtended, OverstayWarned, ReservationCompleted,
    PointsAwarded, ReservationCancelled, ReservationExpired, ReservationFailed,
)  # fmt: skip


def event_name(kind: type[Event]) -> str:
    """Return the type's name as it is stored and published: `OccupancyChanged` -> `occupancy_changed`."""
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_")


EVENTS_BY_NAME = {event_name(kind): kind for kind in EVENT_TYPES}
