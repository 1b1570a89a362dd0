"""`baybroker replay`: real stays as sensor messages, at any speed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from baybroker.cli.allocate import CITY_DEFAULT
from baybroker.cli.app import app
from baybroker.cli.common import (
    BROKER_DEFAULT,
    Broker,
    City,
    Json,
    Scenario,
    broker_address,
    city_name,
    connector,
    run,
)
from baybroker.cli.simulate import parse_speed
from broker_bridge.transport.base import ClientOptions
from broker_bridge.wire import codec, topics
from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.times import format_rfc3339
from broker_bridge.wire.topics import TopicKind
from sensors_sim.replay import Replay, ReplaySettings
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker_bridge.transport.base import OnConnect, Transport

LOOK_S = 1.0
TOLD_EVERY_S = 5.0


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="CSV: bay,arrived_at,departed_at[,lat,lon,zone].", exists=True)],
    broker: Broker = BROKER_DEFAULT,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day; default: the file's.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How many days.")] = 7,
    speed: Annotated[str, typer.Option(help="Simulated seconds a second, up to 3600; or max.")] = "max",
    city: City = None,
    seed: Annotated[int, typer.Option(help="Of the layout and the drivers.")] = 1,
    scenario: Scenario = None,
    timezone: Annotated[str, typer.Option(help="Of the file's times, and the city's.")] = "Asia/Seoul",
    requests_per_day: Annotated[float, typer.Option(min=0, help="Drivers who ask for a bay, a day.")] = 40.0,
    as_json: Json = False,
) -> None:
    """Replay recorded stays to a running allocator (started with --clock mqtt): its time is the file's."""
    connect = connector(broker_address(broker), "gmqtt")
    result: dict[str, Any] = {}

    async def work(stop: asyncio.Event) -> None:
        settings = ReplaySettings(
            file=file,
            from_day=first.date() if first is not None else None,
            days=days,
            speed=parse_speed(speed),
            city=city_name(city, await allocator_city(connect) or CITY_DEFAULT),
            seed=seed,
            scenario=load_scenario(scenario) if scenario is not None else None,
            time_zone=timezone,
            requests_per_day=requests_per_day,
        )
        playing = Replay(settings, connect)
        telling = asyncio.create_task(_tell(playing, settings.city or ""), name="replay-progress")
        try:
            result.update(await playing.run(stop))
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)

    run(work)
    if as_json:
        typer.echo(json.dumps(result))
    else:
        for name, value in result.items():
            typer.echo(f"{name:>20} {value}")


async def allocator_city(connect: Callable[[ClientOptions, OnConnect | None], Transport]) -> str | None:
    """Return the city of the allocator that is online on the broker; None where there is none, or several."""
    found: dict[str, bool] = {}
    async with connect(ClientOptions(client_id="baybroker-replay-look"), None) as transport:
        await transport.wait_connected()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await transport.subscribe([f"{topics.PREFIX}/+/{TopicKind.ALLOCATOR_STATUS.value}"])
                while True:
                    for delivery in await transport.receive(100):
                        delivery.ack()
                        with contextlib.suppress(BadMessageError):
                            status = codec.decode(TopicKind.ALLOCATOR_STATUS, delivery.payload)
                            found[topics.parse(delivery.topic).city] = status.online
    online = [name for name, is_online in found.items() if is_online]
    return online[0] if len(online) == 1 else None


async def _tell(playing: Replay, city: str) -> None:
    """Say every few seconds how far it is, or what it waits for."""
    while True:
        await asyncio.sleep(TOLD_EVERY_S)
        said = playing.summary()
        if said.ticks == 0:
            typer.echo(f"waiting for an allocator of the city {city!r}: baybroker allocate --clock mqtt", err=True)
        else:
            at = format_rfc3339(said.sim_time)
            typer.echo(f"{at}  {said.occupancy_messages} occupancy messages  {said.requests} requests", err=True)
