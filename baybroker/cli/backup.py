"""`baybroker backup` and `baybroker restore`: a copy of the database, and back."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from baybroker.cli.app import app
from baybroker.cli.common import Json, holder
from baybroker.keeping import copies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from baybroker.keeping.copies import Copied

Verify = Annotated[bool, typer.Option("--verify/--no-verify", help="Check the history, beside the pages.")]


@app.command()
def backup(
    database: Annotated[Path, typer.Argument(help="The SQLite file.", dir_okay=False)],
    file: Annotated[Path, typer.Argument(help="Where the copy goes.", dir_okay=False)],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    verify: Verify = True,
    as_json: Json = False,
) -> None:
    """Write a consistent copy of a database, also while the allocator runs. Exit code 1: it fails the checks."""
    with progress(f"copying {database}") as told:
        copied = copies.backup(database, file, force=force, verify=verify, told=told)
    _tell(copied, file, as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The backup.", dir_okay=False)],
    database: Annotated[Path, typer.Argument(help="The SQLite file to put it in place of.", dir_okay=False)],
    force: Annotated[bool, typer.Option("--force", help="Overwrite what an earlier restore kept.")] = False,
    verify: Verify = True,
    as_json: Json = False,
) -> None:
    """Put a backup in the database's place and keep the old one as DATABASE.before-restore. Stop the allocator."""
    with progress(f"copying {file}") as told:
        copied = copies.restore(file, database, holder(), force=force, verify=verify, told=told)
    _tell(copied, database, as_json)


@contextmanager
def progress(begin: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is going on; a SIGTERM tidies up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Console(stderr=True).status(begin) as status:
        yield status.update


def _tell(copied: Copied, file: Path, as_json: bool) -> None:
    checked = "pages and history checked" if copied.verified else "pages checked"
    said = f"{file}: {copied.bytes} bytes, up to position {copied.position}, {checked}"
    typer.echo(json.dumps({"file": str(file)} | asdict(copied)) if as_json else said)
