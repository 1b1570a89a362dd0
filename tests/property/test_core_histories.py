"""Random histories against the pure core: whatever happens, S1 to S8 hold. One set of rules, two courts.

The naive model judges many sequences in memory. The real store, and `verify_history` on what it wrote, judge a few.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from dataclasses import replace

import pytest
from core_judged import QUIET, SEQUENCES, SHARDS, STEPS, NaiveHistories
from core_machine import CoreMachine, Judge
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from allocator.core import State, evolve
from allocator.domain.model import StateImage
from allocator.store.base import Commit
from allocator.store.sqlite3_store import Sqlite3Store
from baybroker.verify import verify_history


@pytest.mark.timeout(400)  # a failure is made small for up to five minutes
@pytest.mark.parametrize("shard", range(SHARDS))
def test_the_naive_model_agrees_with_the_core(shard):
    machine = seed(shard)(type("NaiveHistories", (NaiveHistories,), {"begun": 0}))
    run_state_machine_as_test(
        machine, settings=settings(max_examples=SEQUENCES // SHARDS, stateful_step_count=STEPS, **QUIET)
    )
    assert machine.begun >= SEQUENCES // SHARDS


class Stored(Judge):
    """Writes every commit to a real store, loads it again, and has its history verified at the end."""

    def __init__(self, rules, start: int) -> None:
        self.rules, self.start = rules, start
        self.loop = asyncio.new_event_loop()
        self.store = Sqlite3Store()
        self.loop.run_until_complete(self.store.open("test"))
        meta = Commit(meta={"city": "seoul", "timezone": rules.timezone})
        self.loop.run_until_complete(self.store.commit(meta))

    def committed(self, _work, commit) -> None:
        """Write it, as the writer does."""
        self.loop.run_until_complete(self.store.commit(commit))

    def settled(self, work) -> None:
        """Fold what was written, and compare it with the tables."""
        loaded = self.loop.run_until_complete(self.store.load())
        state = State.of_image(StateImage(), self.rules, self.start)
        for recorded in loaded.events:
            evolve(state, recorded)
        image = state.image()
        assert image == work.state.image()
        no_rows = {"offered": 0, "accepted": 0, "lateness": []}
        assert replace(image, **no_rows) == replace(loaded.tables, **no_rows)

    def end(self) -> None:
        """Have the checker, which shares no code with the core, look at a copy of the database."""
        with tempfile.TemporaryDirectory() as directory:
            copy = sqlite3.connect(f"{directory}/history.db")
            self.store._connection.backup(copy)
            copy.close()
            report = verify_history(f"{directory}/history.db")
        self.loop.run_until_complete(self.store.close())
        self.loop.close()
        assert report.violations == [], [violation.text for violation in report.violations]


class StoredHistories(CoreMachine):
    """Judged by the store's constraints and by `verify_history`."""

    def begin(self, settings, start):
        return [Stored(settings, start)]


TestStoredHistories = StoredHistories.TestCase
TestStoredHistories.settings = settings(
    max_examples=50, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
