"""Questions that are asked again, word for word and with the same request_id, until they are answered."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sensors_sim.engine.stage import FLEET
from sensors_sim.local_time import MINUTE_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from broker_bridge.wire.messages import Message
    from broker_bridge.wire.topics import TopicKind
    from sensors_sim.engine.stage import Stage

FIRST_WAIT_MS = 2 * MINUTE_MS
LONGEST_WAIT_MS = 32 * MINUTE_MS
TRIES_MAX = 50


class Asks:
    """The questions of drivers and residents that wait for an answer."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._open: dict[str, Callable[[int], object]] = {}

    def ask(self, now_ms: int, kind: TopicKind, names: Mapping[str, str], request_id: str, message: Message) -> None:
        """Ask, and ask again after 2, 4, ... 32 minutes, at most `TRIES_MAX` times."""
        say = partial(self._stage.say, sender=FLEET, kind=kind, names=names, message=message)
        self._open[request_id] = say
        self._say(now_ms, request_id, FIRST_WAIT_MS, TRIES_MAX)

    def answered(self, request_id: str | None) -> None:
        """Take note of an answer."""
        if request_id is not None:
            self._open.pop(request_id, None)

    def _say(self, now_ms: int, request_id: str, wait_ms: int, tries: int) -> None:
        say = self._open.get(request_id)
        if say is None:
            return
        if tries == 0:
            del self._open[request_id]
            self._stage.counts["unanswered"] += 1
            return
        say(now_ms)
        again = partial(self._say, request_id=request_id, wait_ms=min(2 * wait_ms, LONGEST_WAIT_MS), tries=tries - 1)
        self._stage.agenda.add(now_ms + wait_ms, again)
