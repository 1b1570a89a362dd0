"""`baybroker bench auto`: how long residents stay away, fitted on some bays and tried on the others."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from baybroker.cli.bench import bench
from baybroker.cli.common import Json  # noqa: TC001 - Typer reads the annotation at run time
from baybroker.presence.fit import fit_absence
from baybroker.presence.sample import sample_of
from baybroker.presence.study import study
from baybroker.presence.table import absence_text
from broker_bridge.wire.errors import SettingsError
from sensors_sim.stays import read_stays

if TYPE_CHECKING:
    from baybroker.presence.study import Study

SHARED = "BAYBROKER_SHARED_DATA"
PRESENCE = "residential_presence.csv"


@bench.command()
def auto(
    presence: Annotated[
        Path | None,
        typer.Option(
            help="Stays of residents: bay,arrived_at,departed_at; default: the shared data's.", dir_okay=False
        ),
    ] = None,
    splits: Annotated[int, typer.Option(min=1, max=1_000, help="How often the bays are divided anew.")] = 20,
    risk_pct: Annotated[float, typer.Option(min=0.1, max=50, help="The risk that residents set.")] = 10.0,
    fit: Annotated[Path | None, typer.Option(help="Also fit on every bay, and write the figures to this file.")] = None,
    as_json: Json = False,
) -> None:
    """Try `auto` offers on residents that they were not fitted on; peer: fixed windows chosen with hindsight."""
    path = presence or Path(os.environ.get(SHARED, "../shared/data")) / PRESENCE
    if not path.is_file():
        raise SettingsError(f"{path}: no such file: name a file of residents' stays with --presence")
    read = read_stays(path, "UTC")  # a local clock: the model wants hours of the day, not instants
    stays = {bay: [(stay.arrived_ms, stay.departed_ms) for stay in of_bay] for bay, of_bay in read.of_bay.items()}
    console = Console(stderr=True)
    try:
        with console.status("auto") as status:
            found = study(stays, splits=splits, risk_pct=risk_pct, said=status.update)
            if fit is not None:
                heading = _heading(path, found)
                fit.write_text(absence_text(fit_absence(sample_of(stays, "UTC")), heading), encoding="utf-8")
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    except OSError as error:
        raise SettingsError(f"{fit}: cannot be written: {error.strerror}") from None
    if as_json:
        typer.echo(json.dumps({"benchmark": "auto", **asdict(found), "met": found.met}))
    else:
        _show(found)
    if not found.met:
        raise typer.Exit(1)


def _heading(path: Path, found: Study) -> list[str]:
    return [
        f"How long residents stay away, by the hour in which they leave; fitted on {path.name}: {found.bays} bays,",
        f"{found.absences} absences. Written by `baybroker bench auto --fit`.",
        "Each row: by how many thousandths of a return the cumulative hazard grows in each of the steps.",
    ]


def _show(found: Study) -> None:
    facts = f"{found.bays} bays, {found.absences} absences, {found.splits} splits, prior {found.prior:g} returns"
    title = f"held-out residents, risk {found.risk_pct:g} %, medians"
    table = Table(title=title, caption=facts, caption_justify="left")
    for heading in ("what", "unit", "no history", "own history", "target"):
        table.add_column(heading)
    for row in found.rows:
        judged = f"{row.target}: {'met' if row.met else 'missed'}" if row.target else ""
        table.add_row(row.what, row.unit, f"{row.new:g}", f"{row.own:g}", judged)
    Console().print(table)
