"""`baybroker homeassistant`: every bay of a city as a device of Home Assistant."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from baybroker import __version__
from baybroker.cli.allocate import CITY_DEFAULT
from baybroker.cli.app import app
from baybroker.cli.common import BROKER_DEFAULT, Broker, City, Json, broker_address, city_name, connector, first_of, run
from baybroker.cli.tap import check_filter, connected
from broker_bridge.bridge.homeassistant import PREFIX_DEFAULT, Announcer
from broker_bridge.transport.base import ClientOptions, ConnectionLostError, TransportError
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from broker_bridge.transport.base import BrokerAddress, Transport

QUIET_S = 1.0
"""No message for so long: what the broker retains has come."""
ECHO_WITHIN_S = 10.0
BATCH = 1_000
ASKED_AT_ONCE = 200


@app.command()
def homeassistant(
    broker: Broker = BROKER_DEFAULT,
    city: City = None,
    prefix: Annotated[str, typer.Option(help="Home Assistant's discovery prefix.")] = PREFIX_DEFAULT,
    remove: Annotated[bool, typer.Option(help="Take back everything that was ever announced of the city.")] = False,
    as_json: Json = False,
) -> None:
    """Announce the bays that sensors report to Home Assistant, and keep that true until Ctrl-C."""
    address, where = broker_address(broker), city_name(city, CITY_DEFAULT)
    if check_filter(prefix) != prefix or "+" in prefix or "#" in prefix:
        raise SettingsError(f"--prefix {prefix!r}: write a topic without wildcards")
    announcer = Announcer(where, prefix=prefix, version=__version__)

    def tell(what: str, bays: int) -> None:
        typer.echo(json.dumps({what: bays}) if as_json else f"{where}: {bays} bays {what}")

    async def work(stop: asyncio.Event) -> None:
        if remove:
            await first_of(stop.wait(), _remove(announcer, address, tell))
        else:
            await first_of(stop.wait(), _announce(announcer, address, tell))

    run(work)


def _client(address: BrokerAddress, announcer: Announcer, *, greet: bool) -> Transport:
    async def again(transport: Transport) -> None:
        announcer.again()
        await _publish(transport, announcer.due())  # what makes it due may have been heard already

    options = ClientOptions(client_id=f"homeassistant-{uuid4().hex[:8]}")
    return connector(address, "gmqtt")(options, again if greet else None)


async def _announce(announcer: Announcer, address: BrokerAddress, tell: Callable[[str, int], None]) -> None:
    """Learn what is there, take back what is not there any more, and then follow every change."""
    async with _client(address, announcer, greet=True) as transport:
        await connected(transport, address)
        while True:
            try:
                await transport.subscribe(announcer.filters)
                await _hear_all(transport, announcer)
                await _take_back(transport, announcer)
                await _publish(transport, announcer.due())
                await _echoed(transport, announcer)
                tell("announced", announcer.bays)
                while True:
                    await _hear(transport, announcer)
                    await _publish(transport, announcer.due())
            except ConnectionLostError:
                announcer.again()


async def _hear(transport: Transport, announcer: Announcer) -> bool:
    """Take in what has come; tell whether some of it had been retained."""
    deliveries = await transport.receive(BATCH)
    for delivery in deliveries:
        announcer.hear(delivery.topic, delivery.payload)
        delivery.ack()
    return any(delivery.retained for delivery in deliveries)


async def _hear_all(transport: Transport, announcer: Announcer) -> None:
    """Hear until nothing retained has come for a while, whatever else comes."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(QUIET_S) as quiet:
            while True:
                if await _hear(transport, announcer):
                    quiet.reschedule(loop.time() + QUIET_S)


async def _hear_until(transport: Transport, announcer: Announcer, done: Callable[[], bool]) -> bool:
    """Hear until `done()`; tell whether it came true in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ECHO_WITHIN_S):
            while not done():
                await _hear(transport, announcer)
    return done()


async def _take_back(transport: Transport, announcer: Announcer) -> None:
    """Take back the announcements of bays without a sensor.

    A broker may drop a part of many retained messages (Mosquitto's queue holds 1,000), so each such bay is asked for by
    name first: a device that is taken back loses its history in Home Assistant.
    """
    missing = announcer.unheard()
    for start in range(0, len(missing), ASKED_AT_ONCE):
        await transport.subscribe(announcer.sensors_of(missing[start : start + ASKED_AT_ONCE]))
        await _hear_all(transport, announcer)
    announcer.forget(announcer.unheard())


async def _publish(transport: Transport, messages: Sequence[tuple[str, bytes]]) -> None:
    sent = [await transport.send(topic, payload, retain=True) for topic, payload in messages]
    await asyncio.gather(*sent)


async def _echoed(transport: Transport, announcer: Announcer) -> None:
    """Wait until our own announcements come back: in MQTT 3.1.1 a denied one is acknowledged all the same."""
    bays = announcer.bays
    if not await _hear_until(transport, announcer, lambda: announcer.held >= bays):
        raise TransportError(
            f"{announcer.held} of {bays} announcements came back: "
            f"this user must be allowed to write and to read {announcer.configs}"
        )


async def _remove(announcer: Announcer, address: BrokerAddress, tell: Callable[[str, int], None]) -> None:
    """Clear what the broker holds, and look again with a new connection until it holds nothing."""
    removed = 0
    while True:
        async with _client(address, announcer, greet=False) as transport:
            await connected(transport, address)
            await transport.subscribe([announcer.configs])
            await _hear_all(transport, announcer)
            if not announcer.held:
                return tell("removed", removed)
            removed += announcer.held
            announcer.forget_everything()
            await _publish(transport, announcer.due())
            if not await _hear_until(transport, announcer, lambda: not announcer.held):
                raise TransportError(
                    f"{announcer.held} announcements stay: this user may not write {announcer.configs}"
                )
