"""The planted bugs fit the rules that they spoil: told here, in seconds, before they are looked for in histories."""

from __future__ import annotations

import pytest
from planted.bugs import BUGS
from planted.plant import Bug, planted


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_still_has_its_place(bug):
    with planted(bug):
        pass


def test_a_bug_that_cannot_be_planted_any_more_is_a_failure():
    gone = Bug("gone", BUGS[0].where, "text that nobody wrote", "")
    with pytest.raises(AssertionError, match="is 0 times in"), planted(gone):
        pass
