"""Every pair of transport and broker."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from brokers import EXTERNAL_BROKER, mosquitto, need, private_mosquitto, private_nats  # noqa: F401 - fixtures
from labs import Lab, MemoryLab, RealLab

from broker_bridge.transport.address import parse_address
from broker_bridge.transport.embedded import start_broker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

_REAL = ["gmqtt-mosquitto", "gmqtt-nats", "aiomqtt-mosquitto", "aiomqtt-nats"]
_EXTERNAL = ["gmqtt-external", "aiomqtt-external"] if EXTERNAL_BROKER else []


@pytest.fixture(params=["memory", *_REAL, *_EXTERNAL])
async def lab(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Lab]:
    """Yield a transport with a broker of its own, or with the external one."""
    kind, _, broker_kind = request.param.partition("-")
    if kind == "memory":
        yield MemoryLab()
        return
    async with AsyncExitStack() as stack:
        broker = None
        if broker_kind != "external":
            need(broker_kind)
            broker = await stack.enter_async_context(start_broker(directory=tmp_path, prefer=broker_kind))
        address = parse_address(broker.url if broker is not None else EXTERNAL_BROKER or "")
        yield RealLab(kind, address, stack, broker)


@pytest.fixture
def top() -> str:
    """Return a first topic level, and suffix for client ids, that no other test uses."""
    return f"t{secrets.token_hex(4)}"
