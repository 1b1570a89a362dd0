"""`baybroker simulate`: sensors, residents and drivers of a scenario."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from baybroker.cli.app import app
from baybroker.cli.common import (
    BROKER_DEFAULT,
    Broker,
    City,
    Json,
    broker_address,
    connector,
    health_file,
    run,
    seconds,
)
from broker_bridge.wire.errors import SettingsError
from sensors_sim.runner import SimulateSettings, Simulation
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    import asyncio

SCENARIO_DEFAULT = "demo"
SPEED_MAX = 3600.0


def parse_speed(text: str) -> float:
    """Return simulated seconds a second; `max` is 0, as fast as the allocator commits. Raises SettingsError."""
    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not 0 < speed <= SPEED_MAX:
        raise SettingsError(f"--speed {text!r}: write a number up to {SPEED_MAX:g}, or max")
    return speed


@app.command()
def simulate(
    broker: Broker = BROKER_DEFAULT,
    scenario: Annotated[
        str, typer.Option(envvar="BAYBROKER_SCENARIO", help="A scenario's name, or a TOML file.")
    ] = SCENARIO_DEFAULT,
    city: City = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed than the scenario's.")] = None,
    speed: Annotated[str, typer.Option(help="Simulated seconds a second, up to 3600; or max.")] = "60",
    duration: Annotated[str | None, typer.Option(help="Stop after so long: 20s, 5m, 1h.")] = None,
    register: Annotated[bool, typer.Option(help="First enter the bays in the allocator's register.")] = False,
    as_json: Json = False,
) -> None:
    """Run a scenario's world: it speaks only MQTT, so real sensors can take its place bay by bay."""
    settings = SimulateSettings(
        scenario=load_scenario(scenario),
        city=city,
        seed=seed,
        speed=parse_speed(speed),
        duration_s=seconds(duration),
        operator="op-simulator" if register else None,
    )
    simulation = Simulation(settings, connector(broker_address(broker), "gmqtt"))

    async def work(stop: asyncio.Event) -> None:
        async with health_file(lambda: simulation.summary().published > 0):
            await simulation.run(stop)

    typer.echo(f"simulating {scenario} at speed {speed}", err=True)
    run(work)
    result = asdict(simulation.summary())
    if as_json:
        typer.echo(json.dumps(result))
    else:
        for name, value in result.items():
            typer.echo(f"{name:>20} {value}")
