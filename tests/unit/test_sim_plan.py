"""The plan of a world: what happens in it while nobody answers, as columns."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from sim_world import DAY, HOUR, MINUTE, NOBODY_HOME, scenario, world

from broker_bridge.wire.topics import TopicKind
from sensors_sim.city import build_city
from sensors_sim.engine.calendar import Calendar
from sensors_sim.engine.chance import streams
from sensors_sim.engine.plan import EventHash, Plan
from sensors_sim.engine.rows import What, joined
from sensors_sim.local_time import LocalTime

LIVELY = {
    "bays": 150,
    "squatters": {"per_bay_day": 3.0},
    "drivers": {"requests_per_hour": 20.0},
    "offers": {"weekly_share": 0.4, "auto_share": 0.3, "once_share": 0.5},
    "sensors": {"duplicate_share": 0, "late_share": 0, "offline_per_day": 0},
}
PYTHONS = ("python3.11", "python3.12", "python3.13", "python3.14")
ROOT = Path(__file__).parents[2]
DIGEST = """
import sys
from test_sim_plan import LIVELY, digest
from sim_world import scenario
print(digest(scenario(**LIVELY), int(sys.argv[1])))
"""


def plan(rules, seed=1, **more):
    return Plan(build_city(rules, streams(seed).city), rules, streams(seed, rules.start_ms), rules.start_ms, **more)


def days(of, count=1):
    """The rows of some days, from the start to a midnight in Seoul."""
    parts = []
    for page in of.pages():
        parts.append(page.rows)
        count -= (page.until_ms + 9 * HOUR) % DAY == 0
        if not count:
            break
    return joined(parts)


def digest(rules, seed, pages=48):
    of = EventHash()
    for page in islice(plan(rules, seed).pages(), pages):
        of.add(page)
    return of.hexdigest()


def of_what(rows, what):
    return rows.only(rows.what == what)


def test_rows_come_in_the_order_of_time_and_not_before_the_start():
    rules = scenario(**LIVELY)
    rows = days(plan(rules), 3)
    assert (np.diff(rows.at_ms) >= 0).all()
    assert rows.at_ms[0] >= rules.start_ms
    assert set(rows.what.tolist()) == set(What) - {What.FAULT, What.REPAIR}


def test_no_two_cars_ever_stand_in_a_bay():
    of = plan(scenario(**LIVELY), 4)
    rows = days(of, 6)
    stands = of.at_home.astype(int)
    came, went = (What.RESIDENT_RETURNS, What.SQUATTER_COMES), (What.RESIDENT_LEAVES, What.SQUATTER_LEAVES)
    for what, bay in zip(rows.what.tolist(), rows.bay.tolist(), strict=True):
        stands[bay] += (what in came) - (what in went)
        assert stands[bay] in {0, 1}
    assert len(of_what(rows, What.SQUATTER_COMES).bay) > 1_000
    assert len(of_what(rows, What.RESIDENT_IS_BLOCKED).bay) > 5


def test_a_blocked_resident_looks_again_every_ten_minutes():
    rows = days(plan(scenario(**LIVELY), 4), 6)
    blocked, returns = (of_what(rows, what) for what in (What.RESIDENT_IS_BLOCKED, What.RESIDENT_RETURNS))
    back = {(bay, at) for bay, at in zip(returns.bay.tolist(), returns.at_ms.tolist(), strict=True)}
    late = [
        next((n for n in range(1, 200) if (bay, at + n * 10 * MINUTE) in back), None)
        for bay, at in zip(blocked.bay.tolist(), blocked.at_ms.tolist(), strict=True)
    ]
    assert sum(n is None for n in late) < len(late) / 4, "who drives off again before, or returns after the end"


@pytest.mark.parametrize("debounce_ms", [0, 60_000])
def test_a_change_is_reported_once_it_is_noticed_and_has_lasted(debounce_ms):
    rules = scenario(**LIVELY | {"sensors": LIVELY["sensors"] | {"debounce_ms": debounce_ms}})
    of = plan(rules)
    rows = days(of, 4)
    told = of.at_home.astype(int)
    stands, since = told.copy(), np.zeros(len(told))
    for at, what, bay, value in zip(*(column.tolist() for column in rows), strict=True):
        if what in {What.RESIDENT_RETURNS, What.SQUATTER_COMES, What.RESIDENT_LEAVES, What.SQUATTER_LEAVES}:
            stands[bay], since[bay] = what in {What.RESIDENT_RETURNS, What.SQUATTER_COMES}, at
        elif what == What.REPORT:
            assert told[bay] != value == stands[bay]
            assert debounce_ms < at - since[bay] < debounce_ms + 8_000
            told[bay] = value
        elif what == What.HEARTBEAT:
            continue
    unseen = (told != stands) & (since < rows.at_ms[-1] - debounce_ms - 8_000)
    assert not unseen.any()


def test_a_world_without_answers_says_what_its_plan_has():
    rules = scenario(**LIVELY)
    said = world(rules).advance(rules.start_ms + 15 * HOUR - 1)
    rows = days(plan(rules))
    seen = [one for one in said if one.kind is TopicKind.OCCUPANCY and one.at_ms > rules.start_ms]
    reports = rows.only(np.isin(rows.what, (What.REPORT, What.HEARTBEAT)))
    names = list(build_city(rules, streams(1).city).bays)
    assert [(one.at_ms, one.names["bay"]) for one in seen] == [
        (at, names[bay]) for at, bay in zip(reports.at_ms.tolist(), reports.bay.tolist(), strict=True)
    ]
    told = {(one.at_ms, one.names["bay"]): one.message.status for one in seen}
    changes = of_what(rows, What.REPORT)
    assert len(changes.bay) > 200
    for at, bay, value in zip(changes.at_ms.tolist(), changes.bay.tolist(), changes.value.tolist(), strict=True):
        assert told[at, names[bay]] == ("occupied" if value else "free")
    asked = {one.message.request_id: one.at_ms for one in reversed(said) if one.kind is TopicKind.DRIVER_REQUEST}
    assert sorted(asked.values()) == of_what(rows, What.REQUEST).at_ms[: len(asked)].tolist()


def test_without_heartbeats_all_else_is_the_same():
    rules = scenario(**LIVELY)
    loud, quiet = days(plan(rules), 2), days(plan(rules, heartbeats=False), 2)
    rest = loud.only(loud.what != What.HEARTBEAT)
    assert all((one == other).all() for one, other in zip(rest, quiet, strict=True))


def test_by_night_the_heartbeat_is_another():
    rules = scenario(bays=20, sensors={"heartbeat_s": 1_800, "night_heartbeat_s": 7_200})
    beats = of_what(days(plan(rules), 2), What.HEARTBEAT)
    for bay in range(20):
        at, told_s = beats.at_ms[beats.bay == bay], beats.value[beats.bay == bay]
        assert (np.diff(at) == 1_000 * told_s[:-1]).all(), "each tells when the next one comes"
    hour = (beats.at_ms // HOUR + 9) % 24
    assert set(beats.value[(hour >= 22) | (hour < 6)]) == {7_200}
    assert set(beats.value[(hour < 22) & (hour >= 6)]) == {1_800}


def test_weekly_windows_are_kept_free_except_by_those_who_come_early_and_say_so():
    window = {"start": "09:00", "end": "18:00"}
    offers = {"weekly_share": 1.0, "windows": [window], "margin_min": 20}
    rules = scenario(bays=300, start="2026-03-02T00:00:00", offers=offers, residents={"early_return_share": 0.1})
    rows = days(plan(rules), 5)
    recalls, returns = of_what(rows, What.RECALL), of_what(rows, What.RESIDENT_RETURNS)
    local = (returns.at_ms + 9 * HOUR) % DAY
    early = (local >= 9 * HOUR) & (local < 18 * HOUR)
    assert set(zip(returns.bay[early].tolist(), returns.at_ms[early].tolist(), strict=True)) <= set(
        zip(recalls.bay.tolist(), recalls.value.tolist(), strict=True)
    )
    assert 110 < len(recalls.bay) < 190, "of 1,500 windows"
    assert ((recalls.value - recalls.at_ms) <= 30 * MINUTE).all()


def test_who_has_no_lasting_offer_offers_absences_and_recalls_some():
    offers = {"weekly_share": 0, "once_share": 1.0}
    rules = scenario(bays=300, offers=offers, residents={"early_return_share": 0.3})
    rows = days(plan(rules), 5)
    once, recalls = of_what(rows, What.OFFER), of_what(rows, What.RECALL)
    assert len(once.bay) > 400
    assert (once.value - once.at_ms >= HOUR).all()
    assert len(once.bay) / 10 < len(recalls.bay) < len(once.bay) / 2


def test_nobody_is_home_in_a_city_that_is_offered_day_and_night():
    of = plan(scenario(bays=50, **NOBODY_HOME))
    assert not of.at_home.any()
    assert set(days(of, 4).what.tolist()) == {What.HEARTBEAT}


def test_the_same_seed_has_the_same_hash_and_another_seed_another():
    rules = scenario(**LIVELY)
    assert digest(rules, 7) == digest(rules, 7) != digest(rules, 8)


def test_a_world_tells_its_hash_whatever_is_answered():
    rules = scenario(**LIVELY)
    one, other, quiet = world(rules), world(rules), world(rules, quiet=True)
    one.advance(rules.start_ms + 5 * HOUR)
    for minute in range(301):
        other.advance(rules.start_ms + minute * MINUTE)
    quiet.advance(rules.start_ms + 5 * HOUR)
    assert one.event_hash() == other.event_hash() != quiet.event_hash()
    assert one.event_hash() == digest(rules, 1, 6)


def pythons():
    """This interpreter, and one of each other version on this machine that has what the engine needs."""
    needed = "import sys, dateutil, numpy, pydantic, scipy, pytest; print(sys.version)"
    found = {sys.version: sys.executable}
    named = os.environ.get("BAYBROKER_OTHER_PYTHON", "").split(os.pathsep)
    for name in filter(None, [*named, *map(shutil.which, PYTHONS)]):
        run = subprocess.run([name, "-c", needed], capture_output=True, text=True, check=False)
        if run.returncode == 0:
            found.setdefault(run.stdout.strip(), name)
    return sorted(found.values())


@pytest.mark.parametrize("python", pythons())
def test_every_interpreter_has_the_same_hash(python):
    paths = {"PYTHONPATH": os.pathsep.join(["tests", "tests/unit", "."]), "BAYBROKER_CONFIG": "config"}
    run = subprocess.run(
        [python, "-c", DIGEST, "7"], capture_output=True, text=True, check=True, cwd=ROOT, env=os.environ | paths
    )
    assert run.stdout.strip() == digest(scenario(**LIVELY), 7)


def test_the_calendar_knows_when_clocks_change():
    calendar = Calendar(LocalTime("Europe/Oslo"), 1_774_659_600_000)  # 28 March 2026, the day before summer time
    assert np.diff(calendar.hours(0)).tolist() == [HOUR] * 24
    assert sorted(np.diff(calendar.hours(1)).tolist()) == [0] + [HOUR] * 23
    minutes = np.array([-30, 24 * 60, 26 * 60 - 1, 26 * 60 + 30, 27 * 60])
    at = calendar.instants(minutes)
    assert at[1] - at[0] == 90 * 60_000 - 60 * 60_000 + 24 * HOUR
    assert at[2] == at[1] + 2 * HOUR - MINUTE
    assert at[3] == at[4] == at[1] + 2 * HOUR
