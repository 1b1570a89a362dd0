"""What is timed goes on after a restart, and no news during one is held against nobody."""

from __future__ import annotations

from deskwork import START, DeskWork, restart, spec

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import MINUTE_MS
from allocator.matching.policies import Nearest


def test_a_guest_who_left_just_before_the_restart_is_not_kept():
    work = DeskWork(spec("b1"))
    work.request(lead_min=0, stay_min=120)
    work.sense("b1", "occupied")
    work.pass_minutes(20)
    work.sense("b1", "free")
    restart(work)
    work.pass_minutes(1)
    assert work.named(e.ReservationCompleted)[0].at == START + 20 * MINUTE_MS


def test_a_sensor_that_died_while_nobody_listened_is_found_silent():
    work = DeskWork(spec("b1"))
    restart(work, away_min=30)
    work.pass_minutes(119)
    assert not work.named(e.SensorLost)
    work.pass_minutes(2)
    assert [event.bay for event in work.named(e.SensorLost)] == ["b1"]


def test_a_driver_who_came_while_nobody_listened_is_no_no_show():
    work = DeskWork(spec("b1"))
    work.request(lead_min=5, stay_min=120)
    came_at = work.now + 6 * MINUTE_MS
    restart(work, away_min=40)
    work.pass_minutes(1)
    work.sense("b1", "occupied", observed_at=came_at)
    assert work.replies("drv-1")[-1]["type"] == "active"
    assert work.named(e.ReservationActivated)[0].at == came_at


def test_who_does_not_come_is_a_no_show_after_the_quiet_that_follows_a_restart():
    work = DeskWork(spec("b1"))
    work.request(lead_min=5, stay_min=120)
    restart(work, away_min=40)
    work.pass_minutes(2.1)
    assert work.replies("drv-1")[-1]["type"] == "expired"


def test_a_promise_whose_whole_time_passed_while_nobody_listened_has_failed():
    work = DeskWork(spec("b1"))
    work.request(lead_min=60, stay_min=30)
    restart(work, away_min=120)
    work.pass_minutes(1)
    assert [reply["type"] for reply in work.replies("drv-1")] == ["accepted", "failed"]


def test_a_sensor_that_was_repaired_while_silent_is_watched_again():
    work = DeskWork(spec("b1"))
    work.pass_minutes(121)
    work.give(c.OperateBay(operator="op-1", request_id="x", type="repaired", bay="b1"))
    work.sense("b1", "free", seq=0)
    work.pass_minutes(121)
    assert len(work.named(e.SensorLost)) == 2


def test_a_repaired_sensor_counts_anew_after_a_restart_too():
    work = DeskWork(spec("b1"))
    work.give(c.OperateBay(operator="op-1", request_id="x", type="repaired", bay="b1"))
    restart(work)
    work.sense("b1", "free", seq=0, boot_id=5)
    assert work.shows("b1") == "available"


def test_a_bay_that_moved_away_is_not_bound_beyond_the_promised_walk():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request(lead_min=60)
    work.give(c.RegisterBays(operator="op-1", request_id="r2", specs=(spec("b1", east_m=5_000),)))
    work.pass_minutes(46)
    bound = work.replies("drv-1")[-1]
    assert (bound["type"], bound["bay"]) == ("bound", "b2")


def test_a_bay_that_changes_zones_leaves_no_state_behind_in_the_old_one():
    work = DeskWork(spec("b1"))
    commit = work.give(c.RegisterBays(operator="op-1", request_id="r2", specs=(spec("b1", zone="z2"),)))
    sent = {row.topic: row for row in commit.outbox if row.topic.endswith("/b1/state")}
    old = sent["parking/v1/seoul/bays/z1/b1/state"]
    assert (old.payload, old.retain) == (b"", True)
    assert sent["parking/v1/seoul/bays/z2/b1/state"].payload


def test_the_resident_at_home_the_evening_before_is_no_stranger_to_a_booking_of_tomorrow():
    work = DeskWork(spec("b1"), spec("b2", east_m=100), settings=Settings(policy=Nearest()))
    work.request(lead_min=25 * 60)
    work.pass_minutes(10 * 60)
    work.sense("b1", "occupied")
    assert not work.named(e.BayContested)
    assert not work.named(e.ReservationRelocated)


def test_a_stranger_whose_sensor_lost_sight_of_him_is_not_taken_for_the_driver():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.sense("b2", "occupied")
    work.request(lead_min=60)
    work.pass_minutes(30)
    work.sense("b1", "occupied")
    work.pass_minutes(18)
    work.sense("b1", "unknown")
    work.sense("b1", "occupied")
    assert not work.named(e.ReservationActivated)


def test_a_clock_that_is_set_back_forgets_no_booking_and_no_offer():
    work = DeskWork(spec("b1"))
    work.pass_minutes(120)
    restart(work)
    work.sense("b1", "free")
    assert work.request("drv-1", lead_min=10, stay_min=60) == "accepted"
    work.now -= 60 * MINUTE_MS
    work.desk.pass_time(work.now)
    work.sense("b1", "free")
    assert work.request("drv-2", lead_min=40, stay_min=60) == "rejected"
    assert work.request("drv-2", lead_min=5, stay_min=45) == "accepted"
    assert work.request("drv-3", lead_min=5, stay_min=45) == "rejected"
