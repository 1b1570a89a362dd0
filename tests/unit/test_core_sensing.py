"""What sensors and gateways say, and promises in danger."""

from __future__ import annotations

import pytest
from deskwork import START, DeskWork, spec

from allocator.core import Verdict
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import DAY_MS, HOUR_MS, MINUTE_MS


def changes(work):
    return [(event.status, event.late) for event in work.named(e.OccupancyChanged)]


def test_a_repeated_message_changes_nothing():
    work = DeskWork(spec("b1"))
    work.sense("b1", "occupied", seq=1)
    work.sense("b1", "occupied", seq=1)
    work.sense("b1", "free", seq=0)
    assert changes(work) == [("free", False), ("occupied", False)]
    assert work.desk.counters[Verdict.DUPLICATE] == 2


def test_a_late_change_goes_into_the_history_and_leaves_the_state_alone():
    work = DeskWork(spec("b1"))
    work.sense("b1", "free", seq=3)
    work.sense("b1", "occupied", seq=2)
    assert changes(work) == [("free", False), ("occupied", True)]
    assert work.shows("b1") == "available"


def test_an_older_boot_is_late_and_a_newer_one_starts_anew():
    work = DeskWork(spec("b1"))
    work.sense("b1", "occupied", seq=9, boot_id=START)
    work.sense("b1", "free", seq=0, boot_id=START + 5)
    work.sense("b1", "occupied", seq=10, boot_id=START)
    assert changes(work)[1:] == [("occupied", False), ("free", False), ("occupied", True)]


@pytest.mark.parametrize("off_ms", [-START, -HOUR_MS, 2 * MINUTE_MS, 74 * 365 * DAY_MS])
def test_a_clock_that_is_far_off_is_replaced_by_ours_and_flagged(off_ms):
    work = DeskWork(spec("b1"))
    work.pass_minutes(10)
    work.sense("b1", "occupied", observed_at=work.now + off_ms)
    changed = work.named(e.OccupancyChanged)[-1]
    assert (changed.observed_at, changed.clock_off) == (work.now, True)


def test_what_waited_at_the_broker_while_we_were_away_keeps_its_time():
    work = DeskWork(spec("b1"))
    work.pass_minutes(180)
    work.state.connected_at = work.now
    work.sense("b1", "occupied", observed_at=work.now - HOUR_MS)
    changed = work.named(e.OccupancyChanged)[-1]
    assert (changed.observed_at, changed.clock_off) == (work.now - HOUR_MS, False)


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [
        ({"gateway": "gw-2"}, Verdict.BAY_OF_ANOTHER),
        ({"zone": "z2"}, Verdict.BAY_OF_ANOTHER),
        ({"boot_id": START + 2 * DAY_MS}, Verdict.BOOT_IN_FUTURE),
    ],
)
def test_a_message_that_is_not_the_bays_own_is_counted_and_dropped(wrong, verdict):
    work = DeskWork(spec("b1"))
    work.sense("b1", "occupied", **wrong)
    assert work.desk.counters[verdict] == 1
    assert changes(work) == [("free", False)]


def test_a_silent_sensor_makes_the_bay_unknown_until_it_is_heard_again():
    work = DeskWork(spec("b1"))
    work.pass_minutes(119)
    assert work.shows("b1") == "available"
    work.pass_minutes(2)
    assert work.shows("b1") == "unknown"
    assert work.request(lead_min=5) == "rejected"
    work.sense("b1", "free")
    assert work.shows("b1") == "available"
    work.pass_minutes(121)
    assert work.shows("b1") == "unknown"


def test_the_heartbeat_that_a_device_reports_is_the_one_it_is_held_to():
    work = DeskWork(spec("b1"))
    device = c.ReportDevice(
        gateway="gw-1", zone="z1", bay="b1", boot_id=START, seq=0, observed_at=START, heartbeat_ms=10 * MINUTE_MS
    )
    work.give(device)
    work.pass_minutes(121)
    work.sense("b1", "free")
    work.pass_minutes(21)
    assert work.shows("b1") == "unknown"


