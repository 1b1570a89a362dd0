"""`baybroker calibrate`: from recorded stays to a profile of residents and visitors, and how good it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table as RichTable

from baybroker.calibrate.heldout import (
    LEAST_BAYS,
    SIMULATED,
    HeldOut,
    HeldOutStays,
    held_out,
    held_out_stays,
    ks_of_fit,
    median_days,
    simulated,
)
from baybroker.calibrate.reading import STAY_LEAST_MIN, read_presence, read_visitor_stays
from baybroker.calibrate.report import resident_figures, stay_figure
from baybroker.cli.app import app
from baybroker.cli.common import Json  # noqa: TC001 - Typer reads the annotations at run time
from baybroker.report_page import Table, render
from broker_bridge.wire.errors import SettingsError
from sensors_sim.engine.presence_fit import fit_presence
from sensors_sim.engine.stay_fit import fit_stays
from sensors_sim.profile import Profile, Residents, Visitors
from sensors_sim.profile_toml import format_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    import plotly.graph_objects as go

FIGURES = {
    "present_weekday_points": ("P(at home) by hour, weekdays: mean distance, points", 1),
    "present_weekend_points": ("P(at home) by hour, weekends: mean distance, points", 1),
    "away_ks": ("time away: Kolmogorov-Smirnov distance, points", 100),
    "changes_share": ("changes per bay and day: off by, %", 100),
    "spread_night_share": ("spread of the bays at 04 h, weekdays: off by, %", 100),
    "spread_noon_share": ("spread of the bays at 13 h, weekdays: off by, %", 100),
    "morning_sd_share": ("scatter of a bay's morning departures: off by, %", 100),
}
"""What is told of each of the held-out figures, and times what."""


@dataclass(slots=True)
class _Found:
    """What came of the calibration so far."""

    result: dict[str, Any] = field(default_factory=dict)
    about: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[go.Figure] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


@app.command()
def calibrate(
    file: Annotated[
        Path | None,
        typer.Argument(help="CSV of residents' bays: bay,arrived_at,departed_at, local times.", exists=True),
    ] = None,
    stays: Annotated[
        Path | None, typer.Option(help="CSV of visitors: minutes; or Status,ArrivalTime,DepartureTime.", exists=True)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the profile there (TOML).", dir_okay=False)] = None,
    report: Annotated[Path | None, typer.Option(help="Write plots there (HTML).", dir_okay=False)] = None,
    splits: Annotated[int, typer.Option(min=1, max=1_000, help="How many times a third is held out.")] = 20,
    as_json: Json = False,
) -> None:
    """Fit residents' absences, and visitors' stays, to recorded ones; tell how well on bays held out."""
    if file is None and stays is None:
        raise SettingsError("nothing to fit: name a file of presence rows, or --stays FILE")
    found = _Found()
    console = Console(stderr=True)
    with console.status("fitting") as status:

        def told(split: int) -> None:
            status.update(f"held-out check: split {split + 1} of {splits}")

        residents = _fit_residents(file, splits, found, told) if file is not None else None
        visitors = _fit_visitors(stays, splits, found) if stays is not None else None
    profile = Profile(about="; ".join(found.about), residents=residents, visitors=visitors)
    if out is not None:
        _write(out, format_profile(profile))
    if report is not None:
        _write(report, render(f"Calibration: {profile.about}", [*found.tables, *found.figures]))
    if as_json:
        typer.echo(json.dumps(found.result))
    else:
        _show(found, [path for path in (out, report) if path is not None])


def _fit_residents(file: Path, splits: int, found: _Found, told: Callable[[int], None]) -> Residents:
    presence, read = read_presence(file)
    profile = fit_presence(presence.bay, presence.arrived, presence.departed)
    used = {"used_bays": presence.bays, "used_stays": len(presence.bay), "used_days": round(presence.days())}
    checked = held_out(presence, splits, told) if presence.bays >= LEAST_BAYS else None
    found.result["residents"] = {**asdict(read), **used, "held_out": asdict(checked) if checked else None}
    found.about.append(f"{file.name}: {presence.bays} bays, {used['used_days']} days, {used['used_stays']} stays")
    found.said.append(
        f"{file.name}: {read.stays} stays of {read.bays} bays, {presence.bays} of them with enough to fit; "
        f"{_rows(read.dropped_rows, read.first_dropped)}, {read.merged_rows} overlapping ones merged"
    )
    if checked is None:
        found.said.append(f"{presence.bays} bays are too few for a held-out check: it takes {LEAST_BAYS}")
    else:
        found.tables.append(_resident_table(checked))
    ours = simulated(profile, SIMULATED, median_days(presence), np.random.default_rng(0))
    found.figures.extend(resident_figures(presence, ours))
    return Residents.of(profile)


def _fit_visitors(file: Path, splits: int, found: _Found) -> Visitors:
    minutes, dropped = read_visitor_stays(file)
    log_mean, log_sd = fit_stays(minutes, STAY_LEAST_MIN)
    visitors = Visitors(stay_log_mean=round(log_mean, 3), stay_log_sd=round(log_sd, 3), stay_least_min=STAY_LEAST_MIN)
    distance, checked = ks_of_fit(np.sort(minutes), log_mean, log_sd), held_out_stays(minutes, splits)
    found.result["visitors"] = {
        "used_stays": len(minutes),
        "dropped_rows": dropped,
        "fitted": visitors.model_dump(),
        "fitted_ks": distance,
        "held_out": asdict(checked),
    }
    found.about.append(f"{file.name}: {len(minutes)} stays")
    found.said.append(
        f"{file.name}: {len(minutes)} stays of {STAY_LEAST_MIN:g} minutes and longer; {_rows(dropped, None)}"
    )
    found.tables.append(_visitor_table(distance, checked))
    found.figures.append(stay_figure(minutes, visitors))
    return visitors


def _rows(dropped: int, first: str | None) -> str:
    return f"{dropped} unreadable rows dropped" + (f" (the first: {first})" if first else "")


def _resident_table(checked: HeldOut) -> Table:
    rows = [
        (name, *(_told(getattr(part, key), times) for part in (checked.simulated, checked.real)))
        for key, (name, times) in FIGURES.items()
    ]
    title = f"Residents: a third of the bays held out, medians of {checked.splits} splits"
    return Table(title, ("distance from the bays held out", "simulated", "the real bays fitted"), rows)


def _told(value: float | None, times: int) -> str:
    return "-" if value is None else f"{times * value:.1f}"


def _visitor_table(distance: float, checked: HeldOutStays) -> Table:
    rows = [
        ("all stays: Kolmogorov-Smirnov distance, points", f"{100 * distance:.1f}", ""),
        ("a third held out: likewise", f"{100 * checked.fitted_ks:.1f}", f"{100 * checked.real_ks:.1f}"),
    ]
    title = f"Visitors: medians of {checked.splits} splits"
    return Table(title, ("distance", "log-normal", "the real stays fitted"), rows)


def _show(found: _Found, written: list[Path]) -> None:
    for line in found.said:
        typer.echo(line)
    console = Console()
    for table in found.tables:
        shown = RichTable(title=table.title, title_justify="left")
        for number, column in enumerate(table.columns):
            shown.add_column(column, justify="right" if number else "left")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
    for path in written:
        typer.echo(f"written: {path}")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from None
