"""`baybroker simulate`: sensors, residents and drivers of a scenario."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from baybroker.cli.app import app
from baybroker.cli.common import (
    BROKER_DEFAULT,
    Broker,
    City,
    Json,
    broker_address,
    connector,
    console,
    health_file,
    run,
    seconds,
)
from baybroker.keeping.logins import read_logins
from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import build_city
from sensors_sim.engine.chance import streams
from sensors_sim.load.report import Latency
from sensors_sim.runner import SimulateSettings, Simulation
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    import asyncio

    from sensors_sim.load.report import LoadReport
    from sensors_sim.scenario import Scenario

SCENARIO_DEFAULT = "demo"
FLOOD = "flood"
SHOWN = {
    "sent": "handed to the sensors' connections",
    "sent_twice": "of these, by the sensors' faults: not a duplicate of the broker",
    "sent_late": "of these, after a newer one by the sensors' faults: not reordered by the broker",
    "resent": "and again after a lost connection, which may bring them twice",
    "acknowledged": "by the broker",
    "seconds": "from the first sent to the last acknowledged",
    "rate_per_s": "acknowledged a second, on average",
    "busiest_second": "sent in the busiest second",
    "to_acknowledge": "from sending to the acknowledgement",
    "delivered": "to a subscriber of our own",
    "lost": "sent and not delivered",
    "duplicates": "delivered once too often",
    "reordered": "delivered behind a message of the same topic that was sent later",
    "to_deliver": "from sending to the delivery",
    "others": "delivered, and not ours",
    "observer_reconnects": "what was sent meanwhile counts as lost",
}
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
    speed: Annotated[
        str,
        typer.Option(
            help="Simulated seconds a second, up to 3600; max: as fast as the allocator commits; "
            "flood: sensors alone, as fast as the broker takes it."
        ),
    ] = "60",
    duration: Annotated[
        str | None, typer.Option(help="Stop after so long (20s, 5m, 1h), and tell what was measured.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many sensor messages, and tell what was measured.")
    ] = None,
    credentials: Annotated[
        Path | None,
        typer.Option(
            envvar="BAYBROKER_CREDENTIALS",
            help="Lines user:password: each gateway logs in as itself. See baybroker credentials add --scenario.",
            dir_okay=False,
        ),
    ] = None,
    register: Annotated[bool, typer.Option(help="First enter the bays in the allocator's register.")] = False,
    as_json: Json = False,
) -> None:
    """Run a scenario's world: it speaks only MQTT, so real sensors can take its place bay by bay."""
    settings = SimulateSettings(
        scenario=load_scenario(scenario),
        city=city,
        seed=seed,
        speed=parse_speed("max" if speed == FLOOD else speed),
        flood=speed == FLOOD,
        limit=limit,
        measure=limit is not None or duration is not None,
        duration_s=seconds(duration),
        operator="op-simulator" if register else None,
    )
    logins = _logins(credentials, settings.effective) if credentials is not None else None
    simulation = Simulation(settings, connector(broker_address(broker), "gmqtt", logins))

    async def work(stop: asyncio.Event) -> None:
        async with health_file(lambda: simulation.summary().published > 0):
            await simulation.run(stop)

    typer.echo(f"simulating {scenario} at speed {speed}", err=True)
    run(work)
    result, load = asdict(simulation.summary()), simulation.load_report()
    if as_json:
        typer.echo(json.dumps(result | ({"load": asdict(load)} if load is not None else {})))
        return
    for name, value in result.items():
        typer.echo(f"{name:>20} {value}")
    if load is not None:
        console().print(_load_table(load))
        if load.sent and not load.delivered:
            typer.echo(
                "nothing was seen of it: may this user read the gateways' topics? (user simulator may)", err=True
            )


def _logins(file: Path, scenario: Scenario) -> dict[str, str]:
    """Return each gateway's password; raises SettingsError where one has none."""
    logins = read_logins(file)
    gateways = build_city(scenario, streams(scenario.seed).city).gateways
    missing = [gateway for gateway in gateways if gateway not in logins]
    if missing:
        raise SettingsError(
            f"{file} has no user {missing[0]} ({len(missing)} of {len(gateways)} gateways are missing): "
            "make them with baybroker credentials add --scenario"
        )
    return {gateway: logins[gateway] for gateway in gateways}


def _load_table(load: LoadReport) -> Table:
    table = Table("sensor messages", "", "", box=None, title="measured", title_justify="left")
    for name, meaning in SHOWN.items():
        value = getattr(load, name)
        if isinstance(value, Latency):
            shown = "  ".join(f"{part.removesuffix('_ms')} {figure:,.1f}" for part, figure in asdict(value).items())
            table.add_row(name.replace("_", " "), "ms", f"{meaning}: {shown}")
        else:
            table.add_row(name.replace("_", " "), f"{value:,}", meaning)
    return table