def test_bays_of_a_gateway_that_stays_away_are_unknown_after_two_minutes():
    work = DeskWork(spec("b1"), spec("b2", gateway="gw-2", east_m=9))
    work.give(c.ReportGateway(gateway="gw-1", online=False))
    work.pass_minutes(1.9)
    assert work.shows("b1") == "available"
    work.pass_minutes(0.2)
    assert (work.shows("b1"), work.shows("b2")) == ("unknown", "available")
    work.give(c.ReportGateway(gateway="gw-1", online=True))
    assert work.shows("b1") == "unknown"
    work.sense("b1", "free", seq=0)
    assert work.shows("b1") == "available"


def test_a_gateway_that_comes_back_in_time_loses_nothing():
    work = DeskWork(spec("b1"))
    work.give(c.ReportGateway(gateway="gw-1", online=False))
    work.pass_minutes(1)
    work.give(c.ReportGateway(gateway="gw-1", online=True))
    work.pass_minutes(5)
    assert not work.named(e.SensorLost)


def test_a_stranger_in_an_offered_bay_is_contested_until_he_leaves():
    work = DeskWork(spec("b1"))
    work.sense("b1", "occupied")
    assert work.shows("b1") == "contested"
    assert work.notices("b1")[-1] == "contested"
    work.sense("b1", "free")
    assert work.shows("b1") == "available"


def test_a_resident_at_home_outside_the_offer_is_just_occupied():
    work = DeskWork(spec("b1"))
    work.pass_minutes(9 * 60 + 1)
    assert work.shows("b1") == "unknown"
    work.sense("b1", "free")
    assert work.shows("b1") == "closed"
    work.sense("b1", "occupied")
    assert work.shows("b1") == "occupied"


def test_a_driver_whose_bay_is_taken_long_before_gets_a_substitute_before_he_notices():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request(lead_min=30)
    work.pass_minutes(15.1)
    assert work.replies("drv-1")[-1]["bay"] == "b1"
    work.give(c.OperateBay(operator="op-1", request_id="x", type="close", bay="b1"))
    moved = work.replies("drv-1")[-1]
    assert (moved["type"], moved["bay"], moved["walk_m"]) == ("relocated", "b2", 100)
    assert not work.named(e.ReservationRelocated)[0].violation


def test_a_driver_who_finds_a_car_in_the_bay_gets_a_substitute():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request(lead_min=5)
    work.pass_minutes(5)
    answer = work.say("drv-1", "arrive", "r-1", blocked=True)
    assert (answer["type"], answer["bay"]) == ("relocated", "b2")
    assert work.shows("b1") == "contested"
    assert work.say("drv-1", "arrive", "r-1")["type"] == "active"


def test_a_stranger_whom_the_sensor_took_for_the_driver_is_found_out_when_the_driver_comes():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request(lead_min=5)
    work.pass_minutes(3)
    work.sense("b1", "occupied")
    assert work.replies("drv-1")[-1]["type"] == "active"
    work.pass_minutes(2)
    answer = work.say("drv-1", "arrive", "r-1", blocked=True)
    assert (answer["type"], answer["bay"]) == ("relocated", "b2")
    assert work.shows("b1") == "contested"
    assert work.shows("b2") == "reserved"
    assert work.say("drv-1", "arrive", "r-1")["type"] == "active"


def test_a_relocated_driver_has_the_grace_anew_to_come_to_the_substitute():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request(lead_min=5)
    work.pass_minutes(5 + 14)
    work.say("drv-1", "arrive", "r-1", blocked=True)
    work.pass_minutes(14)
    assert work.say("drv-1", "arrive", "r-1")["type"] == "active"


def test_the_promise_to_a_driver_who_was_taken_for_arrived_can_fail():
    work = DeskWork(spec("b1"))
    work.request(lead_min=5)
    work.sense("b1", "occupied")
    assert work.say("drv-1", "arrive", "r-1", blocked=True)["type"] == "failed"


def test_the_search_is_widened_as_a_violation_before_the_promise_fails():
    work = DeskWork(spec("b1"), spec("b2", east_m=500))
    work.request(lead_min=5)
    work.pass_minutes(5)
    assert work.say("drv-1", "arrive", "r-1", blocked=True)["type"] == "relocated"
    assert work.named(e.ReservationRelocated)[0].violation
    assert work.say("drv-1", "arrive", "r-1", blocked=True)["type"] == "failed"


