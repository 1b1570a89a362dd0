"""`baybroker token`: who may use the HTTP API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from baybroker.cli.app import app
from baybroker.cli.common import Json, console
from baybroker.web.tokens import TokenFile, TokenRole, TokenRow
from broker_bridge.wire.times import format_rfc3339

token = typer.Typer(help="The HTTP API's tokens: of drivers, residents, operators and readers.", no_args_is_help=True)
app.add_typer(token, name="token")

TOKENS_DEFAULT = Path("baybroker.tokens.json")
File = Annotated[
    Path, typer.Option("--tokens", envvar="BAYBROKER_TOKENS", help="The file of tokens' hashes.", dir_okay=False)
]


@token.command()
def create(
    role: Annotated[TokenRole, typer.Argument(help="public, driver, resident or operator.")],
    subject: Annotated[str, typer.Argument(help="Whose: pub-..., drv-..., res-... or op-...")],
    file: File = TOKENS_DEFAULT,
    as_json: Json = False,
) -> None:
    """Make a token and show it, this once: only a hash of it is kept."""
    made = TokenFile(file).create(role, subject)
    typer.echo(json.dumps({"role": role, "subject": subject, "token": made}) if as_json else made)


@token.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="ID|SUBJECT", help="One token by its ID, or all of a subject.")],
    file: File = TOKENS_DEFAULT,
    as_json: Json = False,
) -> None:
    """Take a token back: it is refused from the next request on."""
    gone = [_told(row) for row in TokenFile(file).revoke(name)]
    typer.echo(json.dumps(gone) if as_json else f"revoked {', '.join(row['token_id'] for row in gone)}")


@token.command("list")
def list_tokens(file: File = TOKENS_DEFAULT, as_json: Json = False) -> None:
    """List the tokens: ID, role, subject, since when. Never the tokens themselves."""
    rows = [_told(row) for row in TokenFile(file).rows()]
    if as_json:
        typer.echo(json.dumps(rows))
    elif not rows:
        typer.echo("none")
    else:
        table = Table(*rows[0])
        for row in rows:
            table.add_row(*row.values())
        console().print(table)


def _told(row: TokenRow) -> dict[str, str]:
    named = {"token_id": row.token_id, "role": str(row.role), "subject": row.subject}
    return named | {"created_at": format_rfc3339(row.created_at)}
