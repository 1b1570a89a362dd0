"""A scenario: what a simulated city is made of. Read from TOML; a mistake is told with its file and field."""

from __future__ import annotations

import tomllib
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.messages import Latitude, Longitude, Name, WallTime
from sensors_sim.config_files import find_config

if TYPE_CHECKING:
    from pathlib import Path

HOURS = 24
MS = 1000


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        msg = f"{name!r} is no IANA time zone, such as Asia/Seoul"
        raise ValueError(msg) from None
    return name


def _local(instant: datetime) -> datetime:
    if instant.tzinfo is not None:
        msg = "write it without an offset: it is the city's wall-clock time"
        raise ValueError(msg)
    return instant


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Rate = Annotated[float, Field(ge=0)]
TimeZone = Annotated[str, AfterValidator(_known_zone)]
LocalInstant = Annotated[datetime, AfterValidator(_local)]
Profile = Annotated[tuple[Rate, ...], Field(min_length=HOURS, max_length=HOURS)]
DAYTIME: tuple[float, ...] = (
    0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 0.5, 1.0, 1.5, 1.7, 1.8, 1.9,
    1.8, 1.7, 1.6, 1.5, 1.4, 1.4, 1.5, 1.3, 1.0, 0.7, 0.5, 0.3,
)  # fmt: skip
"""How lively each hour of a day is; only the proportions count."""


class Part(BaseModel):
    """What every part of a scenario shares: immutable, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Zone(Part):
    """Bays along parallel streets around a centre."""

    name: Name
    lat: Latitude
    lon: Longitude
    bays: int = Field(ge=1, le=100_000)
    streets: int = Field(default=4, ge=1, le=1_000)
    street_gap_m: Positive = 55.0
    bay_gap_m: Positive = 11.0
    bearing_deg: float = 0.0
    tariff: Name | None = Field(default=None, description="What its bays cost: the name of a tariff")


class Habit(Part):
    """When a resident's car is away: hours of the local day, and how far single days scatter around them."""

    out_share: Share
    leave_h: float = Field(ge=0, lt=24)
    leave_sd_h: Rate
    return_h: float = Field(ge=0, lt=30)
    return_sd_h: Rate


class Residents(Part):
    """Who lives there. Each resident's own hours lie `personal_sd_h` around the habit's."""

    weekday: Habit = Habit(out_share=0.8, leave_h=7.7, leave_sd_h=0.7, return_h=18.6, return_sd_h=1.5)
    weekend: Habit = Habit(out_share=0.5, leave_h=10.8, leave_sd_h=2.2, return_h=16.5, return_sd_h=2.5)
    personal_sd_h: Rate = 0.8
    early_return_share: Share = Field(default=0.06, description="Days on which the car is back at some earlier hour")


class Window(Part):
    """A window of the week that residents offer; `weight` says how many take this one."""

    start: WallTime
    end: WallTime
    weight: Positive = 1.0
    rrule: str = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"


class Offers(Part):
    """Who shares the bay. A weekly offer's resident usually keeps out of its window by `margin_min`."""

    weekly_share: Share = 0.6
    auto_share: Share = Field(default=0.0, description="Of those without a weekly offer: the bay opens by itself")
    once_share: Share = Field(default=0.1, description="Days on which one with neither offers the absence")
    margin_min: Rate = 25.0
    windows: tuple[Window, ...] = Field(
        min_length=1,
        default=(
            Window(start="09:00", end="18:00", weight=577),
            Window(start="08:30", end="19:00", weight=327),
            Window(start="09:00", end="19:00", weight=247),
        ),
    )


class HotSpot(Part):
    """A place that drivers want to be near, within `spread_m` (one standard deviation)."""

    lat: Latitude
    lon: Longitude
    weight: Positive = 1.0
    spread_m: Positive = 80.0


