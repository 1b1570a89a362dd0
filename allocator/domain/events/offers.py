"""What residents offered, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from allocator.domain.events.base import Event


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
class AutoOffered(Event):
    """A resident lets the bay open whenever its sensor sees their car leave, at a risk of coming back too early."""

    offer_id: str
    bay: str
    resident: str
    request_id: str
    risk_permille: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentLeft(Event):
    """The resident's own car left a bay with an `auto` offer. Nobody's business: never published."""

    published: ClassVar[bool] = False
    bay: str
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentReturned(Event):
    """A car came that no guest was expected in: the resident is back, and the window is over.

    `hazard_permille`: how many returns the fitted model expected of this absence (its cumulative hazard) in the time
    that tells of habits, its first day; `within_habit`: whether it ended in that time.
    """

    published: ClassVar[bool] = False
    bay: str
    at: int
    hazard_permille: int
    within_habit: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoWindowSet(Event):
    """An `auto` offer opens the bay for `[from_at, until)`, or no more where the two are equal."""

    published: ClassVar[bool] = False
    bay: str
    offer_id: str
    from_at: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BayRecalled(Event):
    """A resident comes home early: what was offered of `[from_at, until)` is not any more.

    It is kept as an offer of kind `recall`, which takes away instead of giving; withdrawing it opens the bay again.
    `free_at` is when the bay is the resident's: now, or the deadline of the guest who stands in it. `meanwhile` is a
    bay nearby that was free.
    """

    offer_id: str
    bay: str
    resident: str
    request_id: str
    from_at: int
    until: int
    free_at: int
    meanwhile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestRecalled(Event):
    """The resident wants the bay: the stay of the guest who stands in it ends at `until`, earlier than promised.

    `meanwhile` is a bay nearby that was free, not held for the guest. `quote_won` is what was quoted, cut down to the
    time that is left of the stay; None: the quote stays.
    """

    reservation_id: str
    bay: str
    until: int
    held_until: int
    meanwhile: str | None = None
    quote_won: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRejected(Event):
    """An offer, or a change of one, was not accepted."""

    resident: str
    request_id: str
    bay: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OffersWithdrawn(Event):
    """Offers of a bay end for new bookings; what is booked stays booked.

    Without a `request_id` it answers nothing: a new `auto` offer took the place of the one before.
    """

    bay: str
    resident: str
    request_id: str | None
    offer_ids: tuple[str, ...]