def test_a_bay_that_is_still_taken_when_the_stay_begins_is_exchanged():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.sense("b2", "occupied")
    work.request(lead_min=60)
    work.sense("b1", "occupied")
    work.pass_minutes(46)
    assert work.replies("drv-1")[-1]["bay"] == "b1"
    work.sense("b2", "free")
    work.pass_minutes(14.1)
    assert work.replies("drv-1")[-1]["bay"] == "b2"


def test_when_binding_a_bay_that_is_taken_the_driver_is_given_another_without_noticing():
    work = DeskWork(spec("b1"), spec("b2", east_m=100))
    work.request(lead_min=60)
    work.sense("b1", "occupied")
    work.pass_minutes(46)
    assert [reply["type"] for reply in work.replies("drv-1")] == ["accepted", "bound"]
    assert work.replies("drv-1")[-1]["bay"] == "b2"


def test_a_move_across_zones_is_published_in_both():
    work = DeskWork(spec("b1"), spec("b2", east_m=100, zone="z2"))
    work.request(lead_min=5)
    work.pass_minutes(5)
    work.say("drv-1", "arrive", "r-1", blocked=True)
    told = [(topic.split("/")[4], said["type"]) for topic, said in work.sent if topic.endswith("/events")]
    assert ("z1", "baybroker.reservation_relocated.v1") in told
    assert ("z2", "baybroker.reservation_relocated.v1") not in told
    assert told[-1] == ("z2", "baybroker.reservation_received.v1")


def test_events_are_numbered_without_gaps_and_carry_nothing_personal():
    work = DeskWork(spec("b1"), spec("b2", east_m=100, zone="z2"))
    work.request(lead_min=5)
    work.pass_minutes(30)
    assert [recorded.position for recorded in work.events] == list(range(1, len(work.events) + 1))
    for zone in ("z1", "z2"):
        numbers = [recorded.event_no for recorded in work.events if recorded.zone == zone]
        assert numbers == list(range(1, len(numbers) + 1))
    published = [said["data"] for topic, said in work.sent if topic.endswith("/events")]
    assert published
    for data in published:
        assert not {"driver", "vehicle_id", "resident", "request_id"} & data.keys()


def test_availability_counts_every_bay_of_a_zone_once():
    work = DeskWork(*(spec(f"b{n}", east_m=n) for n in range(5)), free=False)
    work.sense("b0", "free")
    work.sense("b1", "occupied")
    work.sense("b2", "free")
    work.request(lead_min=5)
    counts = [said for topic, said in work.sent if topic.endswith("/availability")][-1]
    shown = {name: counts[name] for name in ("closed", "available", "reserved", "occupied", "contested", "unknown")}
    assert shown == {"closed": 0, "available": 1, "reserved": 1, "occupied": 0, "contested": 1, "unknown": 2}
    assert (counts["offered"], counts["free_now"]) == (5, 1)


def test_a_heartbeat_that_gets_shorter_holds_at_once():
    work = DeskWork(spec("b1"))
    said = c.ReportDevice(
        gateway="gw-1", zone="z1", bay="b1", boot_id=START, seq=0, observed_at=START, heartbeat_ms=10 * MINUTE_MS
    )
    work.give(said)
    work.pass_minutes(20)
    assert [lost.reason for lost in work.named(e.SensorLost)] == ["silent"]


def test_a_bay_that_comes_back_while_its_gateway_is_away_is_unknown():
    back = spec("b1")
    work = DeskWork(back, spec("b2", east_m=9))
    work.give(c.OperateBay(operator="op-1", request_id="gone", type="retire", bay="b1"))
    work.give(c.ReportGateway(gateway="gw-1", online=False))
    work.pass_minutes(5)
    work.sense("b2", "free")
    work.give(c.RegisterBays(operator="op-1", request_id="back", specs=(back,)))
    assert (work.shows("b1"), work.shows("b2")) == ("unknown", "available")
