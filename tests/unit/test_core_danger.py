"""Promises in danger: a bay that is closed, a sensor that is silent or stuck, a stranger. Everybody is looked after."""

from __future__ import annotations

from dataclasses import replace

import pytest
from deskwork import START, DeskWork, restart, spec

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import MINUTE_MS
from allocator.matching.policies import Nearest


def operate(work: DeskWork, kind: str, bay: str = "b1") -> None:
    work.give(c.OperateBay(operator="op-1", request_id=f"{kind}-{len(work.commits)}", type=kind, bay=bay))


def beat(work: DeskWork, bay: str = "b1") -> None:
    """A sensor's heartbeat that says no more than that it lives."""
    place = work.state.board.bay(bay).spec
    said = {"gateway": place.gateway, "zone": place.zone, "boot_id": START, "heartbeat_ms": 60 * MINUTE_MS}
    work.give(c.ReportDevice(bay=bay, seq=len(work.commits), observed_at=work.now, **said))


@pytest.mark.parametrize("kind", ["close", "retire"])
def test_all_who_were_promised_a_bay_that_is_closed_get_another(kind):
    work = DeskWork(spec("b1"), spec("b2", east_m=50), spec("b3", east_m=90), settings=Settings(policy=Nearest()))
    for n, lead_min in enumerate((5, 90, 180)):
        work.request(f"drv-{n}", lead_min=lead_min)
    operate(work, kind)
    assert [work.replies(f"drv-{n}")[-1]["bay"] for n in range(3)] == ["b2", "b2", "b2"]
    assert {event.reason for event in work.named(e.ReservationRelocated)} == {"closed"}


def test_the_plans_of_unbound_bookings_change_the_moment_their_bay_is_closed():
    work = DeskWork(spec("b1"), spec("b2", east_m=50))
    work.request("drv-1", lead_min=60)
    work.request("drv-2", lead_min=150)
    operate(work, "close")
    assert {held.bay for held in work.state.reservations.values()} == {"b2"}
    assert not work.named(e.ReservationRelocated)


def test_an_unbound_booking_with_nowhere_to_go_within_its_walk_is_sent_farther_at_binding():
    work = DeskWork(spec("b1"), spec("b2", east_m=500))
    work.request(lead_min=60)
    operate(work, "close")
    work.pass_minutes(45)
    moved = work.replies("drv-1")[-1]
    assert (moved["type"], moved["bay"]) == ("relocated", "b2")
    assert work.named(e.ReservationRelocated)[0].cost_won == 1200
    work.pass_minutes(10)
    work.sense("b2", "occupied")
    assert work.replies("drv-1")[-1]["type"] == "active"


def test_a_promise_to_a_late_driver_whose_bay_is_closed_fails_at_once_where_there_is_no_other():
    work = DeskWork(spec("b1"))
    work.request(lead_min=5)
    work.pass_minutes(10)
    operate(work, "close")
    assert work.replies("drv-1")[-1]["type"] == "failed"


def test_a_stranger_moves_everybody_who_is_bound_and_starts_soon():
    work = DeskWork(spec("b1"), spec("b2", east_m=50), settings=Settings(early_ms=0, buffer_ms=0))
    work.request("drv-1", lead_min=5, stay_min=5)
    work.request("drv-2", lead_min=10, stay_min=30)
    work.sense("b1", "occupied")
    assert {held.bay for held in work.state.reservations.values()} == {"b2"}
    assert {event.reason for event in work.named(e.ReservationRelocated)} == {"contested"}


def test_who_was_bound_to_a_bay_that_is_taken_is_tried_again_at_each_tick():
    work = DeskWork(spec("b1"), spec("b2", east_m=50))
    work.request(lead_min=60)
    work.sense("b1", "occupied")
    work.sense("b2", "occupied")
    work.pass_minutes(46)
    assert work.replies("drv-1")[-1]["bay"] == "b1"
    work.sense("b2", "free")
    work.pass_minutes(4.1)
    moved = work.replies("drv-1")[-1]
    assert (moved["bay"], moved["reason"]) == ("b2", "contested")


def test_a_bound_driver_whose_bays_sensor_falls_silent_gets_a_bay_that_is_known_to_be_free():
    work = DeskWork(spec("b1"), spec("b2", east_m=50))
    beat(work)
    work.pass_minutes(110)
    work.sense("b2", "free")
    work.request(lead_min=14)
    assert work.replies("drv-1")[-1]["bay"] == "b1"
    work.pass_minutes(11)
    moved = work.replies("drv-1")[-1]
    assert (moved["type"], moved["bay"], moved["reason"]) == ("relocated", "b2", "sensor_lost")


def test_without_a_substitute_he_keeps_the_bay_which_may_well_be_free():
    work = DeskWork(spec("b1"))
    work.pass_minutes(110)
    work.request(lead_min=14)
    work.pass_minutes(20)
    assert [reply["type"] for reply in work.replies("drv-1")] == ["accepted", "bound"]
    assert work.say("drv-1", "arrive", "r-1")["type"] == "active"


