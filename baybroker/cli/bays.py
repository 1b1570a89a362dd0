"""`baybroker bays` and `baybroker gateways`: the register."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from baybroker.cli.allocate import CITY_DEFAULT
from baybroker.cli.app import app
from baybroker.cli.common import (
    BROKER_DEFAULT,
    Broker,
    City,
    Database,
    Json,
    OptionalBroker,
    broker_address,
    city_name,
    connector,
    console,
    first_of,
    run,
)
from baybroker.cli.tap import connected
from baybroker.register.broker import Operator, unregistered
from baybroker.register.database import read_bays, read_city, read_gateways
from baybroker.register.file import read_csv
from broker_bridge.transport.base import ClientOptions
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.topics import is_name

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from broker_bridge.transport.base import BrokerAddress, Transport

DATABASE_DEFAULT = Path("baybroker.db")
OPERATOR_DEFAULT = "op-cli"
bays = typer.Typer(help="The register of bays.", no_args_is_help=True)
gateways = typer.Typer(help="The gateways of the registered bays.", no_args_is_help=True)
app.add_typer(bays, name="bays")
app.add_typer(gateways, name="gateways")


@bays.command("list")
def list_bays(
    database: Database = DATABASE_DEFAULT,
    heard_only: Annotated[
        bool, typer.Option("--unregistered", help="The bays that are on the broker and not in the register.")
    ] = False,
    broker: OptionalBroker = None,
    city: City = None,
    as_json: Json = False,
) -> None:
    """List the registered bays, or those that the broker has heard of and that are not registered."""
    rows = read_bays(database)
    if not heard_only:
        _show(rows, as_json)
        return
    known = {row["bay"] for row in rows}
    where = city_name(city, read_city(database) or CITY_DEFAULT)
    found: list[dict[str, Any]] = []

    async def look(transport: Transport) -> None:
        found.extend(await unregistered(transport, where, known))

    _with_transport(broker_address(broker or BROKER_DEFAULT), look)
    _show(found, as_json)


@gateways.command("list")
def list_gateways(database: Database = DATABASE_DEFAULT, as_json: Json = False) -> None:
    """List the gateways of the registered bays, with how many bays are lost."""
    _show(read_gateways(database), as_json)


@bays.command()
def add(
    file: Annotated[Path, typer.Argument(help="CSV: bay,zone,lat,lon,gateway,resident,needs,tariff", dir_okay=False)],
    broker: Broker = BROKER_DEFAULT,
    city: City = None,
    as_json: Json = False,
) -> None:
    """Register the bays of a CSV file, or change what is known of them. The allocator must be running."""
    records = read_csv(file)
    address, where = broker_address(broker), city_name(city, CITY_DEFAULT)
    done = 0

    async def enter(transport: Transport) -> None:
        nonlocal done
        with Console(stderr=True).status(f"registering {len(records)} bays") as status:
            async for done in Operator(transport, where, operator_name(address)).add(records):
                status.update(f"registered {done} of {len(records)} bays")

    _with_transport(address, enter)
    typer.echo(json.dumps({"city": where, "registered": done}) if as_json else f"registered {done} bays in {where}")


@bays.command()
def retire(
    bay: Annotated[str, typer.Argument(help="The bay's name.")],
    broker: Broker = BROKER_DEFAULT,
    city: City = None,
    as_json: Json = False,
) -> None:
    """Take a bay out of the register; drivers who were promised it are moved. The allocator must be running."""
    if not is_name(bay):
        raise SettingsError(f"{bay!r} is no bay's name: use a-z, 0-9 and '-'")
    address, where = broker_address(broker), city_name(city, CITY_DEFAULT)
    position = 0

    async def take_out(transport: Transport) -> None:
        nonlocal position
        position = (await Operator(transport, where, operator_name(address)).retire(bay)).position

    _with_transport(address, take_out)
    told = {"city": where, "bay": bay, "position": position}
    typer.echo(json.dumps(told) if as_json else f"retired {bay} in {where}")


def operator_name(address: BrokerAddress) -> str:
    """Return the operator we command as: the user, where the access rules know it as one."""
    user = address.username or ""
    return user if user.startswith("op-") or user == "operator" else OPERATOR_DEFAULT


def _with_transport(address: BrokerAddress, work: Callable[[Transport], Awaitable[None]]) -> None:
    async def body(stop: asyncio.Event) -> int:
        options = ClientOptions(client_id=f"bays-{uuid4().hex[:8]}")
        async with connector(address, "aiomqtt")(options, None) as transport:

            async def session() -> None:
                await connected(transport, address)
                await work(transport)

            await first_of(stop.wait(), session())
        return 130 if stop.is_set() else 0

    run(body)


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        typer.echo("none")
        return
    brief = [_brief(row) for row in rows]
    table = Table(caption=str(len(rows)), caption_justify="left")
    for name in brief[0]:
        table.add_column(name, no_wrap=True)
    for row in brief:
        table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
    console().print(table)


def _brief(row: dict[str, Any]) -> dict[str, Any]:
    """Return what fits on a terminal: what is out of order becomes one column, places are left to --json."""
    if "closed" not in row:
        return row
    notes = [f"{name}: {row[name]}" for name in ("lost", "contested") if row[name] is not None]
    notes += ["closed"] if row["closed"] else []
    shown = {name: row[name] for name in ("bay", "zone", "gateway", "resident", "tariff", "occupancy", "last_heard_at")}
    return shown | {"needs": " ".join(row["needs"]), "notes": ", ".join(notes)}
