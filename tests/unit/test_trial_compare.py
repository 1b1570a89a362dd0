"""Means over worlds, paired differences, and how sure they are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from baybroker.lab.trial.compare import difference, estimate, of_policy


def run(policy, seed, served):
    return SimpleNamespace(policy=policy, seed=seed, served=served)


RUNS = [run(policy, seed, seed * 100 + gain) for seed in (1, 2, 3) for policy, gain in (("a", 0), ("b", 5 + seed))]


def test_an_interval_is_students():
    it = estimate([1.0, 2.0, 3.0, 4.0])
    assert (it.mean, it.n) == (2.5, 4)
    assert it.half_width == pytest.approx(3.182446 * 1.290994 / 2, rel=1e-5)


def test_one_world_tells_nothing_of_how_worlds_differ():
    assert estimate([7.0]).half_width is None


def test_worlds_that_differ_much_still_show_a_small_gain_of_each():
    alone, paired = of_policy(RUNS, "b", "served"), difference(RUNS, "b", "a", "served")
    assert paired.mean == pytest.approx(7)
    assert paired.half_width < 3 < alone.half_width


def test_a_figure_that_a_run_lacks_is_no_mean():
    assert of_policy([run("a", 1, None)], "a", "served") is None
    assert difference([run("a", 1, None), run("b", 1, 3)], "b", "a", "served") is None
