"""`baybroker bench promises`: how many promises are kept when things go wrong, with and without substitutes."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from baybroker.cli.bench import bench
from baybroker.cli.bench_allocation import Bays, District, Seeds, Stays  # noqa: TC001 - likewise
from baybroker.cli.common import Json  # noqa: TC001 - Typer reads the annotations at run time
from baybroker.lab.places import BAYS_FILE, STAYS_FILE, data_file, read_bays, read_stays
from baybroker.lab.promise_days import PromiseRow, PromiseTask, play_task, total
from baybroker.lab.workers import in_order
from baybroker.policies import load_policy
from broker_bridge.wire.errors import SettingsError

TARGETS = {"violations": 0.01, "sent_away_by_resident": 0.015}
"""At most this share of the accepted requests."""
NEVER = ("unhandled", "double_bookings", "broken_rules")


@bench.command()
def promises(
    bays: Bays = None,
    stays: Stays = None,
    district: District = "geumcheon",
    load: Annotated[float, typer.Option(min=0.01, max=5, help="Requested over usable bay-minutes.")] = 0.6,
    lead: Annotated[float, typer.Option(min=0, max=1440, help="Mean minutes from request to arrival.")] = 45,
    seeds: Seeds = 5,
    policy: Annotated[str, typer.Option(help="The policy.")] = "bind-late",
    database: Annotated[Path | None, typer.Option(help="Keep the first day's database here.", dir_okay=False)] = None,
    as_json: Json = False,
) -> None:
    """Play days with overstays, squatters, residents home early and faulty sensors. Exit code 1: something got lost."""
    load_policy(policy)
    if database is not None and database.exists():
        raise SettingsError(f"--database {database} exists: name a new file")
    offered = read_bays(data_file(bays, BAYS_FILE, "--bays"), None if district == "all" else district)
    stays_min = read_stays(data_file(stays, STAYS_FILE, "--stays"))
    with tempfile.TemporaryDirectory(prefix="baybroker-bench-") as directory:
        tasks = [
            PromiseTask(
                seed=seed,
                policy=policy,
                substitutes=substitutes,
                load=load,
                lead_min=lead,
                bays=offered,
                stays_min=stays_min,
                database=Path(directory) / f"{seed}-{'with' if substitutes else 'without'}.db",
            )
            for seed in range(1, seeds + 1)
            for substitutes in (True, False)
        ]
        rows = _play(tasks)
        if database is not None:
            shutil.move(tasks[0].database, database)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows]))
    else:
        _show(rows)
    if any(getattr(row, name) for row in rows for name in NEVER):
        raise typer.Exit(1)


def _play(tasks: list[PromiseTask]) -> list[PromiseRow]:
    rows = []
    with Progress(console=Console(stderr=True)) as progress:
        working = progress.add_task("days", total=len(tasks))
        for row in in_order(play_task, tasks):
            rows.append(row)
            progress.advance(working)
    return rows


def _show(rows: list[PromiseRow]) -> None:
    """Print the sums over the seeds."""
    names = list(dict.fromkeys(row.policy for row in rows))
    sums = {name: total([row for row in rows if row.policy == name]) for name in names}
    table = Table(title=f"load {rows[0].load:g}, {len(rows) // len(names)} days")
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    table.add_column("target, % of accepted")
    for what in rows[0].counts:
        limit = TARGETS.get(what)
        target = f"< {100 * limit:g} %" if limit else "0" if what in NEVER else ""
        table.add_row(what.replace("_", " "), *(_figure(of, what, limit) for of in sums.values()), target)
    Console().print(table)


def _figure(sums: dict[str, int], what: str, limit: float | None) -> str:
    share = f" ({100 * sums[what] / sums['accepted']:.2f} %)" if limit and sums["accepted"] else ""
    return f"{sums[what]}{share}"
