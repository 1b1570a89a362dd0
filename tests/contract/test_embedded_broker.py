"""The broker that a program starts for itself."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest
from brokers import need

from broker_bridge.transport import embedded
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.base import ClientOptions, ConnectionLostError, TransportError
from broker_bridge.transport.embedded import EmbeddedBroker, start_broker
from broker_bridge.transport.factory import create_transport
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from broker_bridge.transport.embedded import BrokerKind

WAIT_S = 15.0
BROKERS = pytest.mark.parametrize("kind", ["mosquitto", "nats"])


async def set_retained(broker: EmbeddedBroker, payload: bytes) -> None:
    async with create_transport("gmqtt", parse_address(broker.url), ClientOptions("setter")) as client:
        await client.wait_connected()
        await client.publish("kept", payload, retain=True)


async def get_retained(broker: EmbeddedBroker) -> bytes:
    """Return the retained payload, or `nothing`."""
    address = parse_address(broker.url)
    async with create_transport("gmqtt", address, ClientOptions("getter")) as client, asyncio.timeout(WAIT_S):
        await client.subscribe(["kept"])
        await client.publish("kept", b"nothing")
        (first, *_) = await client.receive(1)
        return first.payload


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@BROKERS
async def test_it_runs_apart_from_the_terminal_and_ends_with_the_block(tmp_path: Path, kind: BrokerKind) -> None:
    need(kind)
    async with start_broker(directory=tmp_path, prefer=kind) as broker:
        assert broker.kind == kind
        assert broker.url == f"mqtt://127.0.0.1:{broker.port}"
        assert broker.log_path.exists()
        pid = broker.pid
        assert pid is not None
        assert os.getsid(pid) == pid, "Ctrl-C in the terminal does not reach it"
    assert not alive(pid)
    assert broker.pid is None


@BROKERS
@pytest.mark.parametrize("persistent", [False, True])
async def test_restart_keeps_the_port_and_what_it_should(tmp_path: Path, kind: BrokerKind, *, persistent: bool) -> None:
    need(kind)
    async with start_broker(directory=tmp_path, prefer=kind, persistent=persistent) as broker:
        port, pid = broker.port, broker.pid
        await set_retained(broker, b"before")
        await broker.restart()
        assert broker.port == port
        assert broker.pid != pid
        if persistent:
            async with asyncio.timeout(WAIT_S):
                while await get_retained(broker) != b"before":
                    """NATS answers a moment before it has read what it kept."""
        else:
            assert await get_retained(broker) == b"nothing"


@BROKERS
async def test_kill_is_a_crash(tmp_path: Path, kind: BrokerKind) -> None:
    need(kind)
    async with start_broker(directory=tmp_path, prefer=kind) as broker:
        pid = broker.pid
        assert pid is not None
        await broker.kill()
        assert not alive(pid)
        await broker.restart()
        assert await get_retained(broker) == b"nothing"


@BROKERS
async def test_a_broker_that_ignores_term_is_killed(
    tmp_path: Path, kind: BrokerKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(kind)
    monkeypatch.setattr(embedded, "STOP_TIMEOUT_S", 0.1)
    async with start_broker(directory=tmp_path, prefer=kind) as broker:
        pid = broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    assert not alive(pid)


@BROKERS
async def test_a_port_in_use_is_not_taken_for_ours(tmp_path: Path, kind: BrokerKind) -> None:
    need(kind)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    async with start_broker(directory=first, prefer=kind) as running:
        with pytest.raises(TransportError, match="does not start"):
            async with start_broker(directory=second, prefer=kind, port=running.port):
                pass
        await set_retained(running, b"untouched")


@BROKERS
async def test_a_free_port_taken_meanwhile_is_replaced(
    tmp_path: Path, kind: BrokerKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(kind)
    free_port = embedded._free_port
    with socket.create_server(("127.0.0.1", 0)) as other:
        ports = iter([other.getsockname()[1]])
        monkeypatch.setattr(embedded, "_free_port", lambda: next(ports, None) or free_port())
        async with start_broker(directory=tmp_path, prefer=kind) as broker:
            assert broker.port != other.getsockname()[1]
            await set_retained(broker, b"x")


async def test_a_bad_configuration_names_the_reason(tmp_path: Path) -> None:
    need("mosquitto")
    with pytest.raises(TransportError, match="no_such_setting"):
        async with start_broker(directory=tmp_path, prefer="mosquitto", port=1, settings="no_such_setting 1\n"):
            pass


async def test_the_fixtures_give_brokers_of_their_own(
    mosquitto: EmbeddedBroker, private_mosquitto: EmbeddedBroker, private_nats: EmbeddedBroker
) -> None:
    await set_retained(mosquitto, b"shared")
    assert await get_retained(private_mosquitto) == b"nothing"
    assert await get_retained(private_nats) == b"nothing"
    assert await get_retained(mosquitto) == b"shared"


async def test_no_broker_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_PROGRAMS", {})
    with pytest.raises(SettingsError, match="--broker"):
        async with start_broker(directory=tmp_path):
            pass


async def test_one_megabyte_is_refused_by_the_broker(tmp_path: Path) -> None:
    need("mosquitto")
    async with start_broker(directory=tmp_path, prefer="mosquitto") as broker:
        address = parse_address(broker.url)
        async with create_transport("gmqtt", address, ClientOptions("one")) as client, asyncio.timeout(WAIT_S):
            await client.wait_connected()
            with pytest.raises(ConnectionLostError):
                await client.publish("x", b"x" * 1_000_000)
            await client.wait_connected()
            await client.publish("x", b"and it goes on")
