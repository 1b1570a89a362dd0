"""`baybroker bridge`: real sensors and other systems; here what needs no broker: profiles, and what a frame means."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from baybroker.cli.app import app
from baybroker.cli.common import Json  # noqa: TC001 - Typer reads it at run time
from broker_bridge.devices import load_profile, load_profiles
from broker_bridge.wire.errors import SettingsError
from sensors_sim.config_files import config_dir, find_config

if TYPE_CHECKING:
    from broker_bridge.devices import Reading

DEVICES = "devices"
ALWAYS = ("kind", "status", "fields")
bridge_app = typer.Typer(help="Real sensors plug in, and other systems plug on.", no_args_is_help=True)
app.add_typer(bridge_app, name="bridge")

ProfileName = Annotated[str, typer.Option("--profile", metavar="NAME|FILE", help="A profile's name, or a TOML file.")]
Port = Annotated[int | None, typer.Option(help="The LoRaWAN port; leave it out where the device has none.")]


@bridge_app.command()
def decode(
    frame: Annotated[str, typer.Argument(metavar="HEX", help="The frame's bytes.")],
    profile: ProfileName,
    port: Port = None,
    as_json: Json = False,
) -> None:
    """Print what a frame of a device means; a frame that is not the device's is told in one line (exit code 2)."""
    device = load_profile(find_config(DEVICES, profile))
    try:
        data = bytes.fromhex(frame)
    except ValueError:
        raise SettingsError(f"{frame!r} is no frame: write its bytes in hexadecimal, such as 01ff") from None
    said = as_record(device.decode(data, port))
    if as_json:
        typer.echo(json.dumps(said, ensure_ascii=False))
        return
    for name, value in (said | {"fields": None} | said["fields"]).items():
        if name != "fields":
            typer.echo(f"{name:<24} {'-' if value is None else value}")


@bridge_app.command()
def profiles(as_json: Json = False) -> None:
    """List the device profiles."""
    rows: list[dict[str, Any]] = [
        {
            "name": one.name,
            "vendor": one.vendor,
            "model": one.model,
            "firmware": one.firmware,
            "ports": list(one.ports),
            "heartbeat_s": one.heartbeat_s,
        }
        for one in load_profiles(config_dir() / DEVICES).values()
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    table = Table()
    for heading in ("name", "vendor", "model", "firmware", "ports", "heartbeat_s"):
        table.add_column(heading)
    for row in rows:
        ports = " ".join(str(port) for port in row["ports"]) or "any"
        table.add_row(*(Text(str(value)) for value in (row | {"ports": ports}).values()))
    Console().print(table)


def as_record(reading: Reading) -> dict[str, Any]:
    """Return a reading as JSON values: what it does not say is left out, except the status."""
    return {name: value for name, value in asdict(reading).items() if value is not None or name in ALWAYS}
