"""What the commands share: their common options, the broker's address, Ctrl-C, and the health file."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from broker_bridge.transport.address import parse_address
from broker_bridge.transport.factory import create_transport
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.topics import is_name

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from broker_bridge.transport.base import BrokerAddress, ClientOptions, OnConnect, Transport
    from broker_bridge.transport.factory import TransportKind

HEALTH_EVERY_S = 5.0
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}

Broker = Annotated[
    str,
    typer.Option(
        envvar="BAYBROKER_BROKER",
        help="mqtt[s]://[user:password@]host:port; or BAYBROKER_USERNAME and BAYBROKER_PASSWORD_FILE.",
    ),
]
OptionalBroker = Annotated[
    str | None, typer.Option(envvar="BAYBROKER_BROKER", help="mqtt[s]://[user:password@]host:port; default: our own.")
]
Database = Annotated[Path, typer.Option(envvar="BAYBROKER_DATABASE", help="The SQLite file.", dir_okay=False)]
Scenario = Annotated[str | None, typer.Option(envvar="BAYBROKER_SCENARIO", help="A scenario's name, or a TOML file.")]
City = Annotated[str | None, typer.Option(envvar="BAYBROKER_CITY", help="The city's level of the topics.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
PIPE_COLUMNS = 240
BROKER_DEFAULT = "mqtt://127.0.0.1:1883"


def console() -> Console:
    """Return where tables go: a pipe gets wide ones, for lines that are cut would be of no use to another program."""
    return Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS, highlight=False)


def broker_address(url: str) -> BrokerAddress:
    """Return the address; a user and a password file of the environment fill in what the URL leaves out."""
    address = parse_address(url)
    username = os.environ.get("BAYBROKER_USERNAME")
    if address.username is not None or not username:
        return address
    file = os.environ.get("BAYBROKER_PASSWORD_FILE")
    try:
        password = Path(file).read_text(encoding="utf-8").strip() if file else None
    except OSError as error:
        raise SettingsError(f"BAYBROKER_PASSWORD_FILE {file!r} cannot be read: {error.strerror}") from None
    return replace(address, username=username, password=password)


def connector(
    address: BrokerAddress, kind: TransportKind, logins: Mapping[str, str] | None = None
) -> Callable[[ClientOptions, OnConnect | None], Transport]:
    """Return a factory of transports to one broker; a client whose user is among the `logins` uses its own."""
    own = {user: replace(address, username=user, password=password) for user, password in (logins or {}).items()}
    return lambda options, on_connect: create_transport(
        kind, own.get(options.user or "", address), options, on_connect=on_connect
    )


def city_name(given: str | None, default: str) -> str:
    """Return the city; raises SettingsError where it is no topic level."""
    city = given or default
    if not is_name(city):
        raise SettingsError(f"--city {city!r}: use a-z, 0-9 and '-'")
    return city


def seconds(text: str | None) -> float | None:
    """Return a duration such as 20s, 5m or 1.5h in seconds; raises SettingsError."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise SettingsError(f"{text!r} is no duration: write 20s, 5m or 1h")
    return float(match[1]) * _UNITS_S[match[2]]


def holder() -> str:
    """Return how this process names itself in the database's lease."""
    return f"{socket.gethostname()}:{os.getpid()}"


def run(work: Callable[[asyncio.Event], Coroutine[Any, Any, int | None]]) -> None:
    """Run a command until it ends; the first Ctrl-C or SIGTERM asks it to stop, the second interrupts it."""

    async def body() -> int | None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()

        def ask() -> None:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
            stop.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ask)
        return await work(stop)

    try:
        code = asyncio.run(body())
    except KeyboardInterrupt:
        code = 130
    if code:
        raise typer.Exit(code)


@contextlib.asynccontextmanager
async def health_file(alive: Callable[[], bool]) -> Any:
    """Touch the file named by BAYBROKER_HEALTH_FILE every few seconds while `alive()`."""
    name = os.environ.get("BAYBROKER_HEALTH_FILE")

    async def beat(file: Path) -> None:
        while True:
            if alive():
                await asyncio.to_thread(file.touch)
            await asyncio.sleep(HEALTH_EVERY_S)

    task = asyncio.create_task(beat(Path(name)), name="health") if name else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def first_of(*awaitables: Awaitable[object]) -> None:
    """Return when the first is done, cancel the others, and raise what it raised."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
