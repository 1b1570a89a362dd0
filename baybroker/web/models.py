"""What the routes answer with. Times are RFC 3339 in UTC, money is whole won, distances are metres."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from broker_bridge.wire.messages import BayStatus, Name, Need

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-03-02T09:00:00.000Z"])]
Role = Literal["public", "driver", "resident", "operator"]


class Answer(BaseModel):
    """What all answers share: they are what the server says they are, so nothing is coerced."""

    model_config = ConfigDict(strict=True, extra="forbid", populate_by_name=True)


class Problem(BaseModel):
    """Why a request was not answered as asked (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["No bay is named 'sillim-9999'."])
    instance: str = Field(examples=["/api/v1/bays/sillim-9999"])
    errors: list[FieldError] = Field(default_factory=list, description="Of each field that is not valid")


class FieldError(BaseModel):
    """What is wrong with a field."""

    field: str = Field(examples=["stay_min"])
    message: str = Field(examples=["Input should be greater than or equal to 5"])


class Point(Answer):
    """A place (WGS 84 degrees)."""

    lat: float = Field(examples=[37.4842])
    lon: float = Field(examples=[126.9296])


class Session(Answer):
    """Who asks. `tokens` are throw-away tokens by role, in a demo only."""

    demo: bool
    role: Role
    subject: str | None = Field(examples=["drv-7"])
    tokens: dict[str, str] | None = None


class Clock(Answer):
    """The clock of a simulated world."""

    run_id: str
    tick_no: int
    sim_time: Time
    speed: float
    paused: bool


class Health(Answer):
    """How the parts are."""

    broker: bool
    allocator_online: bool
    lag_ms: int = Field(description="How long the allocator's last batch took to be committed")
    unknown_share: float = Field(description="Of the bays, how many show `unknown`; 0 to 1")
    dropped: int = Field(description="Messages that the allocator could not use, since it started")


class Scenario(Answer):
    """Where and when: what a map needs to begin."""

    city: Name
    time_zone: str = Field(examples=["Asia/Seoul"])
    now: Time
    clock: Clock | None = Field(description="Of a simulated world; null: the time of day")
    seed: int | None
    centre: Point | None
    bounds: Annotated[list[float], Field(min_length=4, max_length=4)] | None = Field(
        description="West, south, east, north", examples=[[126.92, 37.46, 126.97, 37.49]]
    )
    outlines: dict[str, Any] | None = Field(description="GeoJSON")
    style_url: str | None
    health: Health


class Bay(Answer):
    """A bay and what it shows. `unknown` is not free."""

    bay: Name = Field(examples=["sillim-0042"])
    zone: Name
    lat: float
    lon: float
    needs: list[Need]
    tariff: Name | None
    status: BayStatus
    until: Time | None = Field(description="When that ends, where it is known")
    position: int = Field(description="The database's position when the allocator last said so")


class Bays(Answer):
    """Bays in the order of their names."""

    items: list[Bay]
    next: str | None = Field(description="Pass it as `after` for the next page; null: this is the last")


class Sensor(Answer):
    """What is known of a bay's sensor. `lost` and `contested` say why, or are null."""

    occupancy: Literal["free", "occupied", "unknown"]
    observed_at: Time | None
    last_heard_at: Time | None
    heartbeat_ms: int | None
    lost: str | None
    contested: str | None


class BayOffer(Answer):
    """An offer of a bay that stands."""

    offer_id: Name
    bay: Name
    kind: Literal["weekly", "once", "auto", "recall"]
    rrule: str | None
    start: str | None
    end: str | None
    except_dates: list[str]
    from_at: Time | None = Field(alias="from")
    until: Time | None
    risk_pct: float | None


class Booking(Answer):
    """When a bay is promised. `reservation_id` is for operators only."""

    from_at: Time = Field(alias="from")
    until: Time
    status: Literal["bound", "active"]
    reservation_id: Name | None = None


class Told(Answer):
    """Something that happened, in words."""

    at: Time
    text: str


class BayStory(Bay):
    """A bay with its sensor, offers, bookings, and what happened there, newest first."""

    sensor: Sensor
    offers: list[BayOffer]
    bookings: list[Booking]
    history: list[Told]


class Zone(Answer):
    """How many bays of a zone show each status. `offered`: on offer now; `free_now`: can be taken now."""

    zone: Name
    closed: int
    available: int
    reserved: int
    occupied: int
    contested: int
    unknown: int
    offered: int
    free_now: int
    centre: Point | None


class Zones(Answer):
    """Zones in the order of their names."""

    items: list[Zone]
    next: str | None


class Reservation(Answer):
    """A promise. The bay is told once it is bound; `driver` is for operators only."""

    reservation_id: Name = Field(examples=["r-12"])
    status: Literal["waiting", "accepted", "bound", "active", "completed", "rejected", "cancelled", "expired", "failed"]
    driver: Name | None = None
    from_at: Time = Field(alias="from")
    until: Time
    bay: Name | None
    bay_zone: Name | None
    place: Point | None
    walk_m: int | None
    max_walk_m: int
    quote_won: int
    price_won: int | None = Field(description="What the stay cost in the end")
    destination: Point


class Reservations(Answer):
    """Reservations, the newest first."""

    items: list[Reservation]
    next: str | None


class ReservationStory(Reservation):
    """A reservation with what became of it, and why."""

    explanation: list[str]
    history: list[Told]


class RequestStory(Answer):
    """What became of a request, and why."""

    request_id: str
    reservation_id: Name | None
    status: str
    explanation: list[str]
    history: list[Told]


class Offers(Answer):
    """Offers that stand, the oldest first."""

    items: list[BayOffer]
    next: str | None


class LedgerEntry(Answer):
    """One side of a booking; those of one position and unit sum to zero."""

    entry_id: int
    position: int
    at: Time
    account: str = Field(examples=["driver:drv-7"])
    unit: Literal["won", "millipoints"]
    amount: int


class Ledger(Answer):
    """Ledger entries, the oldest first."""

    items: list[LedgerEntry]
    next: str | None


class Accepted(Answer):
    """The simulator was told; the `clock` says when it obeys."""

    published: Literal[True]


class Kpis(Answer):
    """Counts of the last 24 hours of the city's time; `waiting`, `bound` and `active` are now."""

    requests: int
    accepted: int
    rejected: int
    waitlisted: int
    relocated: int
    served: int
    no_shows: int
    failed: int
    waiting: int
    bound: int
    active: int
    violations: int = Field(description="Promises that were kept only beyond the walk, ever")


class Hour(Answer):
    """One hour: what happened in it, and what the bays showed at its end, null from before this server listened."""

    at: Time
    requests: int
    accepted: int
    rejected: int
    available: int | None
    reserved: int | None
    occupied: int | None
    contested: int | None
    unknown: int | None
    closed: int | None


class Trouble(Answer):
    """A bay that needs somebody, and why."""

    bay: Name
    zone: Name
    reason: str
    last_heard_at: Time | None


class Battery(Answer):
    """A sensor's battery."""

    bay: Name
    zone: Name
    battery_pct: float
    observed_at: Time


class Violation(Answer):
    """A promise that was not kept as it was made."""

    reservation_id: Name
    bay: Name | None
    status: str
    from_at: Time = Field(alias="from")
    walk_m: int
    max_walk_m: int


class Operations(Answer):
    """What an operator looks at. The lists have at most 200 entries each."""

    kpis: Kpis
    series: list[Hour]
    contested: list[Trouble]
    silent: list[Trouble]
    stuck: list[Trouble]
    batteries: list[Battery] = Field(description="The lowest first")
    violations: list[Violation] = Field(description="The newest first")
