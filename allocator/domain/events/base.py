"""What events are made of, and their root.

Everything in an event is an integer, a string, a boolean, None or a tuple of such: times in epoch milliseconds,
distances in metres, money in won. A field that is added later has a default, so that old events stay readable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple


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
    tariff: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A reservation that goes from one bay to another."""

    reservation_id: str
    from_bay: str
    to_bay: str
    walk_m: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a search ended as it did: bays within the walk, how many fell to each filter, the cost, the chain.

    The bay found costs `walk_m` plus `fairness_m`, what it has been rented already, in metres.
    """

    policy: str
    candidates: int
    fell: dict[str, int] = field(default_factory=dict)
    examined: int = 0
    cut: bool = False
    walk_m: int | None = None
    chain: tuple[Move, ...] = ()
    fairness_m: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The root of all events. `published` ones get a zone's event_no and go out on the zone's topic."""

    published: ClassVar[bool] = True


class Recorded(NamedTuple):
    """An event with its numbers: `position` in the database, and `event_no` in `zone` where it is published."""

    position: int
    at: int
    zone: str | None
    event_no: int | None
    event: Event
