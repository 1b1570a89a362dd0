"""`baybroker statement`: what a resident earned, or what a driver paid."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from baybroker.cli.app import app
from baybroker.cli.common import Json, console
from baybroker.history.driver import driver_statement
from baybroker.history.resident import rented_pct, resident_statement
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.times import parse_rfc3339


@app.command()
def statement(
    database: Annotated[Path, typer.Argument(help="The SQLite file.", dir_okay=False)],
    resident: Annotated[str | None, typer.Option(help="Whose bay was used, when, and what it gave.")] = None,
    driver: Annotated[str | None, typer.Option(help="Whose reservations, with their receipts.")] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, by the city's clock.")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Last day, included.")] = None,
    as_json: Json = False,
) -> None:
    """Account for a resident's bays, or for a driver's reservations. Sums are those of the ledger."""
    days = (first.date() if first else None, last.date() if last else None)
    if (resident is None) == (driver is None):
        raise SettingsError("name one of the two: --resident NAME or --driver NAME")
    if first and last and last < first:
        raise SettingsError("--until is before --from")
    if resident is not None:
        told, show = resident_statement(database, resident, *days), _show_resident
    else:
        told, show = driver_statement(database, driver or "", *days), _show_driver
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    show(told)


def _show_resident(told: dict[str, Any]) -> None:
    zone = ZoneInfo(told["time_zone"])
    headings = ("bay", "day", "on offer", "rented", "used", "earned", "points for use", "points for the offer")
    table = _table(f"{told['resident']}{_of_days(told)}, times of {told['time_zone']}", headings)
    for bay in told["bays"]:
        for day in bay["days"]:
            uses = ", ".join(f"{_at(use['from'], zone)}-{_at(use['until'], zone)}" for use in day["uses"])
            _add(table, (bay["bay"], day["day"], *_given(day, uses)))
        _add(table, (bay["bay"], "all days", *_given(bay, f"{bay['uses']} times")), style="bold", end=True)
    if len(told["bays"]) > 1:
        _add(table, ("all bays", "all days", *_given(told["sums"], f"{told['sums']['uses']} times")), style="bold")
    out = console()
    out.print(table)
    share = rented_pct(told["sums"])
    if share is not None:
        out.print(f"{share} % of the time on offer was rented")
    waiting = sum(bay["not_settled_min"] for bay in told["bays"])
    out.print(f"{_hours(waiting)} on offer since points for it were last given, up to {told['as_of']}")


def _given(row: dict[str, Any], uses: str) -> tuple[str, ...]:
    points = (f"{row[name] / 1000:.3f}" for name in ("used_millipoints", "offered_millipoints"))
    return _hours(row["offered_min"]), _hours(row["rented_min"]), uses, _won(row["earned_won"]), *points


def _show_driver(told: dict[str, Any]) -> None:
    zone = ZoneInfo(told["time_zone"])
    headings = ("reservation", "promised", "quote", "bay", "used", "became", "price", "surcharge", "refunded", "paid")
    table = _table(f"{told['driver']}{_of_days(told)}, times of {told['time_zone']}", headings)
    for receipt in told["receipts"]:
        promise = receipt["promise"]
        used = (
            "" if receipt["left_at"] is None else f"{_at(receipt['arrived_at'], zone)}-{_at(receipt['left_at'], zone)}"
        )
        values = (
            receipt["reservation_id"],
            f"{_at(promise['from'], zone, day=True)}-{_at(promise['until'], zone)}, {promise['max_walk_m']} m",
            _won(promise["quote_won"]),
            receipt["bay"] or "",
            used,
            ", ".join([receipt["status"], *_notes(receipt)]),
            *(_won(receipt[name]) for name in ("base_won", "surcharge_won", "refunded_won", "paid_won")),
        )
        _add(table, values)
    sums = told["sums"]
    amounts = (_won(sums[name]) for name in ("base_won", "surcharge_won", "refunded_won", "paid_won"))
    _add(table, (f"{sums['reservations']} in all", "", "", "", "", "", *amounts), style="bold")
    console().print(table)


def _notes(receipt: dict[str, Any]) -> list[str]:
    notes = [f"from {it['from_bay']} to {it['to_bay']} ({it['reason']})" for it in receipt["relocations"]]
    notes += ["farther than promised"] if receipt["violation"] else []
    notes += ["called away by the resident"] if receipt["recalled"] else []
    return notes + ([receipt["reason"]] if receipt["reason"] else [])


def _table(title: str, headings: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading)
    return table


def _add(table: Table, values: tuple[str, ...], *, style: str | None = None, end: bool = False) -> None:
    table.add_row(*(Text(value) for value in values), style=style, end_section=end)


def _of_days(told: dict[str, Any]) -> str:
    return "".join(f" {word} {told[word]}" for word in ("from", "until") if told[word])


def _at(text: str, zone: ZoneInfo, *, day: bool = False) -> str:
    at = datetime.fromtimestamp(parse_rfc3339(text) / 1000, zone)
    return f"{at:%Y-%m-%d %H:%M}" if day else f"{at:%H:%M}"


def _hours(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02d} h"


def _won(amount: int) -> str:
    return f"{amount:,}"
