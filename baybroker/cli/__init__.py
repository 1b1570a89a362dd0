"""The command line: one program, `baybroker`."""

from __future__ import annotations

import importlib
import sys

from baybroker.cli.app import app
from broker_bridge.wire.errors import BaybrokerError

COMMANDS = (
    "demo",
    "allocate",
    "simulate",
    "replay",
    "tap",
    "doctor",
    "bays",
    "scenario",
    "verify",
    "backup",
    "erase",
    "credentials",
    "bench",
    "homeassistant",
    "bridge",
    "bridge_run",
)


def main() -> None:
    """Run the program. Exit code 0: good, 1: a check failed, 2: bad input, with one clear line."""
    for command in COMMANDS:
        importlib.import_module(f"baybroker.cli.{command}")
    try:
        app(prog_name="baybroker")
    except BaybrokerError as error:
        sys.stderr.write(f"baybroker: {error}\n")
        sys.exit(error.exit_code)


__all__ = ["main"]
