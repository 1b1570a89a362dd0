"""The nouns: bays, offers and reservations as the state holds them."""

from __future__ import annotations

from dataclasses import dataclass, field

from allocator.domain.events import BaySpec
from allocator.domain.interval import Interval
from allocator.domain.lifecycle import Occupancy, ReservationStatus


@dataclass(slots=True, kw_only=True)
class Offer:
    """When a bay may be used. `kind` is `weekly` (rrule, start, end), `once` (from_at, until), `auto` or `recall`.

    `auto` opens `[from_at, until)` for now, and `offered_ms` is what its earlier windows came to, less what points were
    given for. `recall` takes `[from_at, until)` away from what the others give.
    """

    offer_id: str
    bay: str
    resident: str
    kind: str
    rrule: str | None = None
    start: str | None = None
    end: str | None = None
    except_dates: tuple[str, ...] = ()
    from_at: int | None = None
    until: int | None = None
    withdrawn: bool = False
    risk_permille: int | None = None
    offered_at: int = 0
    withdrawn_at: int | None = None
    offered_ms: int = 0

    def over(self, at_ms: int) -> bool:
        """Tell whether it opens nothing from then on."""
        return self.withdrawn or self._ended_by(at_ms)

    def past(self, at_ms: int) -> bool:
        """Tell whether it had opened nothing from then on already then."""
        return (self.withdrawn_at is not None and self.withdrawn_at <= at_ms) or self._ended_by(at_ms)

    def _ended_by(self, at_ms: int) -> bool:
        # an `auto` offer opens again
        return self.kind != "auto" and self.until is not None and self.until <= at_ms


@dataclass(slots=True, kw_only=True)
class Bay:
    """A bay of the register with what is known of it now; every field here is a fold of events.

    `away_since`: when the resident's car left, with an `auto` offer. `absences` of theirs ended within the first day,
    of which the fitted model expected `hazard_permille`. Guests have used the bay for `rented_ms` in the week that
    began at `rented_week`. Offered time was paid for in points up to `settled_at`.
    """

    spec: BaySpec
    occupancy: Occupancy = Occupancy.UNKNOWN
    observed_at: int = 0
    boot_id: int = -1
    seq: int = -1
    lost: str | None = None
    contested: str | None = None
    closed: bool = False
    retired: bool = False
    away_since: int | None = None
    absences: int = 0
    hazard_permille: int = 0
    rented_week: int = 0
    rented_ms: int = 0
    settled_at: int | None = None


@dataclass(slots=True, kw_only=True)
class Reservation:
    """A promise to a driver. `held` is the interval that the calendar keeps: whole slots and the buffer.

    `bound_at` is when its present bay was fixed; the driver has the grace from then, or from the later start.
    """

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
    status: ReservationStatus
    bay: str | None
    walk_m: int
    accepted_at: int
    bound_at: int | None = None
    activated_at: int | None = None
    ended_at: int | None = None
    warned_at: int | None = None
    violation: bool = False
    price_won: int | None = None
    wait_until: int | None = None
    max_price_won: int | None = None
    recalled_at: int | None = None

    def expected_by(self, grace_ms: int) -> int:
        """Return until when the driver may still come to the bay."""
        return max(self.from_at, self.bound_at or 0) + grace_ms

    @property
    def held(self) -> Interval:
        """What the calendar keeps for it."""
        return Interval(self.held_from, self.held_until)


@dataclass(slots=True, kw_only=True)
class StateImage:
    """All that the events fold to, ready to be written down: a snapshot, or what two folds are compared by.

    `lateness` is the histogram that the buffers are learnt from.
    """

    position: int = 0
    event_nos: dict[str, int] = field(default_factory=dict)
    accepted: int = 0
    offered: int = 0
    lateness: list[int] = field(default_factory=list)
    bays: list[Bay] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
