"""The lifecycle of a reservation, as a table. All that touches it stands here; the docs' diagram is made from it."""

from __future__ import annotations

from enum import StrEnum

from broker_bridge.wire.errors import InvariantError


class ReservationStatus(StrEnum):
    """Where a reservation is in its life."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    BOUND = "bound"
    ACTIVE = "active"
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"


class Occupancy(StrEnum):
    """What a sensor last said."""

    FREE = "free"
    OCCUPIED = "occupied"
    UNKNOWN = "unknown"


class BayStatus(StrEnum):
    """What a bay shows to the world."""

    CLOSED = "closed"
    AVAILABLE = "available"
    RESERVED = "reserved"
    OCCUPIED = "occupied"
    CONTESTED = "contested"
    UNKNOWN = "unknown"


S = ReservationStatus
LIVE = frozenset({S.ACCEPTED, S.BOUND, S.ACTIVE})
"""The statuses in which a reservation holds a bay."""

TRANSITIONS: dict[ReservationStatus, dict[str, ReservationStatus]] = {
    S.WAITING: {"accepted": S.ACCEPTED, "rejected": S.REJECTED, "cancelled": S.CANCELLED},
    S.ACCEPTED: {
        "bound": S.BOUND,
        "relocated": S.BOUND,  # the planned bay is gone, and the only substitute is farther than promised
        "cancelled": S.CANCELLED,
        "failed": S.FAILED,
    },
    S.BOUND: {
        "activated": S.ACTIVE,
        "relocated": S.BOUND,
        "cancelled": S.CANCELLED,
        "expired": S.EXPIRED,
        "failed": S.FAILED,
    },
    S.ACTIVE: {
        "extended": S.ACTIVE,
        "recalled": S.ACTIVE,
        "completed": S.COMPLETED,
        "relocated": S.BOUND,  # the sensor took a stranger for the driver
        "failed": S.FAILED,
    },
    S.COMPLETED: {},
    S.REJECTED: {},
    S.CANCELLED: {},
    S.EXPIRED: {},
    S.FAILED: {},
}
"""status -> {what happened: next status}. What is not in the table cannot happen."""


def advance(status: ReservationStatus, happened: str) -> ReservationStatus:
    """Return the next status; raises InvariantError where the table has none."""
    following = TRANSITIONS[status].get(happened)
    if following is None:
        raise InvariantError(f"a reservation that is {status} cannot be {happened}")
    return following
