"""`baybroker doctor`: is this broker, this database, this clock good enough?"""

from __future__ import annotations

import json
import signal
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from baybroker.cli.app import app
from baybroker.cli.common import BROKER_DEFAULT, Broker, City, Json, broker_address, city_name
from baybroker.cli.tap import check_filter
from baybroker.doctor.bench import Bench
from baybroker.doctor.broker import BROKER_CHECKS
from baybroker.doctor.capabilities import CAPABILITY_CHECKS
from baybroker.doctor.checks import Result, Row, run_checks
from baybroker.doctor.clocks import WORLD_CHECKS
from baybroker.doctor.database import DATABASE_CHECKS
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE_DEFAULT = Path("baybroker.db")
STYLES = {Result.OK: "green", Result.WARN: "yellow", Result.FAIL: "bold red", Result.SKIPPED: "bright_black"}


@app.command()
def doctor(
    broker: Broker = BROKER_DEFAULT,
    database: Annotated[
        Path | None, typer.Option(envvar="BAYBROKER_DATABASE", help="The SQLite file; default: baybroker.db, if there.")
    ] = None,
    city: City = None,
    topic_root: Annotated[
        str | None, typer.Option(help="Where messages are tried; default: parking/v1/doctor-<random>.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Try what baybroker needs of a broker, a database and a clock. Exit code 1: something failed."""
    bench = Bench(broker_address(broker), topic_root=_root(topic_root), city=city_name(city, "any") if city else None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that a stopped doctor tidies up, too
    console = Console(stderr=True)
    rows: list[Row] = []
    with console.status("trying the broker") as status:
        for row in _rows(bench, database):
            rows.append(row)
            status.update(f"{row.check}: {row.result}")
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows]))
    else:
        Console().print(_table(rows))
    if any(row.result is Result.FAIL for row in rows):
        raise typer.Exit(1)


def _root(given: str | None) -> str | None:
    if given is not None and (check_filter(given) != given or "+" in given or "#" in given):
        raise SettingsError(f"--topic-root {given!r}: write a topic without wildcards")
    return given


def _rows(bench: Bench, database: Path | None) -> Iterator[Row]:
    with bench:
        yield from run_checks((*BROKER_CHECKS, *CAPABILITY_CHECKS, *WORLD_CHECKS), bench)
    if bench.untidy is not None:
        yield Row("tidying up", Result.WARN, bench.untidy, f"clear what is retained below {bench.root}/")
    if database is None and not DATABASE_DEFAULT.exists():
        yield Row("database", Result.SKIPPED, "no baybroker.db here", "name one with --database")
        return
    yield from run_checks(DATABASE_CHECKS, database or DATABASE_DEFAULT)


def _table(rows: list[Row]) -> Table:
    table = Table()
    for heading in ("check", "result", "measured", "what to do"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        result = Text(row.result, style=STYLES[row.result])
        table.add_row(row.check, result, Text(row.measured), Text(row.advice))
    return table
