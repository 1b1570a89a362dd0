"""Pacing, and which run is continued."""

from __future__ import annotations

import pytest

from broker_bridge.wire.messages import AllocatorStatus, Clock
from sensors_sim.pacer import Pacer
from sensors_sim.runs import OtherRunError, Run, choose_run

START = 1_772_409_600_000


def clock(run_id="run-1-x", tick_no=5, sim_time=START + 300_000):
    return Clock(run_id=run_id, tick_no=tick_no, sim_time=sim_time, speed=60, published=1)


def status(run_id="run-1-x", tick_no=5, now=START + 300_000):
    return AllocatorStatus(online=True, version="0", started_at=0, run_id=run_id, tick_no=tick_no, now=now)


def test_simulated_time_runs_at_its_speed_stops_and_goes_on():
    pacer = Pacer(100.0, START, 60)
    assert pacer.sim_at(110.0) == START + 600_000
    assert pacer.seconds_until(110.0, START + 660_000) == pytest.approx(1.0)
    pacer.pause(110.0, paused=True)
    assert pacer.sim_at(500.0) == START + 600_000
    assert pacer.seconds_until(500.0, START + 660_000) is None
    pacer.pause(500.0, paused=False)
    pacer.set_speed(510.0, 3_600)
    assert pacer.sim_at(511.0) == START + 600_000 + 600_000 + 3_600_000


def test_lag_is_how_far_the_world_is_behind_in_real_time():
    pacer = Pacer(0.0, START, 60)
    assert pacer.lag_ms(10.0, START + 600_000) == 0
    assert pacer.lag_ms(10.0, START + 480_000) == 2_000


def test_a_new_run_is_named_after_its_seed_and_start():
    run = choose_run("run", 7, START, None, status(run_id=None, tick_no=None, now=1))
    assert run == Run("run-7-tb8w00", 0, START)


@pytest.mark.parametrize(
    ("told", "known", "tick_no", "sim_ms"),
    [
        (clock(), None, 5, START + 300_000),
        (None, status(), 5, START + 300_000),
        (clock(tick_no=6, sim_time=START + 345_000), status(), 6, START + 360_000),
        (clock(), status(tick_no=9, now=START + 540_001), 9, START + 600_000),
        (clock(run_id="run-other"), status(tick_no=9, now=START + 540_000), 9, START + 540_000),
        (clock(tick_no=8), status(run_id=None, tick_no=None, now=1), 8, START + 300_000),
    ],
)
def test_a_known_run_is_continued_at_the_later_time_on_a_whole_minute(told, known, tick_no, sim_ms):
    assert choose_run("run", 7, START, told, known) == Run("run-1-x", tick_no, sim_ms)


def test_a_database_of_another_run_or_ahead_of_this_one_is_refused():
    run = Run("run-1-x", 5, START)
    run.check(status())
    run.check(status(run_id=None, tick_no=None))
    with pytest.raises(OtherRunError, match="belongs to the run run-2"):
        run.check(status(run_id="run-2"))
    with pytest.raises(OtherRunError, match="at tick 6"):
        run.check(status(tick_no=6))
