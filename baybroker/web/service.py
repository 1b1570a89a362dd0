"""The server as a service: the broker's link, the stream's hub and uvicorn, from start to clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from typing import TYPE_CHECKING, Any

import uvicorn

from baybroker.web.app import create_app
from baybroker.web.database import Database
from baybroker.web.hub import Hub
from baybroker.web.limits import RateLimit
from baybroker.web.link import Link
from baybroker.web.mirror import Mirror
from baybroker.web.services import Services
from baybroker.web.tokens import TokenFile, Tokens
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from baybroker.web.settings import WebSettings
    from broker_bridge.transport.base import ClientOptions, OnConnect, Transport

STOP_GRACE_S = 5
PORTS_TRIED = 50
BACKLOG = 512
log = logging.getLogger("baybroker.web")


class _Server(uvicorn.Server):
    """A uvicorn that leaves the signals to the command line."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class WebService:
    """One server on one address; several may stand beside each other on one database and broker."""

    def __init__(
        self,
        settings: WebSettings,
        connect: Callable[[ClientOptions, OnConnect | None], Transport],
    ) -> None:
        mirror, database = Mirror(), Database(settings.database)
        link, hub = Link(settings.city, mirror, connect), Hub(settings.city, database, mirror)
        link.on_told = hub.tell
        self.parts = Services(
            settings=settings,
            database=database,
            mirror=mirror,
            link=link,
            hub=hub,
            tokens=Tokens(TokenFile(settings.tokens)),
            rate=RateLimit(settings.rate_per_s),
        )
        self.app = create_app(self.parts)
        self.serving = asyncio.Event()
        """Set once it has seen the database and has subscribed at the broker."""
        self.listening = asyncio.Event()
        """Set once requests are answered, at `url`."""
        self.url = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`; raises SettingsError, and what stopped it, such as RefusedError."""
        with listen(self.parts.settings) as bound:
            self.url = _url_of(bound)
            await self._serve(bound, stop)

    async def _serve(self, bound: socket.socket, stop: asyncio.Event) -> None:
        config = uvicorn.Config(self.app, log_config=None, access_log=False, timeout_graceful_shutdown=STOP_GRACE_S)
        server = _Server(config)
        work = [
            asyncio.create_task(self.parts.link.run(), name="web-link"),
            asyncio.create_task(self.parts.hub.run(), name="web-hub"),
            asyncio.create_task(server.serve([bound]), name="web-server"),
            asyncio.create_task(self._tell_ready(), name="web-ready"),
        ]
        stopping = asyncio.create_task(stop.wait(), name="web-stop")
        self.listening.set()
        try:
            await first_done(stopping, *work[:3])
        finally:
            self.parts.hub.close()
            server.should_exit = True
            await asyncio.wait({work[2]})
            for task in (*work, stopping):
                task.cancel()
            await asyncio.gather(*work, stopping, return_exceptions=True)
            await self.parts.database.close()

    async def _tell_ready(self) -> None:
        await self.parts.link.subscribed.wait()
        await self.parts.hub.begun.wait()
        self.serving.set()


async def first_done(*tasks: asyncio.Task[Any]) -> None:
    """Return when the first is done; raises what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


def _url_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def listen(settings: WebSettings) -> socket.socket:
    """Return a socket on the port, or on a free one after it where it may differ; raises SettingsError."""
    for port in range(settings.port, settings.port + (PORTS_TRIED if settings.port_may_differ else 1)):
        try:
            family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
            return socket.create_server((settings.host, port), family=family, backlog=BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise SettingsError(f"cannot listen on {settings.host}:{port}: {error.strerror}") from None
    raise SettingsError(f"port {settings.port} of {settings.host} is taken: name another --port")
