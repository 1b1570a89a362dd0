"""What somebody wants or reports, in the imperative. Times in epoch milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from allocator.domain.events import BaySpec


class Observe(NamedTuple):
    """A sensor says whether a car is in the bay. A tuple, as what is said most often: it is made faster."""

    gateway: str
    zone: str
    bay: str
    boot_id: int
    seq: int
    observed_at: int
    status: str
    retained: bool = False


class ReportDevice(NamedTuple):
    """A sensor says how it is; `fault` is its own word for what is wrong. A tuple, as is Observe."""

    gateway: str
    zone: str
    bay: str
    boot_id: int
    seq: int
    observed_at: int
    heartbeat_ms: int
    fault: str | None = None
    retained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportGateway:
    """A gateway is born, says farewell, or its will speaks."""

    gateway: str
    online: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBay:
    """A driver asks for a bay."""

    driver: str
    request_id: str
    vehicle_id: str
    lat: float
    lon: float
    arrive_at: int
    stay_ms: int
    max_walk_m: int
    max_price_won: int | None = None
    needs: tuple[str, ...] = ()
    wait_until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverCommand:
    """What a driver says of a reservation: `cancel, extend, arrive, leave, query`."""

    driver: str
    request_id: str
    type: str
    reservation_id: str
    blocked: bool = False
    extend_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferWeekly:
    """A resident offers recurring windows."""

    resident: str
    request_id: str
    bay: str
    rrule: str
    start: str
    end: str
    except_dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferOnce:
    """A resident offers one window."""

    resident: str
    request_id: str
    bay: str
    from_at: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAuto:
    """A resident lets the bay open when its sensor sees them leave, or no more."""

    resident: str
    request_id: str
    bay: str
    enabled: bool
    risk_permille: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallBay:
    """A resident comes home early: at `home_at`, or now."""

    resident: str
    request_id: str
    bay: str
    home_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawOffer:
    """A resident ends an offer, or every offer of the bay, for new bookings."""

    resident: str
    request_id: str
    bay: str
    offer_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseOffer:
    """A resident asks for what this version does not do; it is answered all the same."""

    resident: str
    request_id: str
    bay: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterBays:
    """An operator, or a scenario at the start, enters bays in the register."""

    operator: str
    request_id: str
    specs: tuple[BaySpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperateBay:
    """An operator's `retire, close, open, repaired` of a bay."""

    operator: str
    request_id: str
    type: str
    bay: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReservation:
    """An operator ends a reservation."""

    operator: str
    request_id: str
    reservation_id: str


class Timer(StrEnum):
    """What falls due by itself. The key is a reservation, a bay or a gateway."""

    BIND = "bind"
    CHECK = "check"
    NO_SHOW = "no_show"
    LEFT = "left"
    END = "end"
    SETTLE = "settle"
    SILENCE = "silence"
    GATEWAY = "gateway"
    REVIEW = "review"
    ROLL = "roll"
    TICK = "tick"
    WAIT = "wait"
    RESCUE = "rescue"
    STUCK = "stuck"
    AUTO = "auto"
    POINTS = "points"


class FallDue(NamedTuple):
    """A timer is due. A tuple, as is Observe."""

    timer: Timer
    key: str


Command = (
    Observe | ReportDevice | ReportGateway | RequestBay | DriverCommand | OfferWeekly | OfferOnce | OfferAuto
    | RecallBay | WithdrawOffer | RefuseOffer | RegisterBays | OperateBay | ReleaseReservation | FallDue
)  # fmt: skip
