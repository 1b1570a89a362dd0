"""The reconnect loop, over links that fail as told."""

from __future__ import annotations

import asyncio
import logging
from random import Random
from typing import TYPE_CHECKING

import pytest

from broker_bridge.transport.base import ClientOptions, ConnectionLostError, RefusedError
from broker_bridge.transport.link import Link, refusal
from broker_bridge.transport.reconnecting import ReconnectingTransport

if TYPE_CHECKING:
    from collections.abc import Sequence

WAIT_S = 10.0
OPTIONS = ClientOptions("one")


class Ceilings(Random):
    """Notes the upper ends that are asked for, and draws no wait at all."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []

    def uniform(self, a: float, b: float) -> float:
        self.asked.append(b)
        return a


class ScriptedLink(Link):
    error: Exception | None = None
    closed = False

    async def open(self) -> None:
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        self.closed = True
        self._on_lost()

    def lose(self) -> None:
        self._on_lost()

    def abort(self) -> None:
        raise NotImplementedError

    def _publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        raise NotImplementedError

    def _subscribe(self, filters: Sequence[str]) -> int:
        raise NotImplementedError

    def _pause(self) -> None: ...

    def _resume(self) -> None: ...


class Scripted(ReconnectingTransport):
    """Opens links with these outcomes, then succeeds."""

    def __init__(self, outcomes: list[Exception | None], rng: Random) -> None:
        super().__init__("nowhere", OPTIONS, rng=rng)
        self.links: list[ScriptedLink] = []
        self._outcomes = outcomes

    def _new_link(self) -> Link:
        link = ScriptedLink(self._options, self._inbox)
        link.error = self._outcomes.pop(0) if self._outcomes else None
        self.links.append(link)
        return link


async def test_the_wait_grows_and_each_change_of_state_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    rng = Ceilings()
    outcomes = [OSError("no route"), TimeoutError(), ConnectionLostError("hung up"), OSError("no route"), None]
    async with Scripted(outcomes, rng) as transport, asyncio.timeout(WAIT_S):
        await transport.wait_connected()
        assert rng.asked == [0.25, 0.5, 1.0, 2.0]
        assert transport.connections == 1
        assert [link.closed for link in transport.links] == [True] * 4 + [False]
        transport.links[-1].lose()
        assert not transport.connected
        await transport.wait_connected()
        assert transport.connections == 2
        assert rng.asked[4:] == [4.0], "a connection lost at once does not start the backoff anew"
    assert [record.getMessage() for record in caplog.records] == [
        "one: cannot reach nowhere (no route), trying again",
        "one: connected to nowhere",
        "one: lost nowhere, connecting again",
        "one: connected to nowhere",
    ]


async def test_a_connection_that_is_taken_away_again_and_again_is_told_with_the_likely_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with Scripted([], Ceilings()) as transport, asyncio.timeout(WAIT_S):
        for _ in range(5):
            await transport.wait_connected()
            transport.links[-1].lose()
        await transport.wait_connected()
    (told,) = (message for message in caplog.messages if "another program" in message)
    assert told.startswith("one: nowhere took the connection away 3 times in a row")


async def test_a_refusal_ends_the_attempts() -> None:
    async with Scripted([OSError(), RefusedError()], Ceilings()) as transport, asyncio.timeout(WAIT_S):
        with pytest.raises(RefusedError):
            await transport.receive(1)
        with pytest.raises(RefusedError):
            await transport.wait_connected()
        assert len(transport.links) == 2
        assert all(link.closed for link in transport.links)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(1, RefusedError), (2, RefusedError), (3, ConnectionLostError), (4, RefusedError), (5, RefusedError)],
)
def test_only_what_will_not_change_is_a_refusal(code: int, kind: type[Exception]) -> None:
    assert type(refusal(code, "one")) is kind
