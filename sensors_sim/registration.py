"""Entering bays in the allocator's register, as an operator does, until each message is answered."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from broker_bridge.wire import codec, topics
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.messages import BayRecord, OperatorReply, RegisterBays
from broker_bridge.wire.topics import TopicKind
from sensors_sim.engine.stage import base36

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensors_sim.links import Link

BAYS_A_MESSAGE = 50
ANSWER_WITHIN_S = 5.0


class Registration:
    """Registers bays over a link; `heard` takes the operator's replies."""

    def __init__(self, link: Link, city: str, operator: str) -> None:
        self._link = link
        self._topic = topics.build(TopicKind.OPERATOR_COMMAND, city, operator=operator)
        self._waiting: dict[str, asyncio.Future[OperatorReply]] = {}

    async def register(self, records: Sequence[BayRecord], start_ms: int) -> None:
        """Return once every bay is registered; raises SettingsError where the allocator refuses."""
        for number, bays in enumerate(_portions(list(records))):
            request_id = f"register-{base36(start_ms // 1000)}-{number}"
            reply = await self._ask(request_id, codec.encode(RegisterBays(request_id=request_id, bays=bays)))
            if reply.type == "rejected":
                raise SettingsError(f"the allocator does not register {bays[0].bay} and others: {reply.reason}")

    def heard(self, reply: OperatorReply) -> None:
        """Take a reply."""
        waiting = self._waiting.get(reply.request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    async def _ask(self, request_id: str, payload: bytes) -> OperatorReply:
        waiting: asyncio.Future[OperatorReply] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = waiting
        try:
            while not waiting.done():
                await self._link.put(self._topic, payload)
                await asyncio.wait({waiting}, timeout=ANSWER_WITHIN_S)
            return waiting.result()
        finally:
            del self._waiting[request_id]


def _portions(records: list[BayRecord]) -> list[list[BayRecord]]:
    """Split into lists that each fit into one message."""
    portions = [records[at : at + BAYS_A_MESSAGE] for at in range(0, len(records), BAYS_A_MESSAGE)]
    return [part for portion in portions for part in _fitting(portion)]


def _fitting(portion: list[BayRecord]) -> list[list[BayRecord]]:
    size = len(codec.encode(RegisterBays(request_id="x" * 64, bays=portion)))
    if size <= codec.PAYLOAD_BYTES_MAX:
        return [portion]
    half = len(portion) // 2
    return _fitting(portion[:half]) + _fitting(portion[half:])
