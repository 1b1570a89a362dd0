"""Loads a bridge that may use one core, and prints how it kept up, as JSON.

    python examples/bridge_load.py --devices 10000 --rate 1000 --seconds 60

Starts a Mosquitto and a bridge of its own in a temporary folder (Linux, for `taskset`). The lag is from an uplink's
publishing to the arrival of its occupancy message here; broker, publisher and listener share the other cores.
"""  # noqa: INP001 - a script

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from broker_bridge.bridge.compose import Sent, chirpstack
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.base import ClientOptions, Transport
from broker_bridge.transport.embedded import start_broker
from broker_bridge.transport.factory import create_transport
from broker_bridge.wire.times import parse_rfc3339

TURN_S = 0.02
FLUSH_S = 30.0
FREE, OCCUPIED = b"\x00", b"\x01"


def now_ms() -> int:
    """Return the wall clock."""
    return time.time_ns() // 1_000_000


def client(url: str, name: str) -> Transport:
    """Return a connection of our own."""
    return create_transport("gmqtt", parse_address(url), ClientOptions(client_id=name))


async def publish(transport: Transport, devices: int, rate: int, seconds: float) -> int:
    """Publish uplinks of the devices in turn at a steady rate; returns how many."""
    loop = asyncio.get_running_loop()
    began_at, total, sent = loop.time(), int(rate * seconds), 0
    while sent < total:
        due = min(total, int((loop.time() - began_at) * rate))
        for number in range(sent, due):
            f_cnt, device = divmod(number, devices)
            frame = (FREE, OCCUPIED)[f_cnt % 2]
            uplink = Sent(
                dev_eui=f"{device:016x}", dev_addr=f"{device:08x}", f_cnt=f_cnt, port=1, frame=frame, at_ms=now_ms()
            )
            await transport.send(*chirpstack(uplink))
        sent = max(sent, due)
        await asyncio.sleep(TURN_S)
    return sent


async def listen(transport: Transport, lags_ms: list[int]) -> None:
    """Note the lag of each occupancy message."""
    while True:
        for delivery in await transport.receive(1000):
            delivery.ack()
            said = json.loads(delivery.payload)
            lags_ms.append(now_ms() - parse_rfc3339(said["observed_at"]))


def cpu_s(pid: int) -> float:
    """Return the processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def start_bridge(folder: Path, url: str, devices: int) -> asyncio.subprocess.Process:
    """Start a bridge on core 0 and wait until it is subscribed."""
    config = f'city = "load"\ndevice_map = "map.csv"\nregistry = "bridge.db"\n[target]\nbroker = "{url}"\n'
    config += f'[[sources]]\nname = "load"\nnetwork = "chirpstack"\nbroker = "{url}"\n'
    rows = [f"{number:016x},load,z-{number % 50},b-{number},bosch-tps110" for number in range(devices)]
    await asyncio.to_thread((folder / "bridge.toml").write_text, config)
    await asyncio.to_thread((folder / "map.csv").write_text, "\n".join(["dev_eui,city,zone,bay,profile", *rows]))
    program = (sys.executable, "-c", "from baybroker.cli import main; main()")
    command = ("taskset", "-c", "0", *program, "bridge", "run", "--config", folder / "bridge.toml", "--json")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    assert process.stderr is not None  # noqa: S101 - it was asked for
    told = await process.stderr.readline()
    if not told.startswith(b"bridging"):
        sys.exit(f"the bridge does not start: {told.decode()}")
    return process


async def load(devices: int, rate: int, seconds: float) -> dict[str, Any]:
    """Run it and return the figures."""
    lags_ms: list[int] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with start_broker(directory=folder, prefer="mosquitto") as broker:
            bridge = await start_bridge(folder, broker.url, devices)
            try:
                async with client(broker.url, "load-in") as publisher, client(broker.url, "load-out") as listener:
                    await publisher.wait_connected()
                    await listener.subscribe(["parking/v1/load/gateways/+/bays/+/+/occupancy"])
                    listening = asyncio.create_task(listen(listener, lags_ms), name="listen")
                    began_at, used_s = time.monotonic(), cpu_s(bridge.pid)
                    sent = await publish(publisher, devices, rate, seconds)
                    took_s, used_s = time.monotonic() - began_at, cpu_s(bridge.pid) - used_s
                    behind = sent - len(lags_ms)
                    flushed_by = time.monotonic() + FLUSH_S
                    while len(lags_ms) < sent and time.monotonic() < flushed_by:  # noqa: ASYNC110 - the last ones
                        await asyncio.sleep(TURN_S)
                    listening.cancel()
            finally:
                bridge.terminate()
                out, _ = await bridge.communicate()
    lags_ms.sort()
    return {
        "devices": devices,
        "sent": sent,
        "sent_per_s": round(sent / took_s),
        "arrived": len(lags_ms),
        "behind_at_the_end": behind,
        "lag_p50_ms": lags_ms[len(lags_ms) // 2],
        "lag_p99_ms": lags_ms[len(lags_ms) * 99 // 100],
        "lag_max_ms": lags_ms[-1],
        "bridge_cpu_share": round(used_s / took_s, 3),
        "bridge": json.loads(out),
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--devices", type=int, default=10_000)
    options.add_argument("--rate", type=int, default=1_000)
    options.add_argument("--seconds", type=float, default=60)
    print(json.dumps(asyncio.run(load(**vars(options.parse_args()))), indent=2))  # noqa: T201 - its result
