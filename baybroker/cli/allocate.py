"""`baybroker allocate`: the allocator as a service."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import available_timezones

import typer

from allocator.core import Settings
from allocator.matching.policies import POLICIES
from allocator.service.intake import spec_of
from allocator.service.service import AllocatorService
from allocator.service.settings import ServiceSettings
from allocator.store.aiosqlite_store import AioSqliteStore
from baybroker import __version__
from baybroker.cli.app import app
from baybroker.cli.common import (
    BROKER_DEFAULT,
    Broker,
    City,
    Database,
    Scenario,
    broker_address,
    city_name,
    connector,
    health_file,
    holder,
    run,
)
from baybroker.presence.table import load_absence
from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import bay_records, build_city
from sensors_sim.engine.chance import streams
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    from allocator.domain.events import BaySpec
    from broker_bridge.transport.base import BrokerAddress

CITY_DEFAULT = "seoul"


class ClockKind(StrEnum):
    """Whose time is obeyed."""

    WALL = "wall"
    MQTT = "mqtt"


Policy = StrEnum("Policy", {name.replace("-", "_").upper(): name for name in POLICIES})  # type: ignore[misc]


def service_settings(
    scenario: str | None, city: str | None, timezone: str | None, policy: str, *, simulated_clock: bool
) -> ServiceSettings:
    """Return the settings of an allocator; a scenario gives the city, its time zone, and the bays to register."""
    name, zone = CITY_DEFAULT, "Asia/Seoul"
    register: tuple[BaySpec, ...] = ()
    if scenario is not None:
        world = load_scenario(scenario)
        name, zone = world.city, world.time_zone
        city_of_it = build_city(world, streams(world.seed).city)
        register = tuple(spec_of(bay) for bay in bay_records(city_of_it))
    if timezone is not None and timezone not in available_timezones():
        raise SettingsError(f"--timezone {timezone!r} is no IANA time zone: write one such as Asia/Seoul")
    return ServiceSettings(
        city=city_name(city, name),
        version=__version__,
        holder=holder(),
        rules=Settings(timezone=timezone or zone, policy=POLICIES[policy], absence=load_absence()),
        simulated_clock=simulated_clock,
        register=register,
    )


async def _tell_ready(service: AllocatorService, address: BrokerAddress) -> None:
    """Say when messages are heard: what was published before is lost, unless it is retained."""
    await service.serving.wait()
    typer.echo(f"ready: subscribed at {address.host}:{address.port}", err=True)


@app.command()
def allocate(
    broker: Broker = BROKER_DEFAULT,
    database: Database = Path("baybroker.db"),
    scenario: Scenario = None,
    city: City = None,
    timezone: Annotated[str | None, typer.Option(help="IANA time zone of the city's windows.")] = None,
    policy: Annotated[Policy, typer.Option(help="How requests are placed.")] = Policy("bind-late"),  # noqa: B008
    clock: Annotated[ClockKind, typer.Option(help="wall: time of day; mqtt: a simulated world's.")] = ClockKind.WALL,
) -> None:
    """Run the allocator: sensors and drivers in over MQTT, promises out, everything kept in the database."""
    settings = service_settings(scenario, city, timezone, policy.value, simulated_clock=clock is ClockKind.MQTT)
    connect = connector(broker_address(broker), "gmqtt")
    service = AllocatorService(settings, AioSqliteStore(str(database)), connect)

    async def work(stop: asyncio.Event) -> None:
        telling = asyncio.create_task(_tell_ready(service, broker_address(broker)), name="tell-ready")
        try:
            async with health_file(service.serving.is_set):
                await service.run(stop)
        finally:
            telling.cancel()

    typer.echo(f"allocating for {settings.city} in {database}, policy {policy.value}, clock {clock.value}", err=True)
    run(work)
