"""`baybroker scenario`: what there is to simulate, and whether a file of one's own is right."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from baybroker.cli.app import app
from baybroker.cli.common import Json  # noqa: TC001 - Typer reads it at run time
from broker_bridge.wire.errors import SettingsError
from sensors_sim.config_files import config_dir, find_config
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    from sensors_sim.scenario import Scenario

scenario = typer.Typer(help="The worlds that can be simulated.", no_args_is_help=True)
app.add_typer(scenario, name="scenario")
Name = Annotated[str, typer.Argument(metavar="NAME|FILE", help="A scenario's name, or a TOML file.")]


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
def show(name: Name, as_json: Json = False) -> None:
    """Print a scenario's file as it is; with --json every field, defaults filled in."""
    world = load_scenario(name)
    if as_json:
        typer.echo(world.model_dump_json())
    else:
        typer.echo(find_config("scenarios", name).read_text(encoding="utf-8"), nl=False)


@scenario.command()
def check(name: Name, as_json: Json = False) -> None:
    """Tell whether a scenario's file is right; the first mistake is told with its file and field (exit code 2)."""
    about = _summary(load_scenario(name))
    if as_json:
        typer.echo(json.dumps({"name": name} | about))
    else:
        typer.echo(f"{name}: right: {about['bays']} bays in {about['zones']} zones of {about['city']}")


_EMPTY: dict[str, Any] = {"bays": None, "zones": None, "city": None, "start": None, "error": None}


def _about(path: str) -> dict[str, Any]:
    """Return a scenario's line of the list; one that is wrong must not hide the others."""
    try:
        return _EMPTY | _summary(load_scenario(path))
    except SettingsError as error:
        return _EMPTY | {"error": str(error)}


def _summary(world: Scenario) -> dict[str, Any]:
    return {
        "bays": sum(zone.bays for zone in world.zones),
        "zones": len(world.zones),
        "city": world.city,
        "start": f"{world.start.isoformat()} {world.time_zone}",
    }
