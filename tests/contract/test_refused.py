"""Credentials and TLS, which need a broker set up for them."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, get_args

import pytest
from brokers import need

from broker_bridge.transport.address import parse_address
from broker_bridge.transport.base import ClientOptions, RefusedError
from broker_bridge.transport.embedded import start_broker
from broker_bridge.transport.factory import TransportKind, create_transport

if TYPE_CHECKING:
    from pathlib import Path

    from broker_bridge.transport.embedded import BrokerKind

KINDS = get_args(TransportKind)
WAIT_S = 15.0


def with_password(directory: Path, kind: BrokerKind) -> str:
    if kind == "nats":
        return 'authorization { user: "ann", password: "right" }\n'
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("mosquitto_passwd is not installed")
    path = directory / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", path, "ann", "right"], check=True)
    return f"allow_anonymous false\npassword_file {path}\n"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("broker_kind", ["mosquitto", "nats"])
async def test_refused_credentials(tmp_path: Path, kind: TransportKind, broker_kind: BrokerKind) -> None:
    need(broker_kind)
    settings = with_password(tmp_path, broker_kind)
    async with start_broker(directory=tmp_path, prefer=broker_kind, settings=settings) as broker:
        for user in ("ann:wrong@", ""):
            address = parse_address(f"mqtt://{user}127.0.0.1:{broker.port}")
            async with create_transport(kind, address, ClientOptions("one")) as client, asyncio.timeout(WAIT_S):
                with pytest.raises(RefusedError, match="check the user and the password"):
                    await client.wait_connected()
                with pytest.raises(RefusedError):
                    await client.receive(1)
                with pytest.raises(RefusedError):
                    await client.subscribe(["x"])
        address = parse_address(f"mqtt://ann:right@127.0.0.1:{broker.port}")
        async with create_transport(kind, address, ClientOptions("one")) as client, asyncio.timeout(WAIT_S):
            await client.wait_connected()
            await client.publish("x", b"")


@pytest.mark.parametrize("kind", KINDS)
async def test_refused_subscription(tmp_path: Path, kind: TransportKind) -> None:
    need("nats")  # Mosquitto's access rules grant every subscription and deliver nothing
    rules = 'permissions { subscribe: { deny: "secret.>" } }'
    settings = f'authorization {{ users: [{{ user: "ann", password: "right", {rules} }}] }}\n'
    async with start_broker(directory=tmp_path, prefer="nats", settings=settings) as broker:
        address = parse_address(f"mqtt://ann:right@127.0.0.1:{broker.port}")
        async with create_transport(kind, address, ClientOptions("one")) as client, asyncio.timeout(WAIT_S):
            await client.subscribe(["open/#"])
            with pytest.raises(RefusedError, match="'secret/#'"):
                await client.subscribe(["secret/#"])
            await client.subscribe(["open/more"])


@pytest.mark.parametrize("kind", KINDS)
async def test_tls(tmp_path: Path, kind: TransportKind, monkeypatch: pytest.MonkeyPatch) -> None:
    need("mosquitto")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = ["openssl", *request.split(), "-keyout", key, "-out", certificate]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = f"listener {port} localhost\ncertfile {certificate}\nkeyfile {key}\n"
    async with start_broker(directory=tmp_path, prefer="mosquitto", settings=settings):
        address = parse_address(f"mqtts://localhost:{port}")
        options = ClientOptions("one", receive_window=10)
        async with create_transport(kind, address, options) as client, asyncio.timeout(WAIT_S):
            await client.wait_connected()
            await client.subscribe(["x"])
            sent = [b"%d" % number for number in range(500)]
            publishing = asyncio.gather(*[await client.send("x", payload) for payload in sent])
            seen: list[bytes] = []
            while len(seen) < len(sent):
                for delivery in await client.receive(1000):
                    seen.append(delivery.payload)
                    delivery.ack()
            await publishing
            assert seen == sent
