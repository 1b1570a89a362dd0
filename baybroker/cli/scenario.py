"""`baybroker scenario`: what there is to simulate, and whether a file of one's own is right."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from baybroker.cli.app import app
from baybroker.cli.common import Json  # noqa: TC001 - Typer reads it at run time
from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import build_city
from sensors_sim.config_files import config_dir, find_config
from sensors_sim.engine.chance import streams
from sensors_sim.mistakes import MistakesError
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    from sensors_sim.scenario import Scenario

scenario = typer.Typer(help="The worlds that can be simulated.", no_args_is_help=True)
app.add_typer(scenario, name="scenario")
Name = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A scenario's name, or a TOML file.")]
HOURS = 24
_EMPTY: dict[str, Any] = {"bays": None, "zones": None, "city": None, "start": None, "error": None}


@scenario.command("list")
def list_scenarios(as_json: Json = False) -> None:
    """List the scenarios that can be named."""
    rows = [{"name": path.stem} | _about(str(path)) for path in sorted((config_dir() / "scenarios").glob("*.toml"))]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = Table()
    for heading in ("name", *_EMPTY):
        table.add_column(heading)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)


@scenario.command()
def show(
    name: Name,
    as_file: Annotated[
        bool, typer.Option("--file", help="Print the TOML file as it is: a start for one's own.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print what a scenario comes to; with --json also every field, defaults filled in."""
    world = load_scenario(name)
    if as_file:
        typer.echo(find_config("scenarios", name).read_text(encoding="utf-8"), nl=False)
    elif as_json:
        typer.echo(json.dumps({"summary": _summary(world)} | world.model_dump(mode="json"), ensure_ascii=False))
    else:
        for heading, value in _summary(world).items():
            lines = [f"{text} ({number})" for text, number in value.items()] if isinstance(value, dict) else [value]
            for at, line in enumerate(lines):
                typer.echo(f"{heading.replace('_', ' ') if at == 0 else '':>20} {line}")


@scenario.command()
def check(name: Name, as_json: Json = False) -> None:
    """Tell whether a scenario's file is right; every mistake is told with its line and field (exit code 2)."""
    try:
        about = _summary(load_scenario(name))
    except MistakesError as error:
        if as_json:
            mistakes = [mistake._asdict() for mistake in error.mistakes]
            typer.echo(json.dumps({"name": name, "file": error.path, "mistakes": mistakes}, ensure_ascii=False))
        else:
            for line, field, reason in error.mistakes:
                typer.echo(f"{error.path}:{line}: {field}: {reason}", err=True)
        raise typer.Exit(error.exit_code) from None
    if as_json:
        typer.echo(json.dumps({"name": name, "mistakes": []} | about, ensure_ascii=False))
    else:
        typer.echo(f"{name}: right: {about['bays']} bays in {about['zones']} zones of {about['city']}")


def _about(path: str) -> dict[str, Any]:
    """Return a scenario's line of the list; one that is wrong must not hide the others."""
    try:
        world = load_scenario(path)
    except SettingsError as error:
        return _EMPTY | {"error": str(error)}
    return _EMPTY | {
        "bays": sum(zone.bays for zone in world.zones) + len(world.placed),
        "zones": len(world.zones) or len({bay.zone for bay in world.placed}),
        "city": world.city,
        "start": _start(world),
    }


def _summary(world: Scenario) -> dict[str, Any]:
    """Return what the scenario comes to. `windows`: how many bays have it, or its share of the weekly offers."""
    city = build_city(world, streams(world.seed).city)
    bays = city.bays.values()
    requests = world.drivers.requests_per_hour * HOURS
    return {
        "city": world.city,
        "start": _start(world),
        "bays": len(bays),
        "zones": len({bay.zone for bay in bays}),
        "gateways": len(city.gateways),
        "requests_per_day": round(requests),
        "hot_spot_share": round(1 - world.drivers.background_share, 3),
        "requests_per_bay_day": round(requests / len(bays), 2),
        "windows": _windows(world),
        "faults": dict(Counter(str(fault.kind) for fault in world.faults)),
    }


def _windows(world: Scenario) -> dict[str, int | str]:
    published = Counter(window for bay in world.placed for window in bay.windows)
    if published:
        return {_told(window.rrule, window.start, window.end): count for window, count in published.most_common()}
    offered = world.offers.windows
    whole = sum(window.weight for window in offered) / world.offers.weekly_share if world.offers.weekly_share else 0
    shares = [(window, window.weight / whole) for window in offered] if whole else []
    return {_told(window.rrule, window.start, window.end): f"{share:.0%} of bays" for window, share in shares}


def _told(rrule: str, start: str, end: str) -> str:
    return f"{rrule.removeprefix('FREQ=WEEKLY;BYDAY=')} {start}-{end}"


def _start(world: Scenario) -> str:
    return f"{world.start.isoformat()} {world.time_zone}"
