"""The state machine is worth its time: it finds every mistake of a list."""

from __future__ import annotations

import pytest
from core_judged import QUIET, SEQUENCES, SHARDS, STEPS, NaiveHistories
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from planted.bugs import BUGS
from planted.plant import Bug, planted

from broker_bridge.wire.errors import InvariantError

SEED, SEQUENCES_MAX = 1, 400
"""The histories are those of a shard of test_core_histories: without a bug, nothing is found in them."""
assert SEQUENCES_MAX <= SEQUENCES // SHARDS


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug, record_property):
    machine = seed(SEED)(type("Planted", (NaiveHistories,), {"begun": 0}))
    only = settings(max_examples=SEQUENCES_MAX, stateful_step_count=STEPS, phases=[Phase.generate], **QUIET)
    with planted(bug), pytest.raises((AssertionError, InvariantError)):
        run_state_machine_as_test(machine, settings=only)
    record_property("sequences", machine.begun)


def test_a_bug_that_cannot_be_planted_any_more_is_a_failure():
    gone = Bug("gone", BUGS[0].where, "text that nobody wrote", "")
    with pytest.raises(AssertionError, match="is 0 times in"), planted(gone):
        pass
