"""The whole system in one process on a broker that drops, duplicates, delays and reorders by a seeded plan."""

from __future__ import annotations

import asyncio
import random

import pytest
from service_world import running
from sim_world import HOUR, scenario

from allocator.service.service import AllocatorService
from allocator.service.settings import ServiceSettings
from allocator.store.sqlite3_store import Sqlite3Store
from baybroker.verify import verify_history
from broker_bridge.transport.faults import FaultPlan
from broker_bridge.transport.memory import MemoryBroker, MemoryTransport
from sensors_sim.runner import SimulateSettings, Simulation

RULES = scenario(
    city="faulty",
    bays=25,
    offers={"weekly_share": 1.0},
    drivers={"requests_per_hour": 60.0, "short_share": 0.7, "first_short": 5},
    squatters={"per_bay_day": 6.0},
    sensors={"duplicate_share": 0.1, "late_share": 0.05, "offline_per_day": 2.0, "heartbeat_s": 600},
)


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_the_network_does_the_rules_hold(seed, tmp_path):
    faults = FaultPlan(random.Random(seed), drop=0.01, duplicate=0.1, delay=0.2, reorder=0.2, delay_s_max=0.1)
    broker = MemoryBroker(faults=faults)

    def connect(options, on_connect):
        return MemoryTransport(broker, options, on_connect=on_connect, rng=random.Random(seed))

    path = tmp_path / "faulty.db"
    settings = ServiceSettings(city=RULES.city, version="test", holder="test", simulated_clock=True)
    world = SimulateSettings(
        scenario=RULES, seed=seed, speed=3600.0, until_ms=RULES.start_ms + 2 * HOUR, operator="op-sim"
    )
    allocator = AllocatorService(settings, Sqlite3Store(str(path)), connect)
    async with running(allocator):
        summary = await Simulation(world, connect).run(asyncio.Event())
    report = verify_history(path)
    assert report.violations == []
    assert allocator.dropped["duplicate"] > 0
    assert report.counters.late > 0
    assert min(summary.accepted, summary.bound, summary.active, summary.completed) > 0
    assert report.counters.requests >= summary.accepted + summary.rejected
