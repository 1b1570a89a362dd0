"""`baybroker allocate`: the allocator as a service."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import available_timezones

import typer

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
from baybroker.rules import TARIFF_DEFAULT, bay_specs, load_rules
from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import build_city
from sensors_sim.engine.chance import streams
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    from broker_bridge.transport.base import BrokerAddress

CITY_DEFAULT = "seoul"
TIMEZONE_DEFAULT = "Asia/Seoul"


class ClockKind(StrEnum):
    """Whose time is obeyed."""

    WALL = "wall"
    MQTT = "mqtt"


PolicyName = Annotated[
    str, typer.Option("--policy", help="How requests are placed: nearest, batch, bind-late, or an installed package's.")
]


def service_settings(
    scenario: str | None,
    city: str | None,
    timezone: str | None,
    policy: str,
    *,
    simulated_clock: bool,
    tariff: str = TARIFF_DEFAULT,
) -> ServiceSettings:
    """Return the settings of an allocator; a scenario gives the city, its time zone, and the bays to register."""
    world = load_scenario(scenario) if scenario is not None else None
    register = bay_specs(build_city(world, streams(world.seed).city)) if world is not None else ()
    if timezone is not None and timezone not in available_timezones():
        raise SettingsError(f"--timezone {timezone!r} is no IANA time zone: write one such as Asia/Seoul")
    zone = timezone or (world.time_zone if world is not None else TIMEZONE_DEFAULT)
    return ServiceSettings(
        city=city_name(city, world.city if world is not None else CITY_DEFAULT),
        version=__version__,
        holder=holder(),
        rules=load_rules(policy, zone, scenario=world, specs=register, tariff=tariff),
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
    policy: PolicyName = "bind-late",
    tariff: Annotated[
        str,
        typer.Option(envvar="BAYBROKER_TARIFF", help="What a bay costs that names no tariff: one of config/tariffs/."),
    ] = TARIFF_DEFAULT,
    clock: Annotated[ClockKind, typer.Option(help="wall: time of day; mqtt: a simulated world's.")] = ClockKind.WALL,
) -> None:
    """Run the allocator: sensors and drivers in over MQTT, promises out, everything kept in the database."""
    settings = service_settings(
        scenario, city, timezone, policy, simulated_clock=clock is ClockKind.MQTT, tariff=tariff
    )
    connect = connector(broker_address(broker), "gmqtt")
    service = AllocatorService(settings, AioSqliteStore(str(database)), connect)

    async def work(stop: asyncio.Event) -> None:
        telling = asyncio.create_task(_tell_ready(service, broker_address(broker)), name="tell-ready")
        try:
            async with health_file(service.serving.is_set):
                await service.run(stop)
        finally:
            telling.cancel()

    typer.echo(f"allocating for {settings.city} in {database}, policy {policy}, clock {clock.value}", err=True)
    run(work)