class Drivers(Part):
    """The demand. Stays are log-normal in minutes, left-truncated (fitted to Melbourne's in-ground sensors)."""

    pool: int = Field(default=200, ge=1, le=1_000_000)
    requests_per_hour: Rate = 30.0
    hourly: Profile = DAYTIME
    hot_spots: tuple[HotSpot, ...] = Field(min_length=1)
    stay_log_mean: float = 2.91
    stay_log_sd: Positive = 1.57
    stay_min: int = Field(default=15, ge=5)
    stay_max_min: int = Field(default=480, le=10_080)
    short_share: Share = Field(default=0.0, description="Requests for 5 to 10 minutes, at once")
    first_short: int = Field(default=0, ge=0, description="So many of the first requests are short ones")
    walk_from_m: int = Field(default=200, ge=1)
    walk_to_m: int = Field(default=400, le=5_000)
    lead_mean_min: Rate = 45.0
    price_cap_share: Share = Field(default=0.0, description="Drivers who name a highest price")
    price_cap_won_per_hour: Annotated[tuple[int, int], Field()] = (1_200, 3_000)
    no_show_share: Share = 0.05
    cancel_share: Share = 0.06
    early_share: Share = 0.15
    overstay_share: Share = 0.05
    tells_share: Share = Field(default=0.8, description="Say that they arrive and leave; the sensor tells of others")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        fates = self.no_show_share + self.cancel_share + self.early_share + self.overstay_share
        if fates > 1:
            msg = "no_show_share, cancel_share, early_share and overstay_share sum to more than 1"
            raise ValueError(msg)
        if self.stay_min > self.stay_max_min or self.walk_from_m > self.walk_to_m:
            msg = "stay_min must not be above stay_max_min, nor walk_from_m above walk_to_m"
            raise ValueError(msg)
        if not any(self.hourly):
            msg = "hourly is zero at every hour"
            raise ValueError(msg)
        return self


class Squatters(Part):
    """Cars that park without a booking."""

    per_bay_day: Rate = 0.3
    stay_mean_min: Positive = 40.0
    hourly: Profile = DAYTIME


class Sensors(Part):
    """The devices and their faults; a share is of messages, a rate of sensors."""

    detection_ms: int = Field(default=3_000, ge=0, le=60_000)
    detection_sd_ms: int = Field(default=700, ge=0, le=30_000)
    heartbeat_s: int = Field(default=3_600, ge=60, le=604_800)
    duplicate_share: Share = 0.002
    late_share: Share = 0.002
    offline_per_day: Rate = 0.01
    offline_mean_min: Positive = 90.0
    firmware: str = Field(default="sim-1", min_length=1, max_length=64)


class Scenario(Part):
    """A whole city, and when its day begins."""

    city: Name
    time_zone: TimeZone = "Asia/Seoul"
    seed: int = Field(default=1, ge=0)
    start: LocalInstant
    bays_per_gateway: int = Field(default=32, ge=1, le=10_000)
    zones: tuple[Zone, ...] = Field(min_length=1)
    residents: Residents = Residents()
    offers: Offers = Offers()
    drivers: Drivers
    squatters: Squatters = Squatters()
    sensors: Sensors = Sensors()

    @model_validator(mode="after")
    def _unique_zones(self) -> Self:
        names = [zone.name for zone in self.zones]
        if len(set(names)) < len(names):
            msg = "two zones share a name"
            raise ValueError(msg)
        return self

    @property
    def start_ms(self) -> int:
        """The start in epoch milliseconds."""
        return round(self.start.replace(tzinfo=ZoneInfo(self.time_zone)).timestamp() * MS)


def load_scenario(name_or_path: str) -> Scenario:
    """Return the scenario of that name, or of that TOML file; raises SettingsError in one line."""
    path = find_config("scenarios", name_or_path)
    try:
        return Scenario.model_validate(_read_toml(path))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        # a misspelt field is also a missing one: the spelling is the better news
        first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
        field = ".".join(str(part) for part in first["loc"]) or "scenario"
        reason = first["msg"].removeprefix("Value error, ")
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise SettingsError(f"{path}: {field}: {reason}{more}") from None


def _read_toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
