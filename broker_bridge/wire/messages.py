"""Every field of every message, in the order of the topic table.

Unknown fields are ignored, types are strict, times are RFC 3339 (see `times`). Money is whole won, distances
are metres, and a field's unit is the end of its name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from broker_bridge.wire.times import EpochMs
from broker_bridge.wire.topics import NAME_PATTERN, TopicKind

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
"""A bay, zone, gateway, driver, resident or operator: one level of a topic."""
RequestId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""Chosen by whoever asks, never used twice: repeated, it gets the same answer."""
Token = Annotated[str, StringConstraints(min_length=1, max_length=64)]
WallTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Counter = Annotated[int, Field(ge=0, le=2**53)]
Need = Literal["accessible", "ev", "large"]
BayStatus = Literal["closed", "available", "reserved", "occupied", "contested", "unknown"]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class Message(BaseModel):
    """What every message shares: immutable, strict types, unknown fields ignored."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", populate_by_name=True)


class Place(Message):
    """A point on the earth (WGS 84 degrees)."""

    lat: Latitude
    lon: Longitude


class GatewayStatus(Message):
    """A gateway's birth (`online`) and its will or its farewell (not `online`)."""

    online: bool
    started_at: EpochMs
    bays: Counter = Field(description="How many bays report through this gateway")


class Reading(Message):
    """What both of a sensor's topics share. Each topic counts its own `seq`, from 0 at each boot."""

    boot_id: Counter = Field(description="Epoch milliseconds of the boot; a lower one is late")
    seq: Counter
    observed_at: EpochMs


class Occupancy(Reading):
    """Whether a car is in the bay; sent on change, and again with each heartbeat."""

    status: Literal["free", "occupied", "unknown"]
    confidence: float | None = Field(default=None, ge=0, le=1)


class Device(Reading):
    """The sensor's health; twice `heartbeat_s` without a message makes the bay unknown."""

    heartbeat_s: int = Field(ge=1, le=604_800)
    battery_pct: float | None = Field(default=None, ge=0, le=100)
    rssi_dbm: float | None = Field(default=None, ge=-200, le=50)
    temperature_c: float | None = Field(default=None, ge=-100, le=150)
    firmware: Token | None = None
    fault: Token | None = None


class Numbered(Message):
    """What the allocator says of a committed event: the database's position and the zone's own number."""

    position: Counter
    zone: Name | None = None
    event_no: Counter | None = None


class BayState(Numbered):
    """A bay as a display, a barrier or a map shows it."""

    status: BayStatus
    until: EpochMs | None = None
    reservation_id: Name | None = None


class ZoneAvailability(Message):
    """How many bays of a zone have each status; `offered`: open now; `free_now`: can be taken now."""

    closed: Counter
    available: Counter
    reserved: Counter
    occupied: Counter
    contested: Counter
    unknown: Counter
    offered: Counter
    free_now: Counter
    as_of: EpochMs
    position: Counter


class ZoneEvent(Message):
    """One committed event as a CloudEvents 1.0 JSON object; `data` has its position and event_no."""

    specversion: Literal["1.0"] = "1.0"
    id: str
    source: str
    type: str
    subject: str | None = None
    time: EpochMs
    datacontenttype: Literal["application/json"] = "application/json"
    data: dict[str, object]


class RequestBay(Message):
    """A driver asks for a bay near `destination`. The promise is the interval, the walk and the price."""

    type: Literal["request"] = "request"
    request_id: RequestId
    vehicle_id: Token = Field(description="Pseudonymous, never a plate")
    destination: Place
    arrive_at: EpochMs
    stay_min: int = Field(ge=5, le=10_080)
    max_walk_m: int = Field(ge=1, le=5_000)
    max_price_won: int | None = Field(default=None, ge=0)
    needs: list[Need] = Field(default_factory=list, max_length=3)
    wait_until: EpochMs | None = Field(default=None, description="Without a bay, wait for one until then")


class _OfReservation(Message):
    request_id: RequestId
    reservation_id: Name


