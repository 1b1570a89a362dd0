"""Half-open intervals."""

from __future__ import annotations

import pytest

from allocator.domain.interval import Interval, next_multiple, without


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        ([], [(10, 20)]),
        ([(0, 10), (20, 30)], [(10, 20)]),
        ([(12, 14)], [(10, 12), (14, 20)]),
        ([(16, 18), (12, 14)], [(10, 12), (14, 16), (18, 20)]),
        ([(12, 16), (14, 18)], [(10, 12), (18, 20)]),
        ([(12, 18), (13, 14)], [(10, 12), (18, 20)]),
        ([(5, 12)], [(12, 20)]),
        ([(18, 25)], [(10, 18)]),
        ([(5, 25)], []),
    ],
)
def test_what_is_left_of_an_interval(taken, left):
    assert without(Interval(10, 20), [Interval(*hole) for hole in taken]) == left


@pytest.mark.parametrize(("at_ms", "following"), [(0, 5), (4, 5), (5, 10), (-1, 0)])
def test_the_next_multiple_is_always_later(at_ms, following):
    assert next_multiple(at_ms, 5) == following
