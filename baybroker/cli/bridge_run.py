"""`baybroker bridge run`, `devices`, `map` and `simulate-device`: the bridge as a program."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from itertools import cycle, islice
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from rich.table import Table
from rich.text import Text

from baybroker.cli.bridge import DEVICES, ProfileName, bridge_app
from baybroker.cli.common import (
    BROKER_DEFAULT,
    Broker,
    City,
    Json,
    broker_address,
    connector,
    console,
    first_of,
    health_file,
    run,
    seconds,
)
from baybroker.cli.tap import connected
from broker_bridge.bridge.compose import NETWORKS, Sent
from broker_bridge.bridge.device_map import COLUMNS, map_row, parse_map, read_map
from broker_bridge.bridge.record import Device, Spot
from broker_bridge.bridge.registry import Registry, read_devices
from broker_bridge.bridge.service import Bridge
from broker_bridge.bridge.settings import BridgeSettings, load_settings
from broker_bridge.bridge.uplink import UplinkError, device_name
from broker_bridge.devices import Profile, Reading, load_profile, load_profiles
from broker_bridge.transport.base import ClientOptions
from broker_bridge.transport.factory import create_transport
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.times import format_rfc3339
from sensors_sim.config_files import config_dir, find_config

if TYPE_CHECKING:
    from collections.abc import Iterator

Config = Annotated[Path, typer.Option(envvar="BAYBROKER_BRIDGE", help="The bridge's settings, a TOML file.")]
CONFIG_DEFAULT = Path("bridge.toml")
SIMULATED_EUI = "70b3d57ed0000001"
SENT_KINDS = {"free": "status", "occupied": "status", "heartbeat": "heartbeat", "startup": "startup"}


def _profiles() -> dict[str, Profile]:
    return load_profiles(config_dir() / DEVICES)


@bridge_app.callback(invoke_without_command=True)
def bridge(context: typer.Context, config: Config = CONFIG_DEFAULT) -> None:
    """Real sensors plug in. Without a command, the same as `bridge run`."""
    if context.invoked_subcommand is None:
        run_bridge(config)


@bridge_app.command("run")
def run_bridge(config: Config = CONFIG_DEFAULT, as_json: Json = False) -> None:
    """Run the bridge: networks' uplinks in, occupancy and device messages out. The device map may change meanwhile."""
    settings = load_settings(config)
    registry = Registry(settings.registry)
    summary: dict[str, Any] = {}

    async def work(stop: asyncio.Event) -> None:
        service = Bridge(
            settings,
            _profiles(),
            registry,
            lambda address, options, on_connect: create_transport("gmqtt", address, options, on_connect=on_connect),
            os.environ,
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, service.look_now.set)
        telling = asyncio.create_task(_tell(service, settings), name="bridge serving")
        try:
            async with health_file(service.serving.is_set):
                await service.run(stop)
        finally:
            telling.cancel()
            summary.update(service.summary())

    try:
        run(work)
    finally:
        registry.close()
    if as_json:
        typer.echo(json.dumps(summary))
    else:
        for name, value in summary.items():
            typer.echo(f"{name:>20} {value}")


async def _tell(service: Bridge, settings: BridgeSettings) -> None:
    await service.serving.wait()
    sources = ", ".join(f"{source.name} ({source.network})" for source in settings.sources)
    typer.echo(f"bridging {sources} to {settings.city} as {settings.gateway}", err=True)


@bridge_app.command()
def devices(config: Config = CONFIG_DEFAULT, as_json: Json = False) -> None:
    """List the devices that were heard or are mapped: where, when, their battery, errors and lost frames."""
    settings = load_settings(config)
    heard = read_devices(settings.registry)
    spots = read_map(settings.device_map, _profiles())
    rows = [_row(name, heard.get(name), spots.get(name)) for name in sorted({*heard, *spots})]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    if not rows:
        typer.echo("none")
        return
    shown = ("dev_eui", "mapped", "zone", "bay", "profile", "status", "last_heard_at", "battery", "errors", "lost")
    table = Table(caption=str(len(rows)), caption_justify="left")
    for name in shown:
        table.add_column(name, no_wrap=True)
    for row in rows:
        cells = row | {"mapped": "yes" if row["mapped"] else "no", "battery": _battery(row)}
        table.add_row(*(Text("" if cells[name] is None else str(cells[name])) for name in shown))
    console().print(table)


def _row(name: str, heard: Device | None, spot: Spot | None) -> dict[str, Any]:
    device = heard or Device(name=name, source="")
    return {
        "dev_eui": name,
        "mapped": spot is not None,
        "city": spot.city if spot else None,
        "zone": spot.zone if spot else None,
        "bay": spot.bay if spot else None,
        "profile": spot.profile if spot else None,
        "source": device.source or None,
        "status": device.status,
        "last_heard_at": format_rfc3339(device.heard_at) if heard else None,
        "battery_pct": device.battery_pct,
        "battery_v": device.battery_v,
        "temperature_c": device.temperature_c,
        "rssi_dbm": device.rssi_dbm,
        "fault": device.fault,
        "uplinks": device.uplinks,
        "duplicates": device.duplicates,
        "lost": device.lost,
        "errors": device.errors,
        "last_error": device.last_error,
        "last_port": device.last.port if device.last else None,
        "last_frame": device.last.frame if device.last else None,
    }