class Cancel(_OfReservation):
    """The driver gives the reservation back before it is used."""

    type: Literal["cancel"] = "cancel"


class Extend(_OfReservation):
    """The driver wants to stay `extend_min` longer."""

    type: Literal["extend"] = "extend"
    extend_min: int = Field(ge=5, le=1_440)


class Arrive(_OfReservation):
    """The driver is at the bay; `blocked` when another car stands in it."""

    type: Literal["arrive"] = "arrive"
    blocked: bool = False


class Leave(_OfReservation):
    """The driver has left the bay."""

    type: Literal["leave"] = "leave"


class Query(_OfReservation):
    """The driver asks what holds now; the answer is a `state` reply."""

    type: Literal["query"] = "query"


DriverRequest = Annotated[
    RequestBay | Cancel | Extend | Arrive | Leave | Query,
    Field(discriminator="type"),
]
ReplyType = Literal[
    "accepted", "waitlisted", "rejected", "bound", "active", "relocated", "extended", "extend_refused",
    "warned", "completed", "expired", "cancelled", "failed", "state",
]  # fmt: skip


class DriverReply(Numbered):
    """What became of a request; `request_id` is that of the message answered, else of the first request."""

    type: ReplyType
    request_id: RequestId
    reservation_id: Name | None = None
    reason: Token | None = None
    status: Token | None = Field(default=None, description="In a `state` reply: the reservation's status")
    from_at: EpochMs | None = Field(default=None, alias="from")
    until: EpochMs | None = None
    bay: Name | None = Field(default=None, description="Once it is bound; if `recalled`, a free one nearby, not held")
    bay_zone: Name | None = None
    place: Place | None = None
    walk_m: int | None = None
    max_walk_m: int | None = None
    price_won: int | None = None
    surcharge_won: int | None = Field(default=None, description="Of the price of a stay that was too long")


class _OfBay(Message):
    request_id: RequestId
    bay: Name


class OfferWeekly(_OfBay):
    """Recurring windows in the city's wall-clock time; `end` at or before `start` is on the next day."""

    type: Literal["weekly"] = "weekly"
    rrule: str = Field(max_length=200, examples=["FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"])
    start: WallTime
    end: WallTime
    except_dates: list[Day] = Field(default_factory=list, max_length=366)


class OfferOnce(_OfBay):
    """One window `[from, until)`."""

    type: Literal["once"] = "once"
    from_at: EpochMs = Field(alias="from")
    until: EpochMs


class OfferAuto(_OfBay):
    """The bay opens when its sensor sees the car leave, at most at `risk_pct` of an early return."""

    type: Literal["auto"] = "auto"
    enabled: bool
    risk_pct: float = Field(default=10.0, ge=0.1, le=50)


class Withdraw(_OfBay):
    """Ends an offer for new bookings; without `offer_id`, every offer of the bay."""

    type: Literal["withdraw"] = "withdraw"
    offer_id: Name | None = None


class Recall(_OfBay):
    """The resident comes home early, at `home_at` or now. Withdrawing the answer's `offer_id` opens the bay again."""

    type: Literal["recall"] = "recall"
    home_at: EpochMs | None = None


ResidentOffer = Annotated[
    OfferWeekly | OfferOnce | OfferAuto | Withdraw | Recall,
    Field(discriminator="type"),
]
NoticeType = Literal[
    "offer_accepted", "offer_rejected", "guest_arrived", "guest_left", "overstay", "contested", "recall_answer",
    "earning",
]  # fmt: skip


class ResidentNotice(Numbered):
    """What a resident is told of the bay. Never who the guest is."""

    type: NoticeType
    bay: Name
    request_id: RequestId | None = None
    offer_id: Name | None = None
    reason: Token | None = None
    until: EpochMs | None = Field(default=None, description="In a `recall_answer`: when the bay is the resident's")
    amount_won: int | None = None
    meanwhile_bay: Name | None = Field(default=None, description="In a `recall_answer`: a free bay nearby, not held")
    place: Place | None = Field(default=None, description="Where `meanwhile_bay` is")


