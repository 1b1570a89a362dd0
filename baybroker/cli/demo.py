"""`baybroker demo`: see it work, with nothing to prepare."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console

from baybroker.cli.allocate import PolicyName, service_settings
from baybroker.cli.app import app
from baybroker.cli.common import Json, OptionalBroker, broker_address, connector, run, seconds
from baybroker.cli.live import Lines, Live
from baybroker.cli.simulate import SCENARIO_DEFAULT, parse_speed
from baybroker.demo import Demo, DemoSettings
from baybroker.web.settings import PORT_DEFAULT
from broker_bridge.wire import topics
from broker_bridge.wire.topics import TopicKind
from sensors_sim.city import bay_records, build_city
from sensors_sim.engine.chance import streams
from sensors_sim.runner import SimulateSettings
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    from baybroker.web.service import WebService
    from sensors_sim.scenario import Scenario


@app.command()
def demo(
    broker: OptionalBroker = None,
    scenario: Annotated[
        str, typer.Option(envvar="BAYBROKER_SCENARIO", help="A scenario's name, or a file.")
    ] = SCENARIO_DEFAULT,
    speed: Annotated[str, typer.Option(help="Simulated seconds a second, up to 3600; or max.")] = "60",
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed than the scenario's.")] = None,
    duration: Annotated[str | None, typer.Option(help="Stop after so long: 20s, 5m, 1h; default: Ctrl-C.")] = None,
    policy: PolicyName = "bind-late",
    database: Annotated[Path | None, typer.Option(help="Keep the database here.", dir_okay=False)] = None,
    port: Annotated[
        int, typer.Option(envvar="BAYBROKER_HTTP_PORT", min=0, max=65535, help="The pages' port, or the next free one.")
    ] = PORT_DEFAULT,
    headless: Annotated[bool, typer.Option(help="Plain lines instead of the live view.")] = False,
    as_json: Json = False,
) -> None:
    """Start a broker, the allocator and a simulated neighbourhood, and watch them; ends with a verified history."""
    world = load_scenario(scenario)
    settings = DemoSettings(
        allocator=service_settings(scenario, None, None, policy, simulated_clock=True),
        simulator=SimulateSettings(scenario=world, seed=seed, speed=parse_speed(speed), duration_s=seconds(duration)),
        broker=broker,
        database=database,
        port=port,
    )
    show = Demo(settings, lambda url: connector(broker_address(url), "gmqtt"))
    console = Console(stderr=True)
    result: dict[str, Any] = {}

    async def work(stop: asyncio.Event) -> None:
        view = (Lines if headless or as_json or not console.is_terminal else Live)(console, show, world.time_zone)
        watching = asyncio.create_task(_watch(show, world, console, view), name="demo-view")
        try:
            result.update(await show.run(stop))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    run(work)
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _tell(console, result)
    if result.get("violations"):
        raise typer.Exit(1)


async def _watch(show: Demo, world: Scenario, console: Console, view: Lines | Live) -> None:
    await show.started.wait()
    if show.web is not None:
        await show.web.listening.wait()
        console.print(welcome(show.web), markup=False, highlight=False, soft_wrap=True)
    console.print(invitation(show.broker, world), markup=False, highlight=False, soft_wrap=True)
    await view.run()


def welcome(web: WebService) -> str:
    """Return where the pages are, and what lets one in."""
    wanted, got = web.parts.settings.port, urlsplit(web.url).port
    taken = f" (port {wanted} is taken)" if wanted not in (0, got) else ""
    lines = [f"The map is at {web.url}/{taken}; beside it /drive for drivers, /home for residents, /ops for operators."]
    lines += ["Throw-away tokens for the API (Authorization: Bearer ...), good until the demo ends:"]
    return "\n".join(lines + [f"{role:>10} {token}" for role, token in web.parts.settings.demo_tokens.items()]) + "\n"


def invitation(broker: str, world: Scenario) -> str:
    """Return what a person may type into another terminal."""
    address = broker_address(broker)
    where = f"-h {address.host} -p {address.port}"
    bay = bay_records(build_city(world, streams(world.seed).city))[0]
    topic = topics.build(TopicKind.OCCUPANCY, world.city, gateway=bay.gateway, zone=bay.zone, bay=bay.bay)
    root = f"{topics.PREFIX}/{world.city}"
    message = (
        rf"{{\"boot_id\":{world.start_ms + 1},\"seq\":$(date +%s),"
        rf"\"observed_at\":\"$(date -u +%FT%TZ)\",\"status\":\"occupied\"}}"
    )
    return (
        f"The broker is {broker}. In another terminal, see everything:\n"
        f"mosquitto_sub {where} -v -t '{root}/#'\n"
        f"or act as the sensor of {bay.bay}, and see what becomes of the bay:\n"
        f'mosquitto_pub {where} -q 1 -r -t {topic} -m "{message}"\n'
        f"mosquitto_sub {where} -v -t {root}/bays/{bay.zone}/{bay.bay}/state\n"
    )


def _tell(console: Console, result: dict[str, Any]) -> None:
    for name, value in result.items():
        if name != "violations":
            console.print(f"{name:>20}  {value}", highlight=False)
    found = result.get("violations")
    console.print("the history is verified: no rule is broken" if found == [] else f"violations: {found}", markup=False)
