"""The measured side runs in a process of its own, which says in JSON lines when what happened."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from baybroker.bench.compare import BenchError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOLD_WITHIN_S = 600.0
STOP_WITHIN_S = 30.0


class Worker:
    """A process that measures. `told` waits for its next line."""

    def __init__(self, role: str, process: asyncio.subprocess.Process) -> None:
        self._role, self._process = role, process

    async def told(self, event: str) -> float:
        """Wait for the event and return when it happened, in seconds of the monotonic clock; raises BenchError."""
        stdout = self._process.stdout
        try:
            async with asyncio.timeout(TOLD_WITHIN_S):
                line = await stdout.readline() if stdout is not None else b""
        except TimeoutError:
            raise BenchError(f"the {self._role} did not get to {event!r} within {TOLD_WITHIN_S:g} s") from None
        said: dict[str, Any] = json.loads(line) if line else {"event": "its end"}
        if said["event"] != event:
            raise BenchError(f"the {self._role} came to {said['event']} where {event!r} was due: see above")
        return float(said["at"])

    async def ended(self) -> None:
        """Wait until it has ended by itself; raises BenchError where it failed."""
        async with asyncio.timeout(STOP_WITHIN_S):
            code = await self._process.wait()
        if code:
            raise BenchError(f"the {self._role} ended with code {code}: see above")


@asynccontextmanager
async def worker(role: str, **settings: Any) -> AsyncIterator[Worker]:
    """Run `baybroker.bench.workers` in a role; it is stopped at the end, if it did not end before."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "baybroker.bench.workers",
        role,
        json.dumps(settings),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield Worker(role, process)
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
