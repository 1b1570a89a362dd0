"""`baybroker tap`: see the messages as they pass."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from rich.console import Console
from rich.text import Text

from baybroker.cli.app import app
from baybroker.cli.common import (
    BROKER_DEFAULT,
    Broker,
    City,
    broker_address,
    city_name,
    connector,
    first_of,
    run,
    seconds,
)
from broker_bridge.transport.base import ClientOptions, TransportError
from broker_bridge.wire import codec, topics
from broker_bridge.wire.errors import BadMessageError, SettingsError
from broker_bridge.wire.times import format_rfc3339
from broker_bridge.wire.topics import PREFIX, TopicKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker_bridge.transport.base import BrokerAddress, Delivery, Transport

CONNECT_WITHIN_S = 10.0
BATCH = 100
RAW_MAX = 120
COLOURS = {
    "gateways": "blue",
    "bays": "green",
    "zones": "cyan",
    "drivers": "magenta",
    "residents": "yellow",
    "operators": "bright_red",
    "allocator": "bright_white",
    "clock": "bright_black",
    "simulator": "bright_red",
}
"""By the first level of the kind."""


@app.command()
def tap(
    only: Annotated[
        str | None, typer.Argument(metavar="[FILTER]", help="An MQTT filter; without parking/, below the city.")
    ] = None,
    broker: Broker = BROKER_DEFAULT,
    city: City = None,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many messages.")] = None,
    duration: Annotated[str | None, typer.Option(help="Stop after so long: 20s, 5m, 1h; default: Ctrl-C.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False,
) -> None:
    """Show the messages of a city as they pass, one line each."""
    address, subscribed = broker_address(broker), full_filter(only, city)
    longest_s = seconds(duration)
    show = _json_line if as_json else Pretty(Console(soft_wrap=not sys.stdout.isatty())).line

    async def work(stop: asyncio.Event) -> None:
        options = ClientOptions(client_id=f"tap-{uuid4().hex[:8]}")
        async with connector(address, "aiomqtt")(options, None) as transport:
            ends = [stop.wait(), _listen(transport, address, subscribed, count, show)]
            if longest_s is not None:
                ends.append(asyncio.sleep(longest_s))
            await first_of(*ends)

    run(work)


def full_filter(given: str | None, city: str | None) -> str:
    """Return the filter to subscribe to; raises SettingsError where it is none."""
    below = f"{PREFIX}/{city_name(city, 'any') if city else '+'}"
    if given is None:
        return f"{below}/#"
    return check_filter(given if given.split("/")[0] == "parking" else f"{below}/{given}")


def check_filter(text: str) -> str:
    """Return the MQTT filter as it is; raises SettingsError where a broker would refuse it."""
    levels = text.split("/")
    if "#" in levels[:-1] or any(len(level) > 1 and ("#" in level or "+" in level) for level in levels) or "" in levels:
        raise SettingsError(f"{text!r} is no MQTT filter: '+' stands for one level, '#' for the rest, as in bays/+/+/#")
    return text


async def connected(transport: Transport, address: BrokerAddress, within_s: float = CONNECT_WITHIN_S) -> None:
    """Wait for the first connection; raises TransportError where there is none in time."""
    try:
        async with asyncio.timeout(within_s):
            await transport.wait_connected()
    except TimeoutError:
        raise TransportError(
            f"{address.host}:{address.port} does not answer: start the broker, or name another with --broker"
        ) from None


async def _listen(
    transport: Transport,
    address: BrokerAddress,
    subscribed: str,
    count: int | None,
    show: Callable[[dict[str, Any]], str],
) -> None:
    """Print until `count` messages were shown or nobody reads any more."""
    await connected(transport, address)
    await transport.subscribe([subscribed])
    shown = 0
    while count is None or shown < count:
        for delivery in (await transport.receive(BATCH))[: None if count is None else count - shown]:
            delivery.ack()
            shown += 1
            if not write_line(show(seen(delivery, time.time_ns() // 1_000_000))):
                return


def seen(delivery: Delivery, received_at: int) -> dict[str, Any]:
    """Return a delivery as `--json` shows it; `error` stands in the place of a payload that is not valid."""
    line: dict[str, Any] = {
        "topic": delivery.topic,
        "kind": None,
        "names": None,
        "retained": delivery.retained,
        "received_at": format_rfc3339(received_at),
    }
    try:
        topic = topics.parse(delivery.topic)
        line |= {"kind": topic.kind.name.lower(), "names": dict(topic.names)}
        line["payload"] = _fields(topic.kind, delivery.payload)
    except BadMessageError as error:
        line["error"] = str(error)
        line["raw"] = delivery.payload[:RAW_MAX].decode(errors="backslashreplace")
    return line


def _fields(kind: TopicKind, payload: bytes) -> dict[str, Any] | None:
    """Return the message's fields; None where an empty message clears a retained one."""
    if not payload:
        return None
    fields: dict[str, Any] = json.loads(codec.encode(codec.decode(kind, payload)))
    return fields


def write_line(text: str) -> bool:
    """Print a line at once; False where the pipe is closed, which is no error: `| head` does it."""
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would fail again, with a traceback, when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _json_line(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False)


class Pretty:
    """Lines for a person: time, topic in the colour of its kind, fields."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, line: dict[str, Any]) -> str:
        """Return the line, cut to the width of a terminal."""
        at = datetime.fromisoformat(line["received_at"]).astimezone()
        text = Text(f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} ", style="bright_black")
        kind = line["kind"]
        colour = COLOURS[TopicKind[kind.upper()].value.split("/")[0]] if kind else "red"
        text.append(f"{line['topic'].removeprefix(f'{PREFIX}/')} ", style=colour)
        if line["retained"]:
            text.append("retained ", style="bright_black")
        if "error" in line:
            text.append(f"NOT VALID {line['error']} {line['raw']!r}", style="bold red")
        elif line["payload"] is None:
            text.append("cleared", style="bright_black")
        else:
            for name, value in line["payload"].items():
                text.append(f" {name}=", style="bright_black")
                text.append(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        wrap = self._console.soft_wrap
        with self._console.capture() as captured:
            self._console.print(text, no_wrap=True, overflow="ignore" if wrap else "ellipsis", end="")
        return captured.get()
