"""One connection to a broker: what the MQTT libraries and the memory broker have in common.

A link is used once. What belongs to a connection dies with it: publishes that the broker has not acknowledged fail,
deliveries not taken yet are dropped, and acknowledgements do nothing any more, because after a reconnect the broker
uses the same packet ids for other messages.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from broker_bridge.transport.base import RECEIVE_WINDOW, ConnectionLostError, Delivery, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from broker_bridge.transport.base import ClientOptions
    from broker_bridge.transport.inbox import Inbox

CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 5.0
_SUBSCRIBE_REFUSED = 0x80

OPEN_WINDOWS_MAX = 2
ANSWERING_OPEN_MAX = 8 * RECEIVE_WINDOW
"""The broker's answer to our own publish comes behind the deliveries that it has already sent, which can be its whole
window. Were reading paused then too, a consumer that publishes before it acknowledges would wait for ever."""
_LOOP_TURNS = 4

_REFUSALS = {
    1: "The broker does not speak MQTT 3.1.1",
    2: "The broker refuses the client id {client_id!r}",
    4: "The broker refuses this user or password: check the user and the password of --broker",
    5: "The broker refuses this user: check the user and the password of --broker",
}


async def turn() -> None:
    """Let callbacks and tasks run that are ready, and those that they make ready: a chain of at most four."""
    for _ in range(_LOOP_TURNS):
        await asyncio.sleep(0)


def refusal(code: int, client_id: str) -> ConnectionLostError | RefusedError:
    """Return the error for a CONNACK's return code: only those that will not change are a RefusedError."""
    if code in _REFUSALS:
        return RefusedError(_REFUSALS[code].format(client_id=client_id))
    return ConnectionLostError(f"The broker is not ready for connections (CONNACK {code})")


class _Ack:
    """Acknowledges one delivery once, and only on the connection it came by."""

    __slots__ = ("_acknowledge", "_link")

    def __init__(self, link: Link, acknowledge: Callable[[], None]) -> None:
        self._link: Link | None = link
        self._acknowledge = acknowledge

    def __call__(self) -> None:
        link, self._link = self._link, None
        if link is not None and not link.lost.is_set():
            self._acknowledge()
            link.closed_delivery()


class Link(ABC):
    """A connection. Subclasses speak with a library and report what it says through the methods below."""

    def __init__(self, options: ClientOptions, inbox: Inbox) -> None:
        self.lost = asyncio.Event()
        self.granted: set[str] = set()
        self._options = options
        self._inbox = inbox
        self._window = asyncio.Semaphore(options.publish_window)
        self._publishes: dict[int, asyncio.Future[None]] = {}
        self._subscribes: dict[int, asyncio.Future[Sequence[int]]] = {}
        self._open = 0
        self._room = OPEN_WINDOWS_MAX * options.receive_window
        self._paused = False

    @abstractmethod
    async def open(self) -> None:
        """Connect and wait for the CONNACK; raises RefusedError, ConnectionLostError or OSError."""

    @abstractmethod
    async def close(self) -> None:
        """Send DISCONNECT where that is still possible and free everything; never raises, may be called twice."""

    @abstractmethod
    def abort(self) -> None:
        """Drop the connection without a DISCONNECT; `close` follows."""

    @abstractmethod
    def _publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """Hand a QoS 1 PUBLISH to the library and return its packet id."""

    @abstractmethod
    def _subscribe(self, filters: Sequence[str]) -> int:
        """Hand a QoS 1 SUBSCRIBE to the library and return its packet id."""

    @abstractmethod
    def _pause(self) -> None:
        """Stop reading from the socket."""

    @abstractmethod
    def _resume(self) -> None:
        """Read from the socket again."""

    async def subscribe(self, filters: Sequence[str]) -> None:
        """Subscribe and wait for the SUBACK; raises ConnectionLostError, RefusedError."""
        self._check()
        mid = self._subscribe(filters)
        future = self._subscribes[mid] = asyncio.get_running_loop().create_future()
        self._throttle()
        codes = await future
        for name, code in zip(filters, codes, strict=True):
            if code >= _SUBSCRIBE_REFUSED:
                raise RefusedError(f"The broker does not let this user subscribe to {name!r}: check its access rules")
        self.granted.update(filters)

    async def send(self, topic: str, payload: bytes, *, retain: bool) -> asyncio.Future[None]:
        """Publish once the window has a place; the future is done at the PUBACK."""
        await self._window.acquire()
        try:
            self._check()
            mid = self._publish(topic, payload, retain=retain)
        except BaseException:
            self._window.release()
            raise
        future = self._publishes[mid] = asyncio.get_running_loop().create_future()
        self._throttle()
        return future

    def closed_delivery(self) -> None:
        """Count an acknowledged delivery out."""
        self._open -= 1
        self._throttle()

    async def _unless_lost(self, opening: Coroutine[None, None, None]) -> None:
        """Await `opening`, or raise ConnectionLostError when the broker hangs up: both libraries wait on then."""
        connecting = asyncio.create_task(opening, name=f"connect {self._options.client_id}")
        lost = asyncio.create_task(self.lost.wait(), name=f"hung up {self._options.client_id}")
        try:
            await asyncio.wait({connecting, lost}, return_when=asyncio.FIRST_COMPLETED)
            await turn()  # a refusal and the end of its connection come together: let the refusal be heard
            if not connecting.done():
                raise ConnectionLostError
            connecting.result()
        finally:
            connecting.cancel()
            lost.cancel()
            await asyncio.wait({connecting, lost})
            if not connecting.cancelled():
                connecting.exception()

    def _check(self) -> None:
        if self.lost.is_set():
            raise ConnectionLostError

    @property
    def _open_max(self) -> int:
        return max(self._room, ANSWERING_OPEN_MAX) if self._publishes or self._subscribes else self._room

    def _throttle(self) -> None:
        if not self._paused and self._open < self._room:
            return  # as for nearly every message
        if self._paused:
            if self._open <= self._options.receive_window or (
                self._open < self._open_max and bool(self._publishes or self._subscribes)
            ):
                self._paused = False
                self._resume()
        elif self._open >= self._open_max:
            self._paused = True
            self._pause()

    def _on_delivery(self, topic: str, payload: bytes, *, retained: bool, acknowledge: Callable[[], None]) -> None:
        if not self.lost.is_set():
            self._open += 1
            self._inbox.put(Delivery(topic, payload, retained, _Ack(self, acknowledge)))
            self._throttle()

    def _on_puback(self, mid: int) -> None:
        future = self._publishes.pop(mid, None)
        if future is None:
            return
        self._window.release()
        if not future.done():
            future.set_result(None)
        self._throttle()

    def _on_suback(self, mid: int, codes: Sequence[int]) -> None:
        future = self._subscribes.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(codes)

    def _on_lost(self) -> None:
        if self.lost.is_set():
            return
        self.lost.set()
        self._inbox.clear()
        answers: list[asyncio.Future[Any]] = [*self._publishes.values(), *self._subscribes.values()]
        for future in answers:
            if not future.done():
                future.set_exception(ConnectionLostError())
                future.exception()  # marks it as seen: whoever sends and forgets wants no traceback
        for _ in self._publishes:
            self._window.release()
        self._publishes.clear()
        self._subscribes.clear()
