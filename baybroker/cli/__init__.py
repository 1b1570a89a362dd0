"""The command line: one program, `baybroker`."""

from __future__ import annotations

import importlib
import sys

from baybroker.cli.app import app
from broker_bridge.wire.errors import BaybrokerError

COMMANDS = {
    "demo": ("demo",),
    "allocate": ("allocate",),
    "serve": ("serve",),
    "simulate": ("simulate",),
    "replay": ("replay",),
    "import": ("import_file",),
    "calibrate": ("calibrate",),
    "evaluate": ("evaluate",),
    "tap": ("tap",),
    "doctor": ("doctor",),
    "bays": ("bays",),
    "gateways": ("bays",),
    "scenario": ("scenario",),
    "verify-history": ("verify",),
    "statement": ("statement",),
    "explain": ("explain",),
    "backup": ("backup",),
    "restore": ("backup",),
    "erase": ("erase",),
    "credentials": ("credentials",),
    "token": ("token",),
    "bench": ("bench", "bench_allocation", "bench_auto", "bench_promises"),
    "bridge": ("bridge", "bridge_run"),
    "homeassistant": ("homeassistant",),
}
"""The modules of each command: only those of the one that is called are loaded, which halves the start of most."""


def main() -> None:
    """Run the program. Exit code 0: good, 1: a check failed, 2: bad input, with one clear line."""
    called = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    for modules in [COMMANDS[called]] if called in COMMANDS else COMMANDS.values():
        for module in modules:
            importlib.import_module(f"baybroker.cli.{module}")
    try:
        app(prog_name="baybroker")
    except BaybrokerError as error:
        sys.stderr.write(f"baybroker: {error}\n")
        sys.exit(error.exit_code)


__all__ = ["main"]
