"""Runs `baybroker` as its own process, as a person does. Shared by test_tools_*."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 60
PROGRAM = (sys.executable, "-c", "from baybroker.cli import main; main()")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def clean_environment() -> dict[str, str]:
    """Return the environment without what is meant for a person's own `baybroker`."""
    return {name: value for name, value in os.environ.items() if not name.startswith("BAYBROKER_")}


async def start(*arguments: object, **environment: str) -> asyncio.subprocess.Process:
    """Start the program with nothing of our own environment that it would read."""
    return await asyncio.create_subprocess_exec(
        *PROGRAM,
        *(str(argument) for argument in arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment() | environment,
    )


async def baybroker(*arguments: object, **environment: str) -> Done:
    """Run it to its end."""
    process = await start(*arguments, **environment)
    try:
        out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    return Done(process.returncode or 0, out.decode(), err.decode())


async def examine(*arguments: object, code: int = 0) -> dict[str, dict[str, str]]:
    """Run the doctor and return its rows by check."""
    done = await baybroker("doctor", "--json", *arguments)
    assert done.code == code, done
    return {row["check"]: row for row in done.json()}


def one_line(done: Done) -> str:
    """Return the single line that bad input is answered with."""
    assert done.code == 2, done
    assert "Traceback" not in done.err, done.err
    last = done.err.strip().splitlines()[-1]
    assert last.startswith("baybroker: "), done.err
    return last