def _battery(row: dict[str, Any]) -> str:
    if row["battery_pct"] is not None:
        return f"{row['battery_pct']:g} %"
    return f"{row['battery_v']:g} V" if row["battery_v"] is not None else ""


@bridge_app.command("map")
def map_device(
    dev_eui: Annotated[str, typer.Argument(help="As `bridge devices` lists it.")],
    zone: Annotated[str, typer.Argument(help="The bay's zone.")],
    bay: Annotated[str, typer.Argument(help="The bay.")],
    profile: Annotated[str, typer.Option(help="A device profile's name.")],
    config: Config = CONFIG_DEFAULT,
    city: City = None,
) -> None:
    """Map a device to a bay: a line more in the map, which a running bridge reads by itself."""
    settings, profiles = load_settings(config), _profiles()
    try:
        device = device_name(dev_eui)
    except UplinkError as error:
        raise SettingsError(str(error)) from None
    file = settings.device_map
    read_map(file, profiles)
    before = file.read_text(encoding="utf-8") if file.exists() else ",".join(COLUMNS) + "\n"
    gap = "" if before.endswith("\n") else "\n"
    line = map_row(device, Spot(city or settings.city, zone, bay, profile))
    parse_map(before + gap + line, str(file), profiles)
    with file.open("a", encoding="utf-8") as appended:
        appended.write((gap if file.stat().st_size else before) + line)
    typer.echo(f"mapped {device} to {zone}/{bay} in {city or settings.city}, read as {profile}")


@bridge_app.command("simulate-device")
def simulate_device(
    profile: ProfileName,
    network: Annotated[str, typer.Option(help=f"As which network: {' or '.join(NETWORKS)}.")] = "chirpstack",
    broker: Broker = BROKER_DEFAULT,
    dev_eui: Annotated[str, typer.Option(help="16 hexadecimal digits.")] = SIMULATED_EUI,
    say: Annotated[str, typer.Option(help=f"What is sent in turn, of {', '.join(SENT_KINDS)}.")] = "occupied,free",
    count: Annotated[int | None, typer.Option(min=1, help="How many uplinks; default: each once.")] = None,
    every: Annotated[str, typer.Option(help="Time between uplinks: 500ms, 10s, 5m.")] = "1s",
    f_cnt: Annotated[int, typer.Option(min=0, help="The first frame counter. A device starts at 0 when it joins.")] = 0,
    dev_addr: Annotated[
        str | None, typer.Option(help="8 hexadecimal digits; default: a new one, as by a join.")
    ] = None,
    battery_pct: Annotated[float | None, typer.Option(min=0, max=100)] = None,
    battery_v: Annotated[float | None, typer.Option(min=0, max=100)] = None,
    temperature_c: Annotated[float | None, typer.Option(min=-100, max=150)] = None,
    as_json: Json = False,
) -> None:
    """Send frames as a device does, in a network's uplinks: the whole way is tested with bytes."""
    if network not in NETWORKS:
        raise SettingsError(f"--network {network!r}: use one of {', '.join(NETWORKS)}")
    kinds = say.split(",")
    unknown = [kind for kind in kinds if kind not in SENT_KINDS]
    if unknown:
        raise SettingsError(f"--say {unknown[0]!r}: use some of {', '.join(SENT_KINDS)}")
    device = load_profile(find_config(DEVICES, profile))
    facts = {"battery_pct": battery_pct, "battery_v": battery_v, "temperature_c": temperature_c}
    # Encoded before anything is sent, so that what the device cannot say is told at once.
    frames = [device.encode(reading) for reading in _readings(islice(cycle(kinds), count or len(kinds)), facts)]
    address, pause_s = broker_address(broker), seconds(every) or 0.0
    eui, session = _hexadecimal(dev_eui, 16), _hexadecimal(dev_addr or f"{SystemRandom().getrandbits(32):08x}", 8)

    async def work(stop: asyncio.Event) -> None:
        options = ClientOptions(client_id=f"device-{uuid4().hex[:8]}")
        async with connector(address, "aiomqtt")(options, None) as transport:

            async def send_all() -> None:
                await connected(transport, address)
                for number, (port, frame) in enumerate(frames, f_cnt):
                    if number > f_cnt:
                        await asyncio.sleep(pause_s)
                    at_ms = time.time_ns() // 1_000_000
                    sent = Sent(dev_eui=eui, dev_addr=session, f_cnt=number, port=port, frame=frame, at_ms=at_ms)
                    topic, payload = NETWORKS[network](sent)
                    await transport.publish(topic, payload)
                    told = {"topic": topic, "f_cnt": number, "port": port, "frame": frame.hex()}
                    typer.echo(json.dumps(told) if as_json else f"{topic} f_cnt {number} port {port} {frame.hex()}")

            await first_of(stop.wait(), send_all())

    run(work)


def _readings(kinds: Iterator[str], facts: dict[str, float | None]) -> Iterator[Reading]:
    """Yield what the device says; a heartbeat and a start-up repeat the status, free at first."""
    status = "free"
    for kind in kinds:
        status = kind if SENT_KINDS[kind] == "status" else status
        yield Reading(kind=SENT_KINDS[kind], status=status, **facts)  # type: ignore[arg-type]


def _hexadecimal(text: str, digits: int) -> str:
    try:
        if len(bytes.fromhex(text)) * 2 == digits == len(text):
            return text.lower()
    except ValueError:
        pass
    raise SettingsError(f"{text!r}: write {digits} hexadecimal digits")
