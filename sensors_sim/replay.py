"""Replay: real stays become sensor messages, on the same broker and by the same clock as a simulation.

The recorded cars are the only physical ones, so that the sensors report exactly the file. Drivers book bays in it, find
them taken where a recorded car is back, and say by message that they arrive and leave.
"""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import Bay, City, Point, build_city, city_of, shifted
from sensors_sim.engine.chance import streams
from sensors_sim.engine.world import Recording, World
from sensors_sim.parts import Window
from sensors_sim.runner import SimulateSettings, Simulation
from sensors_sim.scenario import Drivers, HotSpot, Offers, Scenario, Sensors, Zone
from sensors_sim.stays import read_stays

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from broker_bridge.transport.base import ClientOptions, OnConnect, Transport
    from sensors_sim.stays import Stays
    from sensors_sim.summary import SimulationSummary

OPERATOR = "op-replay"
HEARTBEAT_S = 6 * 3_600
BAYS_PER_GATEWAY = 16
CENTRE = Point(37.4569, 126.8955)
"""Geumcheon, Seoul: where a layout is drawn when the file tells no places."""
SCATTER_M = 220.0
ZONE_APART_M = 700.0
HOUR_DAY = 24
TOLD_MAX = 10
WINDOW = Window(start="09:00", end="18:00")
log = logging.getLogger("sensors_sim.replay")
_RESULT = (
    "bays", "occupied_at_start", "arrivals", "departures", "occupancy_messages", "offers", "requests", "accepted",
    "rejected", "bound", "active", "completed", "expired", "relocated", "failed", "cancelled", "blocked", "ticks",
    "published", "acknowledged", "sim_from", "run_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """What to replay: `days` from `from_day` on (default: the file's first). `speed` 0: as fast as is committed.

    Places come from the file's `lat,lon,zone` columns, else from a scenario's bays, else from a layout by `seed`.
    """

    file: Path
    from_day: date | None = None
    days: int = 7
    speed: float = 0.0
    city: str | None = None
    seed: int = 1
    scenario: Scenario | None = None
    time_zone: str = "Asia/Seoul"
    requests_per_day: float = 40.0
    window: Window = WINDOW


@dataclass(frozen=True, slots=True)
class Reel:
    """A replay made ready: the city of the file's bays, its rules, and the recording up to `until_ms`."""

    city: City
    scenario: Scenario
    recording: Recording
    dropped: int
    merged: int

    def world(self, scenario: Scenario, start_ms: int) -> World:
        """Return the world that replays it from that time on."""
        return World(self.city, scenario, scenario.seed, start_ms=start_ms, recording=self.recording)


def prepare(settings: ReplaySettings) -> Reel:
    """Read the file and lay out its bays; raises SettingsError."""
    stays = read_stays(settings.file, settings.time_zone)
    for bad in stays.dropped[:TOLD_MAX]:
        log.warning("%s line %d: dropped: %s", settings.file, bad.line, bad.reason)
    if len(stays.dropped) > TOLD_MAX:
        log.warning("%s: %d more rows dropped", settings.file, len(stays.dropped) - TOLD_MAX)
    if stays.merged:
        log.warning("%s: %d stays overlapped others of their bay and were merged", settings.file, stays.merged)
    zone = ZoneInfo(settings.time_zone)
    begin = settings.from_day or datetime.fromtimestamp(stays.first_ms / 1000, zone).date()
    start = datetime(begin.year, begin.month, begin.day)  # noqa: DTZ001 - local, as a scenario's start is
    until_ms = round((start + timedelta(days=settings.days)).replace(tzinfo=zone).timestamp() * 1000)
    city = _lay_out(stays, settings)
    scenario = _scenario(settings, start, city)
    if not any(_falls_into(stay.arrived_ms, stay.departed_ms, scenario.start_ms, until_ms) for stay in stays.all()):
        raise SettingsError(f"{settings.file}: no stay from {begin} on for {settings.days} days: choose another --from")
    recording = Recording(stays.all(), until_ms)
    return Reel(city, scenario, recording, len(stays.dropped), stays.merged)


class Replay:
    """One replay on one broker. `summary()` may be read while `run()` goes on."""

    def __init__(
        self, settings: ReplaySettings, make_transport: Callable[[ClientOptions, OnConnect | None], Transport]
    ) -> None:
        self.reel = prepare(settings)
        self._simulation = Simulation(
            SimulateSettings(
                scenario=self.reel.scenario,
                speed=settings.speed,
                until_ms=self.reel.recording.until_ms,
                operator=OPERATOR,
                run_kind="replay",
            ),
            make_transport,
            self._world,
        )

    def summary(self) -> SimulationSummary:
        """Return the counters as they are now."""
        return self._simulation.summary()

    async def run(self, stop: asyncio.Event) -> dict[str, int | str | float]:
        """Replay to the end, or until `stop`; return what there was, for people and for --json."""
        began = time.monotonic()
        summary = asdict(await self._simulation.run(stop))
        counted = {name: summary[name] for name in _RESULT}
        return counted | {
            "sim_until": summary["sim_time"],
            "wall_s": round(time.monotonic() - began, 3),
            "dropped_rows": self.reel.dropped,
            "merged_rows": self.reel.merged,
        }

    def _world(self, scenario: Scenario, start_ms: int) -> World:
        if start_ms >= self.reel.recording.until_ms:
            raise SettingsError(
                "the allocator's database is past the end of this replay: give the allocator a new --database"
            )
        return self.reel.world(scenario, start_ms)


def _falls_into(arrived_ms: int, departed_ms: int, start_ms: int, until_ms: int) -> bool:
    return arrived_ms < until_ms and departed_ms >= start_ms


def _scenario(settings: ReplaySettings, start: datetime, city: City) -> Scenario:
    """Return the rules of a replay: sensors without delay or fault, and drivers near its bays."""
    spots = tuple(HotSpot(lat=bay.lat, lon=bay.lon, spread_m=100.0) for bay in list(city.bays.values())[::8])
    rules = settings.scenario
    zones = (Zone(name="replay", lat=spots[0].lat, lon=spots[0].lon, bays=len(city.bays)),)
    drivers = rules.drivers if rules is not None else Drivers(hot_spots=spots)
    wanted = {
        "hot_spots": spots,
        "requests_per_hour": settings.requests_per_day / HOUR_DAY,
        "tells_share": 1.0,
        "first_short": 0,
    }
    return Scenario(
        city=city.name,
        time_zone=settings.time_zone,
        seed=settings.seed,
        start=start,
        zones=zones,
        drivers=drivers.model_copy(update=wanted),
        offers=Offers(windows=(settings.window,)),
        sensors=Sensors(
            detection_ms=0,
            heartbeat_s=HEARTBEAT_S,
            duplicate_share=0,
            late_share=0,
            offline_per_day=0,
            firmware="replay",
        ),
    )


def _lay_out(stays: Stays, settings: ReplaySettings) -> City:
    """Return the file's bays at their places."""
    names = list(stays.of_bay)
    city = settings.city or (settings.scenario.city if settings.scenario is not None else "replay")
    if stays.places:
        missing = [name for name in names if name not in stays.places]
        if missing:
            raise SettingsError(f"{settings.file}: {missing[0]} has no lat,lon, and others have: give all bays a place")
        return _with_gateways(city, [(name, stays.zones.get(name, city), stays.places[name]) for name in names])
    if settings.scenario is not None:
        return _at_scenario(city, names, settings.scenario, settings.seed)
    rng = np.random.default_rng(np.random.SeedSequence([settings.seed, len(names)]))
    placed = []
    for number, name in enumerate(names):
        half = 2 * number // len(names)
        centre = shifted(CENTRE, ZONE_APART_M * half, 0)
        east_m, north_m = rng.uniform(-SCATTER_M, SCATTER_M, size=2)
        placed.append((name, stays.zones.get(name, f"{city}-{half + 1}"), shifted(centre, east_m, north_m)))
    return _with_gateways(city, placed)


def _at_scenario(city: str, names: list[str], scenario: Scenario, seed: int) -> City:
    bays = list(build_city(scenario, streams(seed).city).bays.values())
    if len(bays) < len(names):
        raise SettingsError(f"the scenario has {len(bays)} bays, the file {len(names)}: choose a larger scenario")
    return _with_gateways(
        city, [(name, bay.zone, Point(bay.lat, bay.lon)) for name, bay in zip(names, bays, strict=False)]
    )


def _with_gateways(city: str, placed: list[tuple[str, str, Point]]) -> City:
    bays, in_zone = [], dict.fromkeys((zone for _, zone, _ in placed), 0)
    for name, zone, at in placed:
        gateway = f"gw-{zone}-{in_zone[zone] // BAYS_PER_GATEWAY + 1:02d}"
        in_zone[zone] += 1
        bays.append(Bay(name, zone, at.lat, at.lon, gateway, f"res-{name}"))
    return city_of(city, bays)
