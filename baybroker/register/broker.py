"""The register over MQTT: an operator's commands, and the bays that were heard and are not registered."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from broker_bridge.transport.base import ConnectionLostError, TransportError
from broker_bridge.wire import codec, topics
from broker_bridge.wire.errors import BadMessageError, SettingsError
from broker_bridge.wire.messages import BayRecord, OperatorReply, RegisterBays, RetireBay
from broker_bridge.wire.times import format_rfc3339
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from broker_bridge.transport.base import Transport

ANSWER_WITHIN_S = 10.0
QUIET_S = 1.0
LISTEN_S = 15.0
UNREGISTERED_MAX = 200_000
BAYS_A_MESSAGE = 30
"""Thirty of the longest possible records stay below the 16 KiB of a message."""


async def unregistered(transport: Transport, city: str, known: set[str]) -> list[dict[str, Any]]:
    """Return the bays that the broker holds an occupancy of and that are not `known`."""
    found: dict[str, dict[str, Any]] = {}
    await transport.subscribe([topics.subscription(TopicKind.OCCUPANCY, city)])
    until = time.monotonic() + LISTEN_S
    while time.monotonic() < until and len(found) < UNREGISTERED_MAX:
        try:
            async with asyncio.timeout(QUIET_S):
                deliveries = await transport.receive(1000)
        except TimeoutError:
            break
        for delivery in deliveries:
            delivery.ack()
            try:
                topic = topics.parse(delivery.topic)
                said = codec.decode(topic.kind, delivery.payload)
            except BadMessageError:
                continue
            if topic.names["bay"] not in known:
                place = {name: topic.names[name] for name in ("bay", "zone", "gateway")}
                at = format_rfc3339(said.observed_at)
                found[delivery.topic] = place | {"occupancy": said.status, "observed_at": at}
    return sorted(found.values(), key=lambda row: (row["zone"], row["bay"]))


class Operator:
    """Gives an operator's commands over a connected transport, each waited for until it is committed."""

    def __init__(self, transport: Transport, city: str, operator: str) -> None:
        self._transport, self._operator = transport, operator
        self._command = topics.build(TopicKind.OPERATOR_COMMAND, city, operator=operator)
        self._reply = topics.build(TopicKind.OPERATOR_REPLY, city, operator=operator)
        self._run = f"cli-{time.time_ns() // 1_000_000}"

    async def add(self, records: Sequence[BayRecord]) -> AsyncIterator[int]:
        """Register the bays and yield how many are, message by message; raises SettingsError, TransportError."""
        for at in range(0, len(records), BAYS_A_MESSAGE):
            bays = list(records[at : at + BAYS_A_MESSAGE])
            await self._ask(RegisterBays(request_id=f"{self._run}-{at}", bays=bays))
            yield at + len(bays)

    async def retire(self, bay: str) -> OperatorReply:
        """Take a bay out of the register; raises SettingsError where the allocator refuses."""
        return await self._ask(RetireBay(request_id=f"{self._run}-retire", bay=bay))

    async def _ask(self, command: RegisterBays | RetireBay) -> OperatorReply:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                reply = await self._answer(command)
        except TimeoutError:
            raise TransportError(
                f"no answer on {self._reply} within {ANSWER_WITHIN_S:.0f} s: "
                f"is `baybroker allocate` running for this --city, and may {self._operator} command it?"
            ) from None
        if reply.type == "rejected":
            raise SettingsError(f"the allocator refuses: {reply.reason or 'no reason given'}")
        return reply

    async def _answer(self, command: RegisterBays | RetireBay) -> OperatorReply:
        """Send until it is sent: one `request_id` has one effect, so that once more does no harm."""
        await self._transport.subscribe([self._reply])
        while True:
            try:
                await self._transport.wait_connected()
                await self._transport.publish(self._command, codec.encode(command))
                break
            except ConnectionLostError:
                continue
        while True:
            for delivery in await self._transport.receive(100):
                delivery.ack()
                reply = codec.decode(TopicKind.OPERATOR_REPLY, delivery.payload)
                if isinstance(reply, OperatorReply) and reply.request_id == command.request_id:
                    return reply
