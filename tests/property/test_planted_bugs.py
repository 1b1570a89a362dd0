"""The state machine is worth its time: it finds every mistake of a list."""

from __future__ import annotations

import pytest
from core_judged import QUIET, SEQUENCES, SHARDS, STEPS, NaiveHistories
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from planted.bugs import BUGS
from planted.plant import planted

from broker_bridge.wire.errors import InvariantError

LOOKED_AT = 4
"""Times the histories of test_core_histories."""


@pytest.mark.timeout(400)
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found(bug):
    """The first histories are those of test_core_histories, in which nothing is found without a bug.

    What Hypothesis draws depends on the modules that are loaded, so a rare one is looked for in more of them.
    """
    first = {"phases": [Phase.generate], "report_multiple_bugs": False}  # one is enough, and need not be made small
    only = settings(max_examples=SEQUENCES // SHARDS, stateful_step_count=STEPS, **first, **QUIET)

    def play() -> None:
        for shard in range(LOOKED_AT * SHARDS):
            machine = seed(shard)(type("Planted", (NaiveHistories,), {"begun": 0}))
            run_state_machine_as_test(machine, settings=only)

    with planted(bug), pytest.raises((AssertionError, InvariantError)):
        play()
