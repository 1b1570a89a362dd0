"""Real stays: what is read of them, and that the sensors say exactly that."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from shared_data import needs
from sim_world import MINUTE, of_kind

from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.topics import TopicKind
from sensors_sim.replay import ReplaySettings, prepare
from sensors_sim.scenario import load_scenario
from sensors_sim.stays import read_stays

REAL, needs_real = needs("residential_presence.csv")
HEAD = "bay,arrived_at,departed_at\n"
SMALL = (
    HEAD
    + """\
Home 1,2022-10-02T20:00:00,2022-10-03T08:00:00
Home 1,2022-10-03T18:30:00,2022-10-04T07:45:00
home-2,2022-10-03T00:00:00,2022-10-03T09:15:00
home-2,2022-10-03T09:15:00,2022-10-03T10:00:00
home-2,2022-10-03T23:00:00,2022-10-05T09:00:00
home-3,2022-11-03T09:15:00,2022-11-03T10:00:00
"""
)


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.csv"
    path.write_text(SMALL)
    return path


def replayed(reel, minutes):
    """Play it by ticks of a minute; return all that is said."""
    running = reel.world(reel.scenario, reel.scenario.start_ms)
    said = []
    for minute in range(minutes + 1):
        said += running.advance(reel.scenario.start_ms + minute * MINUTE)
    return running, said


def test_the_sensors_say_exactly_what_the_file_says(small):
    reel = prepare(ReplaySettings(file=small, from_day=date(2022, 10, 3), days=1))
    running, said = replayed(reel, 24 * 60)
    start = reel.scenario.start_ms
    told = [(one.names["bay"], (one.at_ms - start) // MINUTE, one.message.status) for one in said
            if one.kind is TopicKind.OCCUPANCY and one.at_ms == one.message.observed_at]  # fmt: skip
    changes = {}
    for bay, minute, status in told:
        if not changes.setdefault(bay, []) or changes[bay][-1][1] != status:
            changes[bay].append((minute, status))
    assert changes == {
        "home-1": [(0, "occupied"), (480, "free"), (1110, "occupied")],
        "home-2": [(0, "free"), (0, "occupied"), (555, "free"), (555, "occupied"), (600, "free"), (1380, "occupied")],
        "home-3": [(0, "free")],
    }
    assert running.occupied_at_start == 1
    assert (running.counts["arrivals"], running.counts["departures"]) == (4, 3)


def test_drivers_ask_but_their_cars_move_no_sensor(small):
    quiet, lively = (
        prepare(ReplaySettings(file=small, from_day=date(2022, 10, 3), days=1, requests_per_day=rate))
        for rate in (0.0, 200.0)
    )
    silent, talk = (
        [(one.at_ms, one.names["bay"], one.message) for one in replayed(reel, 600)[1]
         if one.kind is TopicKind.OCCUPANCY]
        for reel in (quiet, lively)
    )  # fmt: skip
    assert silent == talk
    assert len({message.request_id for message in of_kind(replayed(lively, 600)[1], TopicKind.DRIVER_REQUEST)}) > 20


def test_every_bay_is_offered_on_weekdays(small):
    reel = prepare(ReplaySettings(file=small, from_day=date(2022, 10, 3), days=1))
    offers = of_kind(replayed(reel, 1)[1], TopicKind.RESIDENT_OFFER)
    assert Counter(offer.bay for offer in offers) == {"home-1": 1, "home-2": 1, "home-3": 1}
    assert {(offer.rrule, offer.start, offer.end) for offer in offers} == {
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "09:00", "18:00")
    }


def test_by_default_it_begins_on_the_first_day_of_the_file(small):
    assert prepare(ReplaySettings(file=small)).scenario.start.isoformat() == "2022-10-02T00:00:00"


def test_dirty_rows_are_dropped_with_their_line_and_overlaps_merged(tmp_path):
    path = tmp_path / "dirty.csv"
    path.write_text(
        HEAD + "a,2022-10-03T08:00:00,2022-10-03T09:00:00\n"
        "a,2022-10-03T08:30:00,2022-10-03T10:00:00\n"
        "a,yesterday,2022-10-03T10:00:00\n"
        "a,2022-10-03T11:00:00,2022-10-03T11:00:00\n"
        ",2022-10-03T11:00:00,2022-10-03T12:00:00\n"
        "a,2022-10-03T11:00:00\n"
        "a,2022-10-03T12:00:00,9999-10-03T12:00:00\n"
    )
    stays = read_stays(path, "Asia/Seoul")
    assert [bad.line for bad in stays.dropped] == [4, 5, 6, 7, 8]
    assert stays.dropped[0].reason == "arrived_at 'yesterday' is no time such as 2022-10-03T08:15:00"
    assert stays.merged == 1
    (stay,) = stays.all()
    assert stay.departed_ms - stay.arrived_ms == 120 * MINUTE
    assert stay.arrived_ms == 1_664_751_600_000, "08:00 in Seoul"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("bay,from,to\na,1,2\n", "no column arrived_at"),
        (HEAD, "not one usable row"),
        (HEAD + "a,x,y\n", r"not one usable row \(1 dropped\)"),
        (HEAD + "a b,2022-10-03T08:00,2022-10-03T09:00\nA-B,2022-10-03T08:00,2022-10-03T09:00\n", "rename one"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_one_line(tmp_path, text, told):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(SettingsError, match=told):
        read_stays(path, "Asia/Seoul")


def test_a_missing_file_and_an_empty_period_are_told(tmp_path, small):
    with pytest.raises(SettingsError, match="cannot be read"):
        prepare(ReplaySettings(file=tmp_path / "none.csv"))
    with pytest.raises(SettingsError, match="choose another --from"):
        prepare(ReplaySettings(file=small, from_day=date(2030, 1, 1)))


def test_places_come_from_columns_or_a_scenario_or_a_seed(tmp_path, small):
    columns = tmp_path / "places.csv"
    columns.write_text(
        "bay,arrived_at,departed_at,lat,lon,zone\n"
        "a,2022-10-03T08:00,2022-10-03T09:00,37.5,127.0,North Side\n"
        "b,2022-10-03T08:00,2022-10-03T09:00,37.6,127.1,\n"
    )
    city = prepare(ReplaySettings(file=columns, city="seoul")).city
    assert [(bay.lat, bay.zone, bay.gateway) for bay in city.bays.values()] == [
        (37.5, "north-side", "gw-north-side-01"), (37.6, "seoul", "gw-seoul-01"),
    ]  # fmt: skip
    tiny = prepare(ReplaySettings(file=small, scenario=load_scenario("tiny"))).city
    assert {bay.zone for bay in tiny.bays.values()} == {"street"}
    one, same, other = (prepare(ReplaySettings(file=small, seed=seed)).city.bays for seed in (1, 1, 2))
    assert one == same != other


def test_a_scenario_with_too_few_bays_is_refused(tmp_path):
    path = tmp_path / "many.csv"
    path.write_text(HEAD + "".join(f"b{n},2022-10-03T08:00,2022-10-03T09:00\n" for n in range(13)))
    with pytest.raises(SettingsError, match="the scenario has 12 bays, the file 13"):
        prepare(ReplaySettings(file=path, scenario=load_scenario("tiny")))


@needs_real
def test_four_weeks_of_real_stays_give_exactly_their_changes():
    reel = prepare(ReplaySettings(file=REAL, from_day=date(2022, 10, 3), days=28))
    running, said = replayed(reel, 28 * 24 * 60)
    assert (len(reel.city.bays), reel.dropped, reel.merged) == (146, 0, 0)
    assert running.occupied_at_start == 20
    assert (running.counts["arrivals"], running.counts["departures"]) == (1_147, 1_135)
    last = {}
    changes = 0
    for one in said:
        if one.kind is TopicKind.OCCUPANCY:
            changes += last.get(one.names["bay"], one.message.status) != one.message.status
            last[one.names["bay"]] = one.message.status
    assert changes == 2_282
