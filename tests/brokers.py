"""Brokers for tests of every level. Import the fixtures into a `conftest.py`.

`BAYBROKER_TEST_BROKER=mqtt://host:port` adds a broker that is already running.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from broker_bridge.transport.embedded import EmbeddedBroker, find_program, start_broker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from broker_bridge.transport.embedded import BrokerKind

EXTERNAL_BROKER = os.environ.get("BAYBROKER_TEST_BROKER")

__all__ = ["EXTERNAL_BROKER", "EmbeddedBroker", "mosquitto", "need", "private_mosquitto", "private_nats"]


def need(kind: BrokerKind) -> None:
    """Skip the test where the broker is not installed."""
    if find_program(kind) is None:
        pytest.skip(f"{kind} is not installed")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedBroker]:
    """Share one Mosquitto among all tests of a process: use topics and client ids of your own."""
    need("mosquitto")
    async with start_broker(directory=tmp_path_factory.mktemp("mosquitto"), prefer="mosquitto") as broker:
        yield broker


@pytest.fixture
async def private_mosquitto(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    """Give the test a Mosquitto that it may kill."""
    need("mosquitto")
    async with start_broker(directory=tmp_path, prefer="mosquitto") as broker:
        yield broker


@pytest.fixture
async def private_nats(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    """Give the test a nats-server that it may kill."""
    need("nats")
    async with start_broker(directory=tmp_path, prefer="nats") as broker:
        yield broker
