"""The transport that heals itself, over any link: connects, subscribes again, calls `on_connect`, and once more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from random import Random
from typing import TYPE_CHECKING, Self

from broker_bridge.transport.backoff import CAP_S, delay_s
from broker_bridge.transport.base import ConnectionLostError, RefusedError, TransportError
from broker_bridge.transport.inbox import Inbox
from broker_bridge.transport.link import CONNECT_TIMEOUT_S
from broker_bridge.wire.errors import BaybrokerError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from broker_bridge.transport.base import ClientOptions, Delivery, OnConnect
    from broker_bridge.transport.link import Link

TAKEN_AWAY_TOLD = 3
_logger = logging.getLogger(__name__)


class ReconnectingTransport(ABC):
    """What every transport shares. `rng` draws the jitter of the backoff."""

    def __init__(
        self,
        where: str,
        options: ClientOptions,
        *,
        on_connect: OnConnect | None = None,
        rng: Random | None = None,
    ) -> None:
        self.connections = 0
        self._where = where
        self._options = options
        self._on_connect = on_connect
        self._rng = rng or Random()  # noqa: S311 - jitter is no secret
        self._inbox = Inbox()
        self._filters: dict[str, None] = {}
        self._link: Link | None = None
        self._settled = asyncio.Event()
        self._error: BaybrokerError | None = None
        self._task: asyncio.Task[None] | None = None
        self._reachable: bool | None = None

    @abstractmethod
    def _new_link(self) -> Link:
        """Return a link that was never opened."""

    async def __aenter__(self) -> Self:
        """Start connecting in the background."""
        self._task = asyncio.create_task(self._run(), name=f"transport {self._options.client_id}")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect cleanly and wait until nothing of the transport runs any more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._stop(ConnectionLostError("The connection to the broker was closed"))

    async def abort(self) -> None:
        """Disconnect as by a power cut, so that the broker publishes the will, and stay away."""
        if self._link is not None:
            self._link.abort()
        await self.__aexit__(None, None, None)

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection and it is not known to be lost."""
        return self._link is not None and not self._link.lost.is_set()

    @property
    def waiting(self) -> int:
        """How many deliveries wait to be taken."""
        return len(self._inbox)

    async def wait_connected(self) -> None:
        """Return once connected and subscribed; raises what stopped the transport, such as RefusedError."""
        while not self.connected:
            if self._error is not None:
                raise self._error
            self._settled.clear()
            await self._settled.wait()

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe at QoS 1 now and after every reconnect; raises RefusedError where the broker denies it."""
        self._filters.update(dict.fromkeys(filters))
        while True:
            await self.wait_connected()
            link = self._current()
            missing = [name for name in filters if name not in link.granted]
            if not missing:
                return
            try:
                await link.subscribe(missing)
            except ConnectionLostError:
                continue
            except RefusedError:
                for name in missing:
                    self._filters.pop(name, None)
                raise

    async def send(self, topic: str, payload: bytes, *, retain: bool = False) -> asyncio.Future[None]:
        """Publish at QoS 1 and return a future that is done when the broker acknowledges."""
        return await self._current().send(topic, payload, retain=retain)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1 and return when the broker has acknowledged; raises ConnectionLostError."""
        await (await self._current().send(topic, payload, retain=retain))

    async def receive(self, limit: int) -> list[Delivery]:
        """Wait for deliveries and return between 1 and `limit` of them; raises what stopped the transport."""
        return await self._inbox.take(limit)

    def _current(self) -> Link:
        if self._link is None or self._link.lost.is_set():
            raise ConnectionLostError
        return self._link

    def _stop(self, error: BaybrokerError) -> None:
        self._error = self._error or error
        self._inbox.stop(self._error)
        self._settled.set()

    async def _run(self) -> None:
        try:
            await self._keep_connected()
        except BaybrokerError as error:
            self._stop(error)
        except Exception as error:
            _logger.exception("%s: the transport stops", self._where)
            stopped = TransportError(f"The transport stopped: {type(error).__name__}: {error}")
            stopped.__cause__ = error
            self._stop(stopped)

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        failures = taken_away = 0
        while True:
            began_at, before = loop.time(), self.connections
            await self._connect_once()
            # A connection that is taken away at once (two programs with one client id) must not be asked for at once.
            lasted = loop.time() - began_at > CAP_S
            failures = 0 if lasted else failures + 1
            taken_away = 0 if lasted else taken_away + self.connections - before
            if taken_away == TAKEN_AWAY_TOLD:
                _logger.warning(
                    "%s: %s took the connection away %d times in a row: is another program connected under that name?",
                    self._options.client_id,
                    self._where,
                    taken_away,
                )
            await asyncio.sleep(delay_s(max(0, failures - 1), self._rng))

    async def _connect_once(self) -> None:
        link = self._new_link()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await link.open()
            if self._filters:
                await link.subscribe(list(self._filters))
            self._link = link
            self.connections += 1
            self._tell(reachable=True)
            self._settled.set()
            await self._serve(link)
        except (ConnectionLostError, OSError) as error:
            self._tell(reachable=False, error=error)
        finally:
            self._link = None
            await link.close()
            self._inbox.clear()

    async def _serve(self, link: Link) -> None:
        """Run `on_connect` and wait until the connection is lost, which raises ConnectionLostError."""
        lost = asyncio.create_task(link.lost.wait(), name=f"lost {self._options.client_id}")
        greeting = asyncio.create_task(self._greet(), name=f"on_connect {self._options.client_id}")
        try:
            await asyncio.wait({lost, greeting}, return_when=asyncio.FIRST_COMPLETED)
            if greeting.done():
                greeting.result()
                await lost
        finally:
            for task in (lost, greeting):
                task.cancel()
            await asyncio.wait({lost, greeting})
            if not greeting.cancelled():
                greeting.exception()  # an error beside the loss of the connection is an effect of it
        raise ConnectionLostError

    async def _greet(self) -> None:
        if self._on_connect is not None:
            with contextlib.suppress(ConnectionLostError):
                await self._on_connect(self)

    def _tell(self, *, reachable: bool, error: Exception | None = None) -> None:
        """Log a change of state once, not each attempt."""
        if reachable == self._reachable:
            return
        if reachable:
            _logger.info("%s: connected to %s", self._options.client_id, self._where)
        elif self._reachable:
            _logger.warning("%s: lost %s, connecting again", self._options.client_id, self._where)
        else:
            reason = str(error) or type(error).__name__
            _logger.warning("%s: cannot reach %s (%s), trying again", self._options.client_id, self._where, reason)
        self._reachable = reachable
