"""The state machine is worth its time: it finds every mistake of a list."""

from __future__ import annotations

import pytest
from core_judged import QUIET, SEQUENCES, SHARDS, STEPS, NaiveHistories
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from planted.bugs import BUGS
from planted.plant import Bug, planted

from broker_bridge.wire.errors import InvariantError


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug):
    """The histories are those of the shards of test_core_histories: without a bug, nothing is found in them."""
    only = settings(max_examples=SEQUENCES // SHARDS, stateful_step_count=STEPS, phases=[Phase.generate], **QUIET)

    def play() -> None:
        for shard in reversed(range(SHARDS)):
            machine = seed(shard)(type("Planted", (NaiveHistories,), {"begun": 0}))
            run_state_machine_as_test(machine, settings=only)

    with planted(bug), pytest.raises((AssertionError, InvariantError)):
        play()


def test_a_bug_that_cannot_be_planted_any_more_is_a_failure():
    gone = Bug("gone", BUGS[0].where, "text that nobody wrote", "")
    with pytest.raises(AssertionError, match="is 0 times in"), planted(gone):
        pass
