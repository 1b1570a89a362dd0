"""Small worlds, and a stand-in for the allocator that answers by the wire contract alone."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from typing import TYPE_CHECKING, Any, Self

from broker_bridge.transport.base import ClientOptions, ConnectionLostError
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import AllocatorStatus, Clock, DriverReply, OperatorReply, ResidentNotice
from broker_bridge.wire.topics import Topic, TopicKind
from sensors_sim.city import build_city
from sensors_sim.engine.chance import streams
from sensors_sim.engine.world import World
from sensors_sim.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sensors_sim.engine.world import Outgoing

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WAIT_S = 20.0
NOBODY_HOME = {
    "residents": {"early_return_share": 0},
    "offers": {"weekly_share": 1, "windows": [{"start": "00:00", "end": "24:00", "rrule": "FREQ=DAILY"}]},
}
"""The parts of a scenario whose residents are away day and night."""
SPOT = {"lat": 37.4842, "lon": 126.9296, "spread_m": 30.0}


def scenario(bays: int = 12, **parts: Any) -> Scenario:
    """One zone with the given parts changed; Monday 2 March 2026, 09:00 in Seoul."""
    drivers = {"hot_spots": [SPOT], "pool": 20, "requests_per_hour": 0} | parts.pop("drivers", {})
    given = {
        "city": "tiny",
        "start": "2026-03-02T09:00:00",
        "zones": [{"name": "street", "lat": 37.4842, "lon": 126.9296, "bays": bays, "streets": 1}],
        "bays_per_gateway": 6,
        "drivers": drivers,
        "squatters": {"per_bay_day": 0},
        "sensors": {"duplicate_share": 0, "late_share": 0, "offline_per_day": 0},
    }
    return Scenario.model_validate(given | parts)


def world(rules: Scenario | None = None, seed: int = 1, **more: Any) -> World:
    rules = rules or scenario()
    return World(build_city(rules, streams(seed).city), rules, seed, **more)


def wire(said: Iterable[Outgoing]) -> list[tuple[int, str, bytes]]:
    """What goes over the wire, and when."""
    return [(one.at_ms, topics.build(one.kind, "tiny", **one.names), codec.encode(one.message)) for one in said]


def digest(said: Iterable[Outgoing]) -> str:
    return hashlib.sha256(repr(wire(said)).encode()).hexdigest()


def of_kind(said: Iterable[Outgoing], kind: TopicKind) -> list[Any]:
    return [one.message for one in said if one.kind is kind]


def reply(to: World, driver: str, kind: str, request_id: str, position: int, **more: Any) -> None:
    """Have the world hear a reply, as of its own time."""
    message = DriverReply(type=kind, request_id=request_id, position=position, **more)
    to.receive(to.now_ms, Topic(TopicKind.DRIVER_REPLY, "tiny", {"driver": driver}), message)


class StandIn:
    """Answers as an allocator would that accepts everything: gives each request the next of its `bays`.

    While `committing` is False it takes ticks without committing them. `heard` keeps everything, in order.
    """

    def __init__(self, connect: Any, city: str = "tiny", bays: tuple[str, ...] = ()) -> None:
        self._transport = connect(ClientOptions(client_id=f"stand-in-{city}"), self._again)
        self.city, self.bays = city, list(bays)
        self.committing = True
        self.run_id: str | None = None
        self.tick_no: int | None = None
        self.now: int | None = None
        self.heard: list[tuple[Topic, Any]] = []
        self._position = 0
        self._news = asyncio.Condition()
        self._live: dict[str, tuple[str, str]] = {}

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        await self._transport.wait_connected()
        await self._transport.subscribe(
            [f"parking/v1/{self.city}/{part}" for part in ("gateways/#", "drivers/+/request", "clock")]
        )
        await self._transport.subscribe(
            [f"parking/v1/{self.city}/{part}" for part in ("residents/+/offer", "operators/+/command")]
        )
        self._task = asyncio.create_task(self._serve(), name="stand-in")
        return self

    async def __aexit__(self, *error: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()
        await self._transport.__aexit__(None, None, None)

    def messages(self, kind: TopicKind) -> list[Any]:
        return [message for topic, message in self.heard if topic.kind is kind]

    async def until(self, found: Any) -> Any:
        """Wait until `found()` is true, looked at with each message that comes."""
        async with asyncio.timeout(WAIT_S), self._news:
            await self._news.wait_for(lambda: bool(found()))
        return found()

    async def tell_status(self, *, online: bool = True) -> None:
        status = AllocatorStatus(
            online=online, version="0", started_at=0, run_id=self.run_id, tick_no=self.tick_no, now=self.now
        )
        await self.say(TopicKind.ALLOCATOR_STATUS, status, retain=True)

    async def say(self, kind: TopicKind, message: Any, *, retain: bool = False, **names: str) -> None:
        topic = topics.build(kind, self.city, **names)
        with contextlib.suppress(ConnectionLostError):  # it is told again after the next connect, or asked for again
            await self._transport.send(topic, codec.encode(message), retain=retain)

    async def _again(self, _transport: Any) -> None:
        await self.tell_status()

    async def _serve(self) -> None:
        while True:
            for delivery in await self._transport.receive(1000):
                delivery.ack()
                topic = topics.parse(delivery.topic)
                message = codec.decode(topic.kind, delivery.payload)
                self.heard.append((topic, message))
                await self._answer(topic, message)
            async with self._news:
                self._news.notify_all()

    async def _answer(self, topic: Topic, message: Any) -> None:
        self._position += 1
        if isinstance(message, Clock):
            if self.committing:
                self.run_id, self.tick_no, self.now = message.run_id, message.tick_no, message.sim_time
                await self.tell_status()
        elif topic.kind is TopicKind.OPERATOR_COMMAND:
            done = OperatorReply(type="done", request_id=message.request_id, position=self._position)
            await self.say(TopicKind.OPERATOR_REPLY, done, operator=topic.names["operator"])
        elif topic.kind is TopicKind.RESIDENT_OFFER:
            notice = ResidentNotice(
                type="offer_accepted", bay=message.bay, request_id=message.request_id, position=self._position
            )
            await self.say(TopicKind.RESIDENT_NOTICE, notice, resident=topic.names["resident"])
        elif topic.kind is TopicKind.DRIVER_REQUEST:
            await self._serve_driver(topic.names["driver"], message)

    async def _serve_driver(self, driver: str, message: Any) -> None:
        if message.type == "request":
            number = len(self._live) + 1
            self._live[f"r-{number}"] = (message.request_id, self.bays[number % len(self.bays)])
            await self._reply(driver, "accepted", message.request_id, f"r-{number}")
            await self._reply(driver, "bound", message.request_id, f"r-{number}", bay=self._live[f"r-{number}"][1])
            return
        kind = {"arrive": "active", "leave": "completed", "cancel": "cancelled", "query": "state"}[message.type]
        await self._reply(driver, kind, message.request_id, message.reservation_id)

    async def _reply(self, driver: str, kind: str, request_id: str, reservation_id: str, **more: Any) -> None:
        self._position += 1
        said = DriverReply(
            type=kind, request_id=request_id, reservation_id=reservation_id, position=self._position, **more
        )
        await self.say(TopicKind.DRIVER_REPLY, said, driver=driver)