class BayRecord(Message):
    """A bay as it is entered in the register."""

    bay: Name
    zone: Name
    lat: Latitude
    lon: Longitude
    gateway: Name
    resident: Name | None = None
    needs: list[Need] = Field(default_factory=list, max_length=3)
    tariff: Name | None = Field(default=None, description="One of the allocator's; without, the city's own")


class RegisterBays(Message):
    """Enters bays in the register, or changes their place, gateway, resident or tariff."""

    type: Literal["register"] = "register"
    request_id: RequestId
    bays: list[BayRecord] = Field(min_length=1, max_length=50)


class _BayCommand(Message):
    request_id: RequestId
    bay: Name


class RetireBay(_BayCommand):
    """Takes a bay out of the register; its bookings are looked after as endangered."""

    type: Literal["retire"] = "retire"


class CloseBay(_BayCommand):
    """Closes a bay until it is opened again: road works, snow."""

    type: Literal["close"] = "close"


class OpenBay(_BayCommand):
    """Opens a bay that was closed."""

    type: Literal["open"] = "open"


class SensorRepaired(_BayCommand):
    """Forgets what the bay's sensor said, its `boot_id` and `seq` included."""

    type: Literal["repaired"] = "repaired"


class ReleaseReservation(Message):
    """Ends a reservation on the operator's word."""

    type: Literal["release"] = "release"
    request_id: RequestId
    reservation_id: Name


OperatorCommand = Annotated[
    RegisterBays | RetireBay | CloseBay | OpenBay | SensorRepaired | ReleaseReservation,
    Field(discriminator="type"),
]


class OperatorReply(Numbered):
    """What became of an operator's command."""

    type: Literal["done", "rejected"]
    request_id: RequestId
    reason: Token | None = None


class AllocatorStatus(Message):
    """The allocator's birth, will and pulse; `tick_no` is the last tick whose effects are committed."""

    online: bool
    version: str
    started_at: EpochMs
    now: EpochMs | None = Field(default=None, description="The time decisions are made at")
    lag_ms: Counter = 0
    run_id: Name | None = None
    tick_no: Counter | None = None
    position: Counter = 0
    dropped: Counter = Field(default=0, description="Messages that it could not use, since it started")


class Clock(Message):
    """What time it is in a simulated world: everything observed up to `sim_time` has been published."""

    run_id: Name
    tick_no: Counter
    sim_time: EpochMs
    speed: float = Field(ge=0, le=3600, description="Simulated seconds a second; 0: as fast as possible")
    paused: bool = False
    published: Counter = Field(description="Messages that the source has published in this run")


class SetSpeed(Message):
    """Sets the simulator's speed."""

    type: Literal["speed"] = "speed"
    speed: float = Field(gt=0, le=3600)


class Pause(Message):
    """Stops or resumes the simulated clock."""

    type: Literal["pause", "resume"]


SimulatorCommand = Annotated[SetSpeed | Pause, Field(discriminator="type")]

PAYLOADS: dict[TopicKind, Any] = {
    TopicKind.GATEWAY_STATUS: GatewayStatus,
    TopicKind.OCCUPANCY: Occupancy,
    TopicKind.DEVICE: Device,
    TopicKind.BAY_STATE: BayState,
    TopicKind.ZONE_AVAILABILITY: ZoneAvailability,
    TopicKind.ZONE_EVENTS: ZoneEvent,
    TopicKind.DRIVER_REQUEST: DriverRequest,
    TopicKind.DRIVER_REPLY: DriverReply,
    TopicKind.RESIDENT_OFFER: ResidentOffer,
    TopicKind.RESIDENT_NOTICE: ResidentNotice,
    TopicKind.OPERATOR_COMMAND: OperatorCommand,
    TopicKind.OPERATOR_REPLY: OperatorReply,
    TopicKind.ALLOCATOR_STATUS: AllocatorStatus,
    TopicKind.CLOCK: Clock,
    TopicKind.SIMULATOR_COMMAND: SimulatorCommand,
}
"""The model of each topic's payload."""
