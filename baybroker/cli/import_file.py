"""`baybroker import`: Seoul's official car-park file, as published, into a scenario."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from baybroker.cli.app import app
from baybroker.cli.common import City, Json, city_name
from baybroker.importer.lots import MEANING
from baybroker.importer.run import as_dict, district_names, import_file

if TYPE_CHECKING:
    from baybroker.importer.run import Report

CITY_DEFAULT = "seoul"


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8 or CP949, as published.")],
    out: Annotated[Path, typer.Option(help="The scenario: a TOML file, or the folder to write it to.")],
    district: Annotated[list[str] | None, typer.Option(help="Only this one, Korean or a-z; repeatable.")] = None,
    city: City = None,
    report: Annotated[Path | None, typer.Option(help="Write each dropped or noted row to a CSV file.")] = None,
    as_json: Json = False,
) -> None:
    """Make a scenario of a published file; every row becomes bays, or is counted with the reason why not."""
    scenario = out if out.suffix == ".toml" else out / f"{_name_of(file)}.toml"
    done = import_file(
        file,
        scenario,
        city=city_name(city, CITY_DEFAULT),
        districts=district_names(district or ()),
        report_file=report,
    )
    if as_json:
        typer.echo(json.dumps({"scenario": str(scenario)} | as_dict(done), ensure_ascii=False))
    else:
        _print(done)
        typer.echo(f"{scenario}: {done.bays} bays; try: baybroker scenario show {scenario}")


def _name_of(file: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-") or "imported"


def _print(done: Report) -> None:
    table = Table(title=f"{done.form}, {done.encoding}")
    table.add_column("rows", justify="right")
    table.add_column("what became of them", overflow="fold")
    zones = ", ".join(f"{name} {bays}" for name, bays in done.zones.items())
    table.add_row(str(done.became_bays), f"became {done.bays} bays with {done.tariffs} tariffs: {zones}")
    for reason, count in done.dropped.most_common():
        table.add_row(str(count), f"dropped: {MEANING[reason]}")
    table.add_section()
    table.add_row(str(done.rows), "in all")
    if done.noted:
        table.add_section()
    for note, count in done.noted.most_common():
        table.add_row(str(count), f"noted: {MEANING[note]}")
    Console().print(table)
