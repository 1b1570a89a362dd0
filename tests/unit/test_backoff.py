"""The wait between two attempts."""

from __future__ import annotations

from random import Random

import pytest

from broker_bridge.transport.backoff import BASE_S, CAP_S, delay_s


class Highest(Random):
    """Draws the upper end."""

    def uniform(self, a: float, b: float) -> float:
        assert a == 0.0
        return b


@pytest.mark.parametrize(("attempt", "expected"), [(0, 0.25), (1, 0.5), (2, 1.0), (6, 16.0), (7, 30.0), (10_000, 30.0)])
def test_the_ceiling_doubles_up_to_the_cap(attempt: int, expected: float) -> None:
    assert delay_s(attempt, Highest()) == expected


def test_full_jitter_spreads_over_the_whole_range() -> None:
    rng = Random(7)
    drawn = [delay_s(20, rng) for _ in range(2_000)]
    assert min(drawn) < 0.02 * CAP_S
    assert max(drawn) > 0.98 * CAP_S
    assert sum(drawn) / len(drawn) == pytest.approx(CAP_S / 2, rel=0.05)


def test_one_seed_one_sequence() -> None:
    first, again = Random(1), Random(1)
    assert [delay_s(n, first) for n in range(9)] == [delay_s(n, again) for n in range(9)]
    assert BASE_S < CAP_S
