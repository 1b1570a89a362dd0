"""Deliveries that wait to be taken. How many may wait is the link's business (see `Link`)."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broker_bridge.transport.base import Delivery
    from broker_bridge.wire.errors import BaybrokerError


class Inbox:
    """A queue that gives out in batches and can be stopped with an error for those who wait."""

    def __init__(self) -> None:
        self._waiting: deque[Delivery] = deque()
        self._filled = asyncio.Event()
        self._error: BaybrokerError | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, delivery: Delivery) -> None:
        """Append a delivery."""
        self._waiting.append(delivery)
        self._filled.set()

    def clear(self) -> None:
        """Drop what was not taken."""
        self._waiting.clear()

    def stop(self, error: BaybrokerError) -> None:
        """Drop what was not taken; `take` raises `error` from now on."""
        self._waiting.clear()
        self._error = error
        self._filled.set()

    async def take(self, limit: int) -> list[Delivery]:
        """Wait for deliveries and return 1 to `limit` of them, oldest first; raises what `stop` was given."""
        while not self._waiting:
            if self._error is not None:
                raise self._error
            self._filled.clear()
            await self._filled.wait()
        return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