def test_a_gateway_that_is_down_moves_those_who_start_soon():
    work = DeskWork(spec("b1"), spec("b2", east_m=50, gateway="gw-2"))
    work.request(lead_min=10)
    work.give(c.ReportGateway(gateway="gw-1", online=False))
    work.pass_minutes(2)
    assert work.replies("drv-1")[-1]["bay"] == "b2"


def test_nobody_is_moved_for_lack_of_news_just_after_we_connected():
    work = DeskWork(spec("b1"), spec("b2", east_m=50, gateway="gw-2"))
    work.request(lead_min=14)
    work.give(c.ReportGateway(gateway="gw-1", online=False))
    work.pass_minutes(1)
    restart(work)
    work.give(c.ReportGateway(gateway="gw-1", online=False))
    work.state.connected_at = work.now + MINUTE_MS
    work.pass_minutes(2.5)
    assert work.named(e.SensorLost)
    assert not work.named(e.ReservationRelocated)
    work.pass_minutes(1)
    assert work.replies("drv-1")[-1]["bay"] == "b2"


def arrived_unseen() -> DeskWork:
    """drv-1 says he stands in b1; its sensor says that it is free."""
    work = DeskWork(spec("b1"), spec("b2", east_m=50))
    work.request(lead_min=5, stay_min=30)
    work.pass_minutes(5)
    assert work.say("drv-1", "arrive", "r-1")["type"] == "active"
    return work


def test_a_sensor_that_says_free_ten_minutes_after_a_driver_came_is_stuck():
    work = arrived_unseen()
    work.pass_minutes(9.9)
    assert not work.named(e.SensorLost)
    work.pass_minutes(0.2)
    assert [event.reason for event in work.named(e.SensorLost)] == ["stuck"]
    assert work.shows("b1") == "unknown"


def test_a_stuck_sensor_is_not_believed_for_saying_the_same_again():
    work = arrived_unseen()
    work.pass_minutes(10)
    work.sense("b1", "free")
    beat(work)
    assert work.shows("b1") == "unknown"
    work.sense("b1", "occupied")
    assert work.named(e.SensorRestored)
    assert work.shows("b1") == "occupied"


def test_an_operator_may_declare_a_stuck_sensor_repaired():
    work = arrived_unseen()
    work.pass_minutes(10)
    operate(work, "repaired")
    work.sense("b1", "free", seq=0)
    assert work.state.board.bay("b1").lost is None


def test_a_sensor_that_sees_the_driver_in_time_is_not_stuck():
    work = arrived_unseen()
    work.pass_minutes(5)
    work.sense("b1", "occupied")
    work.pass_minutes(20)
    assert not work.named(e.SensorLost)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_bay_that_a_driver_found_taken_is_contested_and_its_sensor_stuck_if_it_never_sees_the_car(restarted):
    work = DeskWork(spec("b1"), spec("b2", east_m=50))
    work.request(lead_min=5)
    work.pass_minutes(5)
    assert work.say("drv-1", "arrive", "r-1", blocked=True)["bay"] == "b2"
    assert work.shows("b1") == "contested"
    if restarted:
        restart(work)
    work.pass_minutes(10)
    assert [(event.bay, event.reason) for event in work.named(e.SensorLost)] == [("b1", "stuck")]
    work.sense("b1", "occupied")
    work.sense("b1", "free")
    assert work.shows("b1") == "available"


def test_what_endangers_a_promise_is_remembered_by_a_restart():
    work = DeskWork(spec("b1"), spec("b2", east_m=50), settings=Settings(policy=Nearest()))
    work.sense("b2", "occupied")
    work.request(lead_min=90)
    operate(work, "close")
    operate(work, "close", "b2")
    restart(work)
    work.sense("b2", "free")
    operate(work, "open", "b2")
    work.pass_minutes(5)
    assert work.replies("drv-1")[-1]["bay"] == "b2"


def test_a_second_violation_of_one_promise_costs_nothing_more():
    work = DeskWork(spec("b1"), spec("b2", east_m=500), spec("b3", east_m=550))
    work.request(lead_min=5, stay_min=60)
    work.pass_minutes(5)
    work.say("drv-1", "arrive", "r-1", blocked=True)
    work.say("drv-1", "arrive", "r-1", blocked=True)
    assert [(event.violation, event.cost_won) for event in work.named(e.ReservationRelocated)] == [
        (True, 1200),
        (True, 0),
    ]


def test_the_former_residents_auto_offer_endangers_nobody():
    work = DeskWork(spec("b1"))
    asked = c.OfferAuto(resident="res-b1", request_id="auto", bay="b1", enabled=True)
    work.give(asked, ("residents/res-b1", "auto"))
    work.request("drv-1", lead_min=30, stay_min=30)
    sold = replace(spec("b1"), resident="res-new")
    work.give(c.RegisterBays(operator="op-1", request_id="sold", specs=(sold,)))
    work.pass_minutes(30)
    assert work.say("drv-1", "arrive", "r-1")["type"] == "active"
