"""`baybroker evaluate`: days of a scenario in virtual time, with one policy or several, and what came of them."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from baybroker.cli.app import app
from baybroker.cli.common import Json, console
from baybroker.lab.trial.demand_file import read_demand
from baybroker.lab.trial.digest import combined
from baybroker.lab.trial.outline import headings, lines
from baybroker.lab.trial.parallel import cores, run_all
from baybroker.lab.trial.tables import need_parquet, write_runs
from baybroker.lab.trial.trial import Trial
from baybroker.policies import load_policy
from broker_bridge.wire.errors import SettingsError
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baybroker.lab.trial.figures import Run
    from baybroker.lab.trial.parallel import Ran

POLICY_DEFAULT = "bind-late"
INTERRUPTED = 130


@app.command()
def evaluate(
    scenario: Annotated[
        str, typer.Option(envvar="BAYBROKER_SCENARIO", help="A scenario's name, or a TOML file.")
    ] = "demo",
    days: Annotated[int, typer.Option(min=1, max=366, help="From the scenario's start; weekdays as they fall.")] = 1,
    policy: Annotated[
        list[str] | None, typer.Option(help="nearest, batch, bind-late, or a package's; several may be given.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=1_000, help="How many worlds; each policy meets the same.")] = 1,
    seed: Annotated[int | None, typer.Option(min=0, help="The first world's seed; default: the scenario's.")] = None,
    requests: Annotated[
        Path | None, typer.Option(help="CSV of what drivers want, in place of the scenario's.", exists=True)
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write truth and decisions of each run into this folder (Parquet).")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the runs' figures there (CSV).", dir_okay=False)] = None,
    parquet: Annotated[
        Path | None, typer.Option(help="Write the runs' figures there (Parquet).", dir_okay=False)
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page of plots there (HTML).", dir_okay=False)] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="Processes; default: the cores.")] = None,
    as_json: Json = False,
) -> None:
    """Play days of a scenario in virtual time against the real allocator, and compare what policies make of them."""
    began = time.perf_counter()
    world = load_scenario(scenario)
    policies = list(dict.fromkeys(policy or [POLICY_DEFAULT]))
    for name in policies:
        load_policy(name)
    if export is not None or parquet is not None:
        need_parquet()
    demand = read_demand(requests, world.time_zone) if requests is not None else None
    first = world.seed if seed is None else seed
    trials = [
        Trial(scenario=world, policy=name, seed=number, days=days, demand=demand, export=export)
        for number in range(first, first + seeds)
        for name in policies
    ]
    _folders_exist(csv, parquet, report)
    runs, peak_rss_mib = _played(trials, workers or cores())
    result = {
        "scenario": scenario,
        "city": world.city,
        "start": world.start.isoformat(),
        "days": days,
        "wall_s": round(time.perf_counter() - began, 2),
        "peak_rss_mib": peak_rss_mib,
        "bays": runs[0].bays,
        "sensor_events": sum(run.sensor_events for run in runs),
        "requests": sum(run.requests for run in runs),
        "event_hash": combined(run.event_hash for run in runs),
        "runs": [asdict(run) for run in runs],
    }
    written = _write(runs, f"{scenario}, {days} day{'s' * (days > 1)} from {world.start}", csv, parquet, report)
    if as_json:
        typer.echo(json.dumps(result))
        return
    console().print(_table(runs, f"{scenario}, {days} day{'s' * (days > 1)}"))
    for path in [*written, *([export] if export is not None else [])]:
        typer.echo(f"written: {path}")


def _table(runs: Sequence[Run], title: str) -> Table:
    policies = list(dict.fromkeys(run.policy for run in runs))
    worlds = len({run.seed for run in runs})
    shown = Table(title=f"{title}, {worlds} world{'s' * (worlds > 1)}", title_justify="left")
    for number, heading in enumerate(headings(policies)):
        shown.add_column(heading, justify="right" if number else "left")
    for line in lines(runs, policies):
        shown.add_row(*line)
    if worlds > 1:
        shown.caption = f"means of {worlds} worlds, their 95 % confidence intervals (t); differences are paired"
    return shown


def _folders_exist(*files: Path | None) -> None:
    """Raise SettingsError, before anything is played, where a file could not be written."""
    for path in files:
        if path is not None and not path.absolute().parent.is_dir():
            raise SettingsError(f"{path}: there is no folder {path.absolute().parent}")


def _played(trials: Sequence[Trial], workers: int) -> Ran:
    """Return the runs, with a bar for all of them; Ctrl-C ends the program with code 130."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        working = progress.add_task(f"{len(trials)} run{'s' * (len(trials) > 1)}", total=1.0)
        try:
            return run_all(trials, workers, lambda done: progress.update(working, completed=done))
        except KeyboardInterrupt:
            progress.stop()
            typer.echo("stopped: nothing is written of runs that were not over", err=True)
            raise typer.Exit(INTERRUPTED) from None


def _write(runs: Sequence[Run], title: str, csv: Path | None, parquet: Path | None, report: Path | None) -> list[Path]:
    """Write what was asked for, and return the files."""
    for path, as_parquet in ((csv, False), (parquet, True)):
        if path is not None:
            write_runs(runs, path, as_parquet=as_parquet)
    if report is not None:
        from baybroker.lab.trial.report import page  # noqa: PLC0415 - Plotly takes a second to load

        try:
            report.write_text(page(runs, title), encoding="utf-8")
        except OSError as error:
            raise SettingsError(f"{report}: cannot be written: {error.strerror}") from None
    return [path for path in (csv, parquet, report) if path is not None]
