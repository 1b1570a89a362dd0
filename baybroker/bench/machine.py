"""The machine that was measured on: without it the figures say little."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
import time
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, Any

from broker_bridge.transport.base import ClientOptions
from broker_bridge.transport.factory import create_transport

if TYPE_CHECKING:
    from pathlib import Path

    from broker_bridge.transport.base import BrokerAddress

FSYNCS = 100
PAGE = 4096
VERSION_TOPIC = "$SYS/broker/version"
VERSION_WITHIN_S = 5.0


async def machine_facts(address: BrokerAddress, directory: Path) -> dict[str, Any]:
    """Return what the figures depend on: cores, what an fsync takes where the database is, and the versions."""
    return computer_facts() | {
        "fsync_us": await asyncio.to_thread(fsync_us, directory),
        "broker": await broker_version(address),
        "sqlite": sqlite3.sqlite_version,
        "gmqtt": version("gmqtt"),
        "paho_mqtt": version("paho-mqtt"),
    }


def computer_facts() -> dict[str, Any]:
    """Return what any figure depends on."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def fsync_us(directory: Path) -> float:
    """Return the median time of a page's write with its fsync, in microseconds."""
    taken = []
    path = directory / "fsync"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        for _ in range(FSYNCS):
            began = time.perf_counter()
            os.write(descriptor, bytes(PAGE))
            os.fsync(descriptor)
            taken.append((time.perf_counter() - began) * 1e6)
    finally:
        os.close(descriptor)
        path.unlink()
    return round(median(taken), 1)


async def broker_version(address: BrokerAddress) -> str:
    """Return what the broker says it is."""
    async with create_transport("gmqtt", address, ClientOptions(client_id="bench-version")) as transport:
        try:
            async with asyncio.timeout(VERSION_WITHIN_S):
                await transport.subscribe([VERSION_TOPIC])
                (delivery,) = await transport.receive(1)
        except TimeoutError:
            return "unknown"
        delivery.ack()
        return delivery.payload.decode(errors="replace")
