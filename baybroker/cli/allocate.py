"""`baybroker allocate`: the allocator as a service."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import available_timezones

import typer

from allocator.core import Settings
from allocator.service.intake import spec_of
from allocator.service.service import AllocatorService
from allocator.service.settings import ServiceSettings
from allocator.service.tariffs import load_tariffs
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
from baybroker.policies import load_policy
from baybroker.presence.table import load_absence
from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import bay_records, build_city
from sensors_sim.config_files import config_dir
from sensors_sim.engine.chance import streams
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    from allocator.domain.events import BaySpec
    from broker_bridge.transport.base import BrokerAddress

CITY_DEFAULT = "seoul"
TARIFF_DEFAULT = "seoul"


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
    name, zone = CITY_DEFAULT, "Asia/Seoul"
    tariffs = {known: listed.tariff for known, listed in load_tariffs(config_dir() / "tariffs").items()}
    register: tuple[BaySpec, ...] = ()
    if scenario is not None:
        world = load_scenario(scenario)
        name, zone = world.city, world.time_zone
        city_of_it = build_city(world, streams(world.seed).city)
        register = tuple(spec_of(bay) for bay in bay_records(city_of_it))
    for wanted in (tariff, *(spec.tariff for spec in register if spec.tariff is not None)):
        if wanted not in tariffs:
            raise SettingsError(f"no tariff is named {wanted!r}; there are: {', '.join(tariffs) or 'none'}")
    if timezone is not None and timezone not in available_timezones():
        raise SettingsError(f"--timezone {timezone!r} is no IANA time zone: write one such as Asia/Seoul")
    return ServiceSettings(
        city=city_name(city, name),
        version=__version__,
        holder=holder(),
        rules=Settings(
            timezone=timezone or zone,
            policy=load_policy(policy),
            tariff=tariffs[tariff],
            tariffs=tariffs,
            absence=load_absence(),
        ),
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
