"""`baybroker verify-history`: check a database against the guarantees."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from baybroker.cli.app import app
from baybroker.verify import verify_history
from baybroker.verify.report import RULES

if TYPE_CHECKING:
    from baybroker.verify import Report


def report_fields(report: Report) -> dict[str, Any]:
    """Return the report as JSON has it."""
    return {
        "clean": report.clean,
        "double_bookings": report.double_bookings,
        **asdict(report.counters),
        "violations_by_rule": dict(report.violations_by_rule),
        "violations": [asdict(violation) for violation in report.violations],
    }


@app.command("verify-history")
def verify(
    database: Annotated[Path, typer.Argument(help="The SQLite file.", exists=True, dir_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check S1 to S8 on a database, with code that shares nothing with the allocator. Exit code 1: a rule is broken."""
    report = verify_history(database)
    if as_json:
        typer.echo(json.dumps(report_fields(report)))
    else:
        _show(report)
    if not report.clean:
        raise typer.Exit(1)


def _show(report: Report) -> None:
    console = Console()
    table = Table(title=f"{report.counters.events} events, {report.counters.accepted} reservations")
    for heading in ("rule", "what holds", "violations"):
        table.add_column(heading)
    for rule, text in RULES.items():
        count = report.violations_by_rule[rule]
        table.add_row(rule, text, str(count) if count else "none", style="red" if count else None)
    console.print(table)
    for violation in report.violations[:20]:
        console.print(f"{violation.rule} at position {violation.position}: {violation.text}", markup=False)
