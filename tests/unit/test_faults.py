"""The memory broker's fault plan, and what it does to deliveries."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random
from typing import Any

import pytest

from broker_bridge.transport.base import ClientOptions
from broker_bridge.transport.faults import Fate, FaultPlan
from broker_bridge.transport.memory import MemoryBroker, MemoryTransport

WAIT_S = 10.0


def test_no_faults_by_default() -> None:
    plan = FaultPlan(Random(1))
    assert {plan.draw() for _ in range(100)} == {Fate()}


def test_one_seed_one_plan() -> None:
    odds: dict[str, float] = {"drop": 0.1, "duplicate": 0.2, "delay": 0.3, "reorder": 0.4}
    one, same, other = (FaultPlan(Random(seed), **odds) for seed in (5, 5, 6))
    fates = [one.draw() for _ in range(200)]
    assert fates == [same.draw() for _ in range(200)]
    assert fates != [other.draw() for _ in range(200)]


def test_rates_are_what_was_asked_for() -> None:
    plan = FaultPlan(Random(3), drop=0.1, duplicate=0.2, delay=0.3, reorder=0.4, delay_s_max=2.0)
    fates = [plan.draw() for _ in range(20_000)]
    copies = Counter(fate.copies for fate in fates)
    assert copies[0] / len(fates) == pytest.approx(0.1, abs=0.01)
    assert copies[2] / len(fates) == pytest.approx(0.2 * 0.9, abs=0.01)
    late = [fate.delay_s for fate in fates if fate.delay_s]
    assert len(late) / len(fates) == pytest.approx(0.3, abs=0.01)
    assert 1.9 < max(late) <= 2.0
    assert sum(fate.overtaken for fate in fates) / len(fates) == pytest.approx(0.4, abs=0.01)


def test_a_fault_added_leaves_the_others_as_they_were() -> None:
    some, more = FaultPlan(Random(4), duplicate=0.5), FaultPlan(Random(4), duplicate=0.5, delay=0.5)
    assert [some.draw().copies for _ in range(100)] == [more.draw().copies for _ in range(100)]


async def received(plan: FaultPlan | None, total: int, expected: int) -> list[int]:
    """Publish 0..total-1 and return the first `expected` deliveries."""
    broker = MemoryBroker(faults=plan)
    seen: list[int] = []
    async with (
        MemoryTransport(broker, ClientOptions("sub")) as subscriber,
        MemoryTransport(broker, ClientOptions("pub")) as publisher,
        asyncio.timeout(WAIT_S),
    ):
        await subscriber.subscribe(["x"])
        await publisher.wait_connected()
        for number in range(total):
            await publisher.publish("x", b"%d" % number)
        while len(seen) < expected:
            for delivery in await subscriber.receive(total):
                delivery.ack()
                seen.append(int(delivery.payload))
    return seen


@pytest.mark.parametrize(
    ("odds", "expected"),
    [
        ({}, [0, 1, 2, 3]),
        ({"duplicate": 1.0}, [0, 0, 1, 1, 2, 2, 3, 3]),
        ({"reorder": 1.0, "delay_s_max": 5.0}, [1, 0, 3, 2]),
    ],
)
async def test_what_a_subscriber_sees(odds: dict[str, Any], expected: list[int]) -> None:
    assert await received(FaultPlan(Random(1), **odds), 4, len(expected)) == expected


async def test_the_last_one_held_back_comes_in_the_end() -> None:
    assert await received(FaultPlan(Random(1), reorder=1.0, delay_s_max=0.01), 3, 3) == [1, 0, 2]


async def test_delays_reorder_and_lose_nothing() -> None:
    seen = await received(FaultPlan(Random(1), delay=0.5, delay_s_max=0.02), 100, 100)
    assert seen != sorted(seen)
    assert sorted(seen) == list(range(100))


async def test_drops_are_acknowledged_and_the_same_for_a_seed() -> None:
    foreseen = FaultPlan(Random(9), drop=0.5)
    kept = [number for number in range(50) if foreseen.draw().copies]
    assert 10 < len(kept) < 40
    assert await received(FaultPlan(Random(9), drop=0.5), 50, len(kept)) == kept
