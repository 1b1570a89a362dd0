"""A scenario: what a simulated city is made of. Read from TOML; a mistake is told with its file and field."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import AfterValidator, Field, PrivateAttr, ValidationError, model_validator

from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.messages import Latitude, Longitude, Name, WallTime
from sensors_sim.bays_file import read_bays
from sensors_sim.city import Bay, build_city
from sensors_sim.config_files import find_config
from sensors_sim.faults import Fault
from sensors_sim.mistakes import Mistake, MistakesError, mistakes_error
from sensors_sim.parts import LocalInstant, Part, Positive, Profile, Rate, Share, TimeZone, Window
from sensors_sim.profile import load_profile
from sensors_sim.toml_lines import key_lines

if TYPE_CHECKING:
    from pathlib import Path

    from sensors_sim.engine.presence import PresenceProfile

MS = 1000
DAYTIME: tuple[float, ...] = (
    0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 0.5, 1.0, 1.5, 1.7, 1.8, 1.9,
    1.8, 1.7, 1.6, 1.5, 1.4, 1.4, 1.5, 1.3, 1.0, 0.7, 0.5, 0.3,
)  # fmt: skip
"""How lively each hour of a day is; only the proportions count."""


class Zone(Part):
    """Bays around a centre: along parallel streets, or in short rows all over a disc of `radius_m`."""

    name: Name
    lat: Latitude
    lon: Longitude
    bays: int = Field(ge=1, le=100_000)
    streets: int = Field(default=4, ge=1, le=1_000)
    street_gap_m: Positive = 55.0
    bay_gap_m: Positive = 11.0
    bearing_deg: float = 0.0
    radius_m: Positive | None = Field(default=None, description="Scatter the bays so far around; for a whole district")
    tariff: Name | None = Field(default=None, description="The tariff of its bays; the city's default if not given")

    @model_validator(mode="after")
    def _one_layout(self) -> Self:
        if self.radius_m is not None and self.model_fields_set & {"streets", "street_gap_m", "bearing_deg"}:
            msg = "radius_m scatters the bays: streets, street_gap_m and bearing_deg mean nothing beside it"
            raise ValueError(msg)
        return self


@cache
def presence_of(profile: str) -> PresenceProfile:
    """Return the figures of a profile's residents, read once; raises ValueError."""
    try:
        found = load_profile(profile).residents
    except SettingsError as error:
        raise ValueError(str(error)) from None
    if found is None:
        msg = f"the profile {profile!r} tells nothing of residents"
        raise ValueError(msg)
    return found.presence()


def _known_profile(profile: str) -> str:
    presence_of(profile)
    return profile


class Residents(Part):
    """Who lives there: residents of a profile, each with traits of its own."""

    profile: Annotated[str, AfterValidator(_known_profile)] = Field(
        default="norway-homes",
        validate_default=True,
        description="Of `config/profiles/`, or a TOML file, from the scenario's folder",
    )
    early_return_share: Share = Field(
        default=0.06, description="Of the days on which the bay is offered: the car is back early, and the bay recalled"
    )


class Offers(Part):
    """Who shares the bay. A weekly offer's resident keeps out of its window, usually by about `margin_min`."""

    weekly_share: Share = 0.6
    auto_share: Share = Field(default=0.0, description="Of those without a weekly offer: the bay opens by itself")
    once_share: Share = Field(default=0.1, description="Of the absences of one with neither, that he offers")
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
    hot_spots: tuple[HotSpot, ...] = ()
    background_share: Share = Field(default=0.0, description="Wishes that go to any bay of the city, not to a hot spot")
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
        if not self.hot_spots and self.background_share < 1:
            msg = "without hot_spots all wishes go anywhere: set background_share = 1.0, or name one"
            raise ValueError(msg)
        return self


class Squatters(Part):
    """Cars that park without a booking."""

    per_bay_day: Rate = 0.3
    stay_mean_min: Positive = 40.0
    hourly: Profile = DAYTIME


class Sensors(Part):
    """The devices and their usual faults; a share is of messages, a rate of sensors. For more see `faults`."""

    detection_ms: int = Field(default=3_000, ge=0, le=60_000)
    detection_sd_ms: int = Field(default=700, ge=0, le=30_000)
    heartbeat_s: int = Field(default=3_600, ge=60, le=604_800)
    night_heartbeat_s: int | None = Field(default=None, ge=60, le=604_800, description="At night; else as by day")
    night_from: WallTime = "22:00"
    night_until: WallTime = "06:00"
    debounce_ms: int = Field(default=0, ge=0, le=600_000, description="A change must last so long to be told")
    battery_from_pct: float = Field(default=40.0, ge=0, le=100, description="At the start, drawn between this")
    battery_to_pct: float = Field(default=100.0, ge=0, le=100, description="and this")
    battery_days: Positive = Field(default=5 * 365, description="How long a full battery lasts")
    duplicate_share: Share = 0.002
    late_share: Share = 0.002
    offline_per_day: Rate = 0.01
    offline_mean_min: Positive = 90.0
    firmware: str = Field(default="sim-1", min_length=1, max_length=64)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.battery_from_pct > self.battery_to_pct:
            msg = "battery_from_pct must not be above battery_to_pct"
            raise ValueError(msg)
        return self


