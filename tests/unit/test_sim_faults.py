"""Each kind of fault: what the sensors make of it, and what the ground truth tells of it."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import pytest
from sim_world import DAY, HOUR, MINUTE, NOBODY_HOME, of_kind, scenario, world

from broker_bridge.wire.topics import TopicKind
from sensors_sim.faults import FaultKind
from sensors_sim.scenario import load_scenario

PLAIN = {"duplicate_share": 0, "late_share": 0, "offline_per_day": 0}
BUSY = {"squatters": {"per_bay_day": 20.0}, **NOBODY_HOME}


def street(*faults, bays=12, sensors=None, **parts):
    """A street whose residents are away and on which cars come and go, and its faults."""
    return scenario(bays=bays, faults=list(faults), sensors=PLAIN | (sensors or {}), **BUSY | parts)


def planned(kind, **more):
    return {"kind": kind, "after_min": 60} | ({} if kind == "reboot" else {"for_min": 120}) | more


def at_noon_of(rules, until_h=5, **more):
    running = world(rules, **more)
    return running, running.advance(rules.start_ms + until_h * HOUR)


def occupancy(said, bay=None):
    return [
        one for one in said if one.kind is TopicKind.OCCUPANCY and (bay is None or one.names["bay"] == bay)
    ]  # fmt: skip


def during(said, rules, begin_min=60, end_min=180):
    begin, end = (rules.start_ms + minutes * MINUTE for minutes in (begin_min, end_min))
    return [one for one in said if begin < one.at_ms < end]


@pytest.mark.parametrize("kind", FaultKind)
def test_each_fault_is_in_the_truth_while_it_lasts_and_after(kind):
    rules = street(planned(kind, bays=["street-0003"]))
    running = world(rules)
    name = "gw-street-01" if kind is FaultKind.GATEWAY_DOWN else "street-0003"
    begin = rules.start_ms + HOUR
    running.advance(begin - 1)
    assert running.truth.failing == {}
    running.advance(begin + 1)
    if kind is not FaultKind.REBOOT:
        assert running.truth.failing == {(kind, name): begin}
        assert running.gateways_down == ({name} if kind is FaultKind.GATEWAY_DOWN else set())
    running.advance(begin + 3 * HOUR)
    assert running.truth.failing == {}
    assert running.counts[f"fault_{kind}"] == 1
    ended = begin if kind is FaultKind.REBOOT else begin + 2 * HOUR
    assert running.truth.take_past().faults == [(kind, name, begin, ended)]
    assert running.truth.take_past() == ([], [], [])


def test_an_offline_sensor_is_silent_and_boots_anew():
    rules = street(planned("offline", bays=["street-0003"]), sensors={"heartbeat_s": 600})
    running, said = at_noon_of(rules)
    silent = during(said, rules)
    assert not occupancy(silent, "street-0003")
    assert len(occupancy(silent)) > 12
    first = next(one for one in occupancy(said, "street-0003") if one.at_ms >= rules.start_ms + 3 * HOUR)
    assert (first.message.boot_id, first.message.seq, first.at_ms) == (*[first.at_ms, 0], rules.start_ms + 3 * HOUR)
    assert running.counts["outages"] == 1


@pytest.mark.parametrize(("kind", "status"), [("stuck_free", "free"), ("stuck_occupied", "occupied")])
def test_a_stuck_sensor_says_the_same_whatever_happens(kind, status):
    rules = street(planned(kind), sensors={"heartbeat_s": 600})
    running = world(rules)
    said = running.advance(rules.start_ms + 3 * HOUR - 1)
    assert {one.message.status for one in during(occupancy(said), rules, 61)} == {status}
    assert running.truth.mistaken, "what it says is not so"
    said = running.advance(rules.start_ms + 3 * HOUR + 10 * MINUTE)
    assert {one.message.status for one in occupancy(said)} == {"free", "occupied"}
    mistakes = running.truth.take_past().mistakes
    assert any(one.said == status and one.until_ms - one.since_ms > 10 * MINUTE for one in mistakes)


def test_a_flapping_sensor_says_one_thing_and_the_other():
    rules = street(planned("flapping", bays=["street-0003"], flap_s=15), squatters={"per_bay_day": 0})
    _, said = at_noon_of(rules)
    told = [one for one in during(occupancy(said, "street-0003"), rules, 60, 120) if one.at_ms % HOUR]
    changes = [one for one, before in zip(told[1:], told, strict=False) if one.message.status != before.message.status]
    assert 235 <= len(changes) <= 241, "an hour of them"
    assert occupancy(said, "street-0003")[-1].message.status == "free"


@pytest.mark.parametrize(("kind", "least", "most"), [("duplicates", 1.4, 1.6), ("late", 0.9, 1.1)])
def test_messages_come_twice_or_late(kind, least, most):
    rules = street(planned(kind, message_share=0.5), bays=60, sensors={"heartbeat_s": 60})
    running, said = at_noon_of(rules)
    within = during(occupancy(said), rules)
    distinct = {(one.names["bay"], one.message.seq) for one in within}
    assert least < len(within) / len(distinct) < most
    assert running.counts[kind] > len(distinct) * 0.8, "of two topics"
    before = during(occupancy(said), rules, 0, 60)
    assert all(one.at_ms == one.message.observed_at for one in before)
    if kind == "late":
        assert 0.4 < sum(one.at_ms > one.message.observed_at for one in within) / len(within) < 0.6


def test_a_power_failure_boots_every_sensor_at_once():
    rules = street({"kind": "reboot", "at": "10:00:00"})
    _, said = at_noon_of(rules)
    at = rules.start_ms + HOUR
    booted = [one for one in occupancy(said) if one.message.boot_id == at and one.message.seq == 0]
    assert len(booted) == 12
    assert {one.at_ms for one in booted} == {at}


def test_a_clock_that_drifts_is_put_right_at_the_end():
    rules = street(planned("clock_drift", drift_s_per_hour=-90), sensors={"heartbeat_s": 600})
    _, said = at_noon_of(rules)
    off = {one.at_ms: one.message.observed_at - one.at_ms for one in occupancy(said)}
    begin = rules.start_ms + HOUR
    for at, wrong in off.items():
        expected = -90_000 * (at - begin) / HOUR if begin <= at < begin + 2 * HOUR else 0
        assert wrong == pytest.approx(expected, abs=1)
    assert min(off.values()) < -150_000


@pytest.mark.parametrize("quiet", [False, True])
def test_a_gateway_that_is_down_is_told_and_says_all_its_bays_when_it_is_back(quiet):
    rules = street(planned("gateway_down", bays=["street-0003"]), sensors={"heartbeat_s": 600})
    running, said = at_noon_of(rules, quiet=quiet)
    status = [(one.at_ms, one.sender, one.message.online, one.message.bays) for one in said
              if one.kind is TopicKind.GATEWAY_STATUS]  # fmt: skip
    begin, end = rules.start_ms + HOUR, rules.start_ms + 3 * HOUR
    assert status == [(begin, "gw-street-01", False, 6), (end, "gw-street-01", True, 6)]
    assert {one.sender for one in during(occupancy(said), rules)} == {"gw-street-02"}
    back = [one for one in occupancy(said) if one.at_ms == end and one.sender == "gw-street-01"]
    assert len({one.names["bay"] for one in back}) == 6
    assert {one.message.boot_id for one in back} == {rules.start_ms}
    assert running.gateways_down == set()
    running.advance(begin + DAY)


def test_while_a_gateway_is_down_it_announces_nothing():
    rules = street(planned("gateway_down", gateways=["gw-street-01"]))
    running, _ = at_noon_of(rules, 2)
    assert running.announce("gw-street-01") == []
    assert len(running.announce("gw-street-02")) == 12


def test_an_empty_battery_ends_a_sensor_for_good():
    rules = street(sensors={"battery_from_pct": 1, "battery_to_pct": 10, "battery_days": 10, "heartbeat_s": 600})
    running, said = at_noon_of(rules, 24)
    told = defaultdict(list)
    for one in said:
        if one.kind is TopicKind.DEVICE:
            told[one.names["bay"]].append(one)
    for bay in told.values():
        percents = [one.message.battery_pct for one in bay]
        assert percents == sorted(percents, reverse=True)
        spent = (bay[-1].at_ms - bay[0].at_ms) / (10 * DAY) * 100
        assert percents[0] - percents[-1] == pytest.approx(spent, abs=0.11)
        assert percents[-1] < 0.2, "it says so to the last"
    assert running.counts["outages"] == 12
    assert {kind for kind, _ in running.truth.failing} == {"battery_empty"}


def test_in_a_quiet_world_a_silent_sensor_is_said_to_be_unknown_until_it_is_back():
    rules = street(planned("offline", bays=["street-0003"]), sensors={"heartbeat_s": 600})
    _, said = at_noon_of(rules, quiet=True)
    lost = [one for one in occupancy(said) if one.message.status == "unknown"]
    assert [(one.names["bay"], one.at_ms) for one in lost] == [("street-0003", rules.start_ms + 75 * MINUTE)]
    assert occupancy(said, "street-0003")[-1].message.status != "unknown"


@pytest.mark.parametrize("per_day", [0.5, 4.0])
def test_faults_at_a_rate_are_as_often_and_as_long_as_told(per_day):
    rules = street({"kind": "offline", "per_day": per_day, "for_min": 45, "share": 0.5}, bays=200, squatters={})
    running = world(rules)
    running.advance(rules.start_ms + 3 * DAY)
    over = running.truth.take_past().faults
    struck = {one.name for one in over}
    assert len(struck) <= 100
    assert running.counts["fault_offline"] == pytest.approx(300 * per_day, rel=0.25)
    mean_min = sum(one.until_ms - one.since_ms for one in over) / len(over) / MINUTE
    assert 35 < mean_min < 65, "overlapping ones are one"


def test_a_daily_fault_comes_every_day_and_one_before_the_start_is_under_way():
    rules = street({"kind": "offline", "at": "08:30:00", "for_min": 60, "bays": ["street-0001"]})
    running, said = at_noon_of(rules, 49)
    assert not [one for one in occupancy(said, "street-0001") if one.at_ms < rules.start_ms + 30 * MINUTE]
    begins = [one.since_ms - rules.start_ms for one in running.truth.take_past().faults]
    assert begins == [0, DAY - 30 * MINUTE, 2 * DAY - 30 * MINUTE]


def test_the_bad_day_has_every_fault_and_stays_what_it_is():
    rules = load_scenario("bad-day")
    running = world(rules, rules.seed)
    said = running.advance(rules.start_ms + 10 * HOUR)
    assert all(running.counts[f"fault_{kind}"] > 0 for kind in FaultKind)
    assert running.counts["fault_battery_empty"] > 0
    seen = Counter((one.names["bay"], one.message.boot_id, one.message.seq) for one in occupancy(said))
    assert max(seen.values()) == 2
    assert all(later.at_ms >= earlier.at_ms for earlier, later in itertools.pairwise(said))
    assert len(of_kind(said, TopicKind.GATEWAY_STATUS)) > 4
    assert len(running.truth.past_mistakes) > 500
