"""`baybroker bench allocation`: policies on the same virtual days, beside what a clairvoyant could do."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from baybroker.cli.bench import bench
from baybroker.cli.common import Json  # noqa: TC001 - Typer reads the annotations at run time
from baybroker.lab.evaluate import BOUND, Row, Task, evaluate
from baybroker.lab.places import BAYS_FILE, STAYS_FILE, data_file, read_bays, read_stays
from baybroker.lab.workers import in_order
from baybroker.policies import load_policy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from baybroker.lab.instance import OfferedBay

BASELINE = "nearest"
COMPARED = ("nearest", "batch", "bind-late")
CARSP_LEADS_MIN = (45.0,)

Bays = Annotated[Path | None, typer.Option(help=f"A file of the form of {BAYS_FILE}.")]
Stays = Annotated[Path | None, typer.Option(help=f"A file of the form of {STAYS_FILE}.")]
District = Annotated[str, typer.Option(help="The bays' district (the column gu), or 'all'.")]
Seeds = Annotated[int, typer.Option(min=1, max=100, help="How many days, with the seeds 1, 2, ...")]


@bench.command()
def allocation(
    bays: Bays = None,
    stays: Stays = None,
    district: District = "geumcheon",
    load: Annotated[list[float] | None, typer.Option(min=0.01, max=5, help="Several may be given.")] = None,
    lead: Annotated[
        list[float] | None, typer.Option(min=0, max=1440, help="Mean minutes; several may be given.")
    ] = None,
    seeds: Seeds = 5,
    policy: Annotated[list[str] | None, typer.Option(help="Several may be given.")] = None,
    instance: Annotated[Literal["day", "hot-zone", "carsp", "all"], typer.Option(help="What is played.")] = "day",
    bound_limit: Annotated[float, typer.Option(min=0, help="Seconds for each bound; 0: none.")] = 600,
    as_json: Json = False,
) -> None:
    """Play virtual days with each policy, beside the clairvoyant bound on the same days; nothing is published."""
    policies = tuple(policy or COMPARED)
    for name in policies:
        load_policy(name)
    kinds = ("day", "hot-zone", "carsp") if instance == "all" else (instance,)
    offered: tuple[OfferedBay, ...] = ()
    stays_min: tuple[int, ...] = ()
    if "day" in kinds:
        offered = read_bays(data_file(bays, BAYS_FILE, "--bays"), None if district == "all" else district)
        stays_min = read_stays(data_file(stays, STAYS_FILE, "--stays"))
    tasks = [
        Task(
            instance=kind,
            seed=seed,
            policies=policies,
            load=one_load,
            leads_min=tuple(lead or (CARSP_LEADS_MIN if kind == "carsp" else (15.0, 45.0, 180.0))),
            bays=offered if kind == "day" else (),
            stays_min=stays_min if kind == "day" else (),
            time_limit_s=bound_limit,
        )
        for kind in kinds
        for one_load in ((load or [0.6, 0.9, 1.2]) if kind == "day" else [0.0])
        for seed in range(1, seeds + 1)
    ]
    rows = _play(tasks)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows]))
    else:
        _show(rows)


def _play(tasks: list[Task]) -> list[Row]:
    console = Console(stderr=True)
    rows: list[Row] = []
    with Progress(console=console) as progress:
        working = progress.add_task("instances", total=len(tasks))
        for task, found in zip(tasks, in_order(evaluate, tasks), strict=True):
            if task.time_limit_s and not any(row.policy == BOUND for row in found):
                what = f"{task.instance}, load {task.load}" if task.load else task.instance
                console.print(f"{what}, seed {task.seed}: no bound within {task.time_limit_s:g} s")
            rows += found
            progress.advance(working)
    return rows


def _show(rows: Iterable[Row]) -> None:
    """Print the means over the seeds, a table for each kind of day."""
    days: dict[tuple[str, float | None, float | None], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        days[row.instance, row.load, row.lead_min][row.policy].append(row)
    for (instance, load, lead_min), policies in days.items():
        title = [instance, f"load {load:g}" if load else "", f"mean lead {lead_min:g} min" if lead_min else ""]
        seeds = max(len(of_policy) for of_policy in policies.values())
        table = Table(
            title=f"{', '.join(filter(None, title))}: means of {seeds} seeds", box=SIMPLE, padding=(0, 1, 0, 0)
        )
        for heading in ("policy", "served", f"to {BASELINE}", *(heading for heading, _ in _COLUMNS.values())):
            table.add_column(heading, justify="right")
        base = _mean(policies.get(BASELINE, ()), "served")
        for policy, of_policy in policies.items():
            served = _mean(of_policy, "served")
            gain = f"{100 * (served / base - 1):+.1f} %" if base and served and policy != BASELINE else ""
            figures = [_text(_mean(of_policy, name), shape) for name, (_, shape) in _COLUMNS.items()]
            table.add_row(policy, _text(served, ".1f"), gain, *figures)
        Console().print(table)


_COLUMNS = {
    "share_of_bound": ("of bound", ".1%"),
    "paid_hours": ("hours", ".0f"),
    "mean_walk_m": ("walk m", ".0f"),
    "hidden_moves": ("moves", ".0f"),
    "gini": ("gini", ".2f"),
    "decision_us_p50": ("p50 us", ".0f"),
    "decision_us_p99": ("p99 us", ".0f"),
}
"""Field of a row -> its heading and format."""


def _mean(rows: Iterable[Row], name: str) -> float | None:
    values = [getattr(row, name) for row in rows]
    return fmean(values) if values and None not in values else None


def _text(value: float | None, shape: str) -> str:
    return "" if value is None else format(value, shape)
