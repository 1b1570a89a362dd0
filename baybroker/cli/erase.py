"""`baybroker erase`: forget a driver."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from baybroker.cli.app import app
from baybroker.cli.backup import progress
from baybroker.cli.common import Database, Json, holder
from baybroker.keeping import erase as keeping

DATABASE_DEFAULT = Path("baybroker.db")


@app.command()
def erase(
    driver: Annotated[str, typer.Argument(help="The driver's name, as in drivers/{driver}/request.")],
    database: Database = DATABASE_DEFAULT,
    as_json: Json = False,
) -> None:
    """Erase a driver from the history: names, cars, requests and destinations. Stop the allocator first.

    It cannot be undone. Backups, and what a restore kept, still hold the person.
    """
    with progress(f"copying {database}") as told:
        erased = keeping.erase(database, driver, holder(), told=told)
    if as_json:
        typer.echo(json.dumps(asdict(erased)))
    else:
        typer.echo(
            f"{driver} is {erased.pseudonym} now ({erased.rows} rows of {database}); backups still have the name"
        )
