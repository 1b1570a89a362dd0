"""The Typer application that the command modules register with."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from baybroker import __version__

app = typer.Typer(
    name="baybroker",
    help="Shared parking over MQTT: simulated or real bay sensors, and an allocator that keeps its promises.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_LEVELS = ("debug", "info", "warning", "error")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"baybroker {__version__}")
        raise typer.Exit


def _check_level(level: str) -> str:
    if level.lower() not in _LEVELS:
        raise typer.BadParameter(f"use one of {', '.join(_LEVELS)}")
    return level


@app.callback()
def _common(
    log_level: Annotated[
        str, typer.Option(envvar="BAYBROKER_LOG_LEVEL", callback=_check_level, help="debug, info, warning or error.")
    ] = "warning",
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version
    logging.basicConfig(level=log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("gmqtt").setLevel(logging.CRITICAL)