class Scenario(Part):
    """A whole city, and when its day begins. Its bays are laid out in `zones`, or stand in a `bays_file`."""

    city: Name
    time_zone: TimeZone = "Asia/Seoul"
    seed: int = Field(default=1, ge=0)
    start: LocalInstant
    bays_per_gateway: int = Field(default=32, ge=1, le=10_000)
    zones: tuple[Zone, ...] = ()
    bays_file: str | None = Field(default=None, min_length=1, description="A CSV file, from the scenario's folder")
    tariffs_folder: str | None = Field(
        default=None, min_length=1, description="A folder of tariff files beside the shipped ones, from the scenario's"
    )
    residents: Residents = Field(default_factory=Residents)
    offers: Offers = Offers()
    drivers: Drivers
    squatters: Squatters = Squatters()
    sensors: Sensors = Sensors()
    faults: tuple[Fault, ...] = Field(default=(), description="What goes wrong beside the usual rates of `sensors`")
    _placed: tuple[Bay, ...] = PrivateAttr(())

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.zones) == (self.bays_file is not None):
            msg = "say where the bays are: by zones or by a bays_file"
            raise ValueError(msg)
        names = [zone.name for zone in self.zones]
        if len(set(names)) < len(names):
            msg = "two zones share a name"
            raise ValueError(msg)
        return self

    @property
    def start_ms(self) -> int:
        """The start in epoch milliseconds."""
        return round(self.start.replace(tzinfo=ZoneInfo(self.time_zone)).timestamp() * MS)

    @property
    def presence(self) -> PresenceProfile:
        """When residents are away: the figures of their profile."""
        return presence_of(self.residents.profile)

    @property
    def placed(self) -> tuple[Bay, ...]:
        """The bays of the bays file, as `load_scenario` read them."""
        return self._placed

    def with_bays(self, bays: tuple[Bay, ...]) -> Scenario:
        """Return the scenario with the bays that its file has."""
        copy = self.model_copy()
        copy._placed = bays  # noqa: SLF001 - of the same class
        return copy


def load_scenario(name_or_path: str) -> Scenario:
    """Return the scenario of that name, or of that TOML file, `tariffs_folder` as a path; raises SettingsError.

    What is wrong in the file, or in its bays file, is a MistakesError, which has all the mistakes with their lines.
    """
    path = find_config("scenarios", name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
        scenario = Scenario.model_validate(_with_profile_beside(path, tomllib.loads(text)))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        raise mistakes_error(path, text, error) from None
    if scenario.bays_file is not None:
        scenario = scenario.with_bays(read_bays(path.parent / scenario.bays_file, scenario.bays_per_gateway))
    if scenario.tariffs_folder is not None:
        folder = path.parent / scenario.tariffs_folder
        if not folder.is_dir():
            line = key_lines(text)["tariffs_folder",]
            raise MistakesError(path, [Mistake(line, "tariffs_folder", f"there is no folder {folder}")])
        scenario = scenario.model_copy(update={"tariffs_folder": str(folder)})
    _check_places(path, text, scenario)
    return scenario


def _with_profile_beside(path: Path, read: dict[str, Any]) -> dict[str, Any]:
    """Return what was read with the profile's file, where one is named, as a path from the scenario's folder."""
    residents = read.get("residents")
    if not isinstance(residents, dict):
        return read
    profile = residents.get("profile")
    if not isinstance(profile, str) or not profile.endswith(".toml"):
        return read
    return read | {"residents": {**residents, "profile": str(path.parent / profile)}}


def _check_places(path: Path, text: str, scenario: Scenario) -> None:
    """Raise MistakesError where a fault names a place that the city does not have."""
    named = [
        (("faults", number, field, at), name)
        for number, fault in enumerate(scenario.faults)
        for field in ("bays", "gateways", "zones")
        for at, name in enumerate(getattr(fault, field))
    ]
    if not named:
        return
    city = build_city(scenario, np.random.default_rng(0))
    known = {"bays": city.bays.keys(), "gateways": city.gateways.keys(), "zones": {b.zone for b in city.bays.values()}}
    lines = key_lines(text)
    mistakes = [
        Mistake(lines[where], ".".join(map(str, where)), f"the city has no {where[2].removesuffix('s')} {name!r}")
        for where, name in named
        if name not in known[where[2]]
    ]
    if mistakes:
        raise MistakesError(path, mistakes)
