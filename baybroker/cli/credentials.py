"""`baybroker credentials`: who may log in to the broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from baybroker.cli.app import app
from baybroker.cli.common import Json  # noqa: TC001 - Typer reads it at run time
from baybroker.keeping.broker_users import PasswordFile, Users, check_name, new_password
from baybroker.keeping.env_users import EnvUsers
from baybroker.keeping.files import KeepingError, read_whole, write_whole
from baybroker.keeping.logins import write_logins
from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import build_city
from sensors_sim.engine.chance import streams
from sensors_sim.scenario import load_scenario

credentials = typer.Typer(help="The broker's users: gateways, drivers, residents, operators.", no_args_is_help=True)
app.add_typer(credentials, name="credentials")

NAME_HELP = "The user: gw-..., drv-..., res-... or op-..."
Name = Annotated[str, typer.Argument(help=NAME_HELP)]
File = Annotated[Path | None, typer.Option("--file", help="Mosquitto's password file.", dir_okay=False)]
EnvFile = Annotated[Path | None, typer.Option("--env-file", help="The compose setup's .env.", dir_okay=False)]
RELOAD = "Mosquitto reads it on a SIGHUP: kill -HUP $(pidof mosquitto), or systemctl reload mosquitto"
RESTART = "it takes effect with: docker compose up -d mosquitto"
OPERATOR = "an operator needs a section of its own in the access file, too: copy that of `user operator`"


@credentials.command()
def add(
    name: Annotated[str | None, typer.Argument(help=NAME_HELP)] = None,
    file: File = None,
    env_file: EnvFile = None,
    password_file: Annotated[
        Path | None, typer.Option(help="Its first line is the password; default: a random one, shown once.")
    ] = None,
    scenario: Annotated[str | None, typer.Option(help="Instead of a user: every gateway of this scenario.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="With --scenario: where the passwords go, for their owners.", dir_okay=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a user, or all gateways of a scenario, or change their passwords."""
    users, then = _users(file, env_file)
    if scenario is not None:
        if name is not None or password_file is not None or out is None:
            raise SettingsError(
                "--scenario makes users and passwords by itself: give it --out FILE, no name, no password"
            )
        _add_gateways(users, scenario, out, then, as_json=as_json)
        return
    if name is None or out is not None:
        raise SettingsError("name a user, or a scenario's gateways: --scenario NAME --out FILE")
    check_name(name)
    password = new_password() if password_file is None else _first_line(password_file)
    changed = bool(users.put({name: password}))
    if file is not None and name.startswith("op-"):
        then = f"{then}; {OPERATOR}"
    result = {"user": name, "changed": changed} | ({"password": password} if password_file is None else {})
    if as_json:
        typer.echo(json.dumps(result | {"then": then}))
        return
    typer.echo(f"{'changed the password of' if changed else 'added'} {name}")
    if password_file is None:
        typer.echo(f"password: {password}")
    typer.echo(then, err=True)


def _add_gateways(users: Users, scenario: str, out: Path, then: str, *, as_json: bool) -> None:
    """Give every gateway of the scenario a password, known to the broker and written to `out`."""
    rules = load_scenario(scenario)
    names = [check_name(name) for name in build_city(rules, streams(rules.seed).city).gateways]
    logins, before = {name: new_password() for name in names}, read_whole(out) if out.exists() else None
    write_logins(out, logins)
    try:
        changed = users.put(logins)
    except KeepingError:
        out.unlink() if before is None else write_whole(out, before)
        raise
    if as_json:
        typer.echo(json.dumps({"users": names, "changed": changed, "out": str(out), "then": then}))
        return
    typer.echo(f"added {len(names) - len(changed)} users, changed the passwords of {len(changed)}: they are in {out}")
    typer.echo(then, err=True)


@credentials.command()
def revoke(name: Name, file: File = None, env_file: EnvFile = None, as_json: Json = False) -> None:
    """Take a user out."""
    users, then = _users(file, env_file)
    users.drop(check_name(name))
    if as_json:
        typer.echo(json.dumps({"user": name, "then": then}))
        return
    typer.echo(f"revoked {name}")
    typer.echo(then, err=True)


@credentials.command("list")
def list_users(file: File = None, env_file: EnvFile = None, as_json: Json = False) -> None:
    """List the users' names."""
    names = _users(file, env_file)[0].names()
    typer.echo(json.dumps(names) if as_json else "\n".join(names) or "none")


def _users(file: Path | None, env_file: Path | None) -> tuple[Users, str]:
    """Return where the users are, and how the broker learns of a change."""
    if file is not None and env_file is None:
        return PasswordFile(file), RELOAD
    if env_file is not None and file is None:
        return EnvUsers(env_file), RESTART
    raise SettingsError("name the users' file: --file PASSWORD_FILE for Mosquitto, or --env-file .env for compose")


def _first_line(file: Path) -> str:
    try:
        lines = read_whole(file).decode().splitlines()
    except UnicodeDecodeError:
        raise SettingsError(f"{file} is no text in UTF-8") from None
    return lines[0] if lines else ""
