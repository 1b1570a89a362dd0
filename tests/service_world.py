"""An allocator service on a broker, with a client beside it that plays sensors, drivers and operators."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from typing import TYPE_CHECKING, Any, Self

from allocator.core import Settings
from allocator.service.service import AllocatorService
from allocator.service.settings import ServiceSettings
from broker_bridge.transport.base import ClientOptions, ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from allocator.domain.events import BaySpec
    from allocator.store.base import Store
    from broker_bridge.transport.base import Transport

CITY = "seoul"
ROOT = f"parking/v1/{CITY}"
WAIT_S = 20.0

Connect = "Callable[[ClientOptions, OnConnect | None], Transport]"


def service(store: Store, connect: Any, *specs: BaySpec, simulated: bool = False, **rules: Any) -> AllocatorService:
    """An allocator that is not started yet."""
    settings = ServiceSettings(
        city=CITY,
        version="test",
        holder="test",
        rules=Settings(**rules),
        simulated_clock=simulated,
        register=tuple(specs),
    )
    return AllocatorService(settings, store, connect)


@contextlib.asynccontextmanager
async def running(allocator: AllocatorService) -> AsyncIterator[AllocatorService]:
    """Run it until the block ends, then stop it cleanly; what it raises is raised here."""
    stop = asyncio.Event()
    task = asyncio.create_task(allocator.run(stop), name="allocator")
    serving = asyncio.create_task(allocator.serving.wait(), name="serving")
    await asyncio.wait({task, serving}, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    try:
        if not task.done():
            yield allocator
    finally:
        stop.set()
        await asyncio.wait_for(task, WAIT_S)


class Client:
    """Says anything on any topic, and keeps the newest of all it hears."""

    def __init__(self, connect: Any, name: str = "test-client") -> None:
        self._transport: Transport = connect(ClientOptions(client_id=name), None)
        self.heard: list[tuple[str, Any]] = []
        self._newest: dict[tuple[str, str | None], Any] = {}
        self._answers: dict[tuple[str, str], dict[str, Any]] = {}
        self._news = asyncio.Condition()
        self._numbers = itertools.count(1)
        self._seq = itertools.count(0)
        self.boot_id = time.time_ns() // 1_000_000 - 1000

    @property
    def connected(self) -> bool:
        return self._transport.connected

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        await self._transport.wait_connected()
        await self._transport.subscribe([f"{ROOT}/{part}/#" for part in ("bays", "zones", "drivers", "residents")])
        await self._transport.subscribe([f"{ROOT}/operators/+/reply", f"{ROOT}/allocator/#"])
        self._task = asyncio.create_task(self._listen(), name="client")
        return self

    async def __aexit__(self, *error: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._transport.__aexit__(None, None, None)

    async def _listen(self) -> None:
        while True:
            for delivery in await self._transport.receive(1000):
                delivery.ack()
                with contextlib.suppress(ValueError):
                    self._hear(delivery.topic.removeprefix(f"{ROOT}/"), json.loads(delivery.payload))
            async with self._news:
                self._news.notify_all()

    def _hear(self, topic: str, said: Any) -> None:
        self.heard.append((topic, said))
        self._newest[topic, None] = said
        if isinstance(said, dict):
            self._newest[topic, said.get("type")] = said
            if "request_id" in said:
                self._answers.setdefault((topic, said["request_id"]), said)

    def forget(self) -> None:
        """Hear anew."""
        for heard in (self.heard, self._newest, self._answers):
            heard.clear()

    async def until(self, found: Callable[[], Any], wait_s: float = WAIT_S) -> Any:
        """Wait until `found` returns something, looked at with each message that comes."""
        async with asyncio.timeout(wait_s), self._news:
            await self._news.wait_for(lambda: bool(found()))
        return found()

    async def say(self, topic: str, message: dict[str, Any] | bytes, *, retain: bool = False) -> None:
        """Publish, once more if the connection is lost meanwhile."""
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        while True:
            with contextlib.suppress(ConnectionLostError):
                await self._transport.wait_connected()
                await self._transport.publish(f"{ROOT}/{topic}", payload, retain=retain)
                return

    async def sense(self, spec: BaySpec, status: str, **more: Any) -> None:
        message = {"boot_id": self.boot_id, "seq": next(self._seq), "observed_at": wall(), "status": status}
        topic = f"gateways/{spec.gateway}/bays/{spec.zone}/{spec.bay}/occupancy"
        await self.say(topic, message | more, retain=True)

    async def offer_all_day(self, *specs: BaySpec) -> None:
        for spec in specs:
            offer = {
                "type": "weekly", "request_id": f"offer-{spec.bay}", "bay": spec.bay, "rrule": "FREQ=DAILY",
                "start": "00:00", "end": "24:00",
            }  # fmt: skip
            await self.say(f"residents/{spec.resident}/offer", offer)
            await self.until(lambda spec=spec: self.last(f"residents/{spec.resident}/notice", "offer_accepted"))

    async def ask(self, driver: str, message: dict[str, Any]) -> dict[str, Any]:
        """Send a driver's message and return its answer."""
        request_id = message.setdefault("request_id", f"{driver}-{next(self._numbers)}")
        await self.say(f"drivers/{driver}/request", message)
        answer: dict[str, Any] = await self.until(lambda: self.answer(driver, request_id))
        return answer

    def answer(self, driver: str, request_id: str) -> dict[str, Any] | None:
        """The first reply to a request."""
        return self._answers.get((f"drivers/{driver}/reply", request_id))

    def last(self, topic: str, kind: str | None = None) -> dict[str, Any] | None:
        """The newest message on a topic, of a type if one is given."""
        found: dict[str, Any] | None = self._newest.get((topic, kind))
        return found

    def shows(self, spec: BaySpec) -> str | None:
        state = self.last(f"bays/{spec.zone}/{spec.bay}/state")
        return state["status"] if state else None


def wall(ahead_s: float = 0) -> str:
    """Now, as it is written on the wire."""
    at = time.time() + ahead_s
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"


def request(lead_s: float = 0, stay_min: int = 30, **more: Any) -> dict[str, Any]:
    """A request for a bay in the middle."""
    asked = {
        "type": "request", "vehicle_id": "car", "destination": {"lat": 37.4782, "lon": 126.9515},
        "arrive_at": wall(lead_s), "stay_min": stay_min, "max_walk_m": 300,
    }  # fmt: skip
    return asked | more
