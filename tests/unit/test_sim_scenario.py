"""Scenarios: what is read, and how a mistake is told."""

from __future__ import annotations

from itertools import pairwise

import pytest
from sim_world import HOUR, of_kind, scenario, world

from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.topics import TopicKind
from sensors_sim.city import Point, bay_records, build_city, distance_m
from sensors_sim.config_files import find_config
from sensors_sim.engine.chance import streams
from sensors_sim.engine.demand import Destinations
from sensors_sim.faults import FaultKind
from sensors_sim.mistakes import MistakesError
from sensors_sim.scenario import load_scenario

DEMO = load_scenario("demo")
GOOD = """
city = "c"
start = 2026-03-02T09:00:00
[[zones]]
name = "z"
lat = 37.4
lon = 126.9
bays = 2
[[drivers.hot_spots]]
lat = 37.4
lon = 126.9
"""


def test_the_demo_is_a_neighbourhood_of_300_bays_that_begins_on_a_monday_at_nine():
    city = build_city(DEMO, streams(DEMO.seed).city)
    assert (len(city.bays), len(city.gateways)) == (300, 10)
    assert DEMO.start_ms == 1_772_409_600_000
    assert {bay.zone for bay in city.bays.values()} == {"sillim", "bongcheon", "nakseong", "daehak"}
    assert all(record.gateway.startswith("gw-") and record.resident for record in bay_records(city))


def test_bays_stand_along_streets_not_on_top_of_each_other():
    city = build_city(DEMO, streams(1).city)
    first, second, *_ = (bay for bay in city.bays.values() if bay.zone == "sillim")
    assert 5 < distance_m(Point(first.lat, first.lon), Point(second.lat, second.lon)) < 17


def test_a_path_is_read_too(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text(GOOD)
    assert load_scenario(str(path)).zones[0].bays == 2


def test_a_profile_of_ones_own_lies_beside_the_scenario(tmp_path):
    shipped = find_config("profiles", "norway-homes").read_text()
    (tmp_path / "ours.toml").write_text(shipped.replace("weekday_factor = [", "weekday_factor = [ # ours"))
    (tmp_path / "my.toml").write_text(GOOD + '[residents]\nprofile = "ours.toml"\n')
    assert load_scenario(str(tmp_path / "my.toml")).presence.weekday_factor[0] == DEMO.presence.weekday_factor[0]
    (tmp_path / "other.toml").write_text(GOOD + '[residents]\nprofile = "theirs.toml"\n')
    with pytest.raises(SettingsError, match=r"13: residents\.profile: .*theirs\.toml: no such file"):
        load_scenario(str(tmp_path / "other.toml"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("bays = 2", "bays = 0"), "8: zones.0.bays: Input should be greater than or equal to 1"),
        (("[[drivers", '[residents]\nprofile = "no"\n[[drivers'), "10: residents.profile: no profile is named 'no'"),
        (("bays = 2", "bayss = 2"), "8: zones.0.bayss: there is no such field (and 1 more)"),
        (('city = "c"', 'city = "C!"'), "2: city: String should match pattern"),
        (("start = 2026-03-02T09:00:00", "start = 2026-03-02T09:00:00Z"), "3: start: write it without an offset"),
        (('city = "c"', 'city = "c"\ntime_zone = "Seoul"'), "3: time_zone: 'Seoul' is no IANA time zone"),
        (("[[drivers.hot_spots]]\nlat = 37.4\nlon = 126.9", "[drivers]"), "9: drivers: without hot_spots"),
        (('city = "c"', 'city = "c'), " not TOML"),
        (('city = "c"', "x = " + "[" * 3000), " not TOML"),
        (("[[drivers", "[drivers]\nno_show_share = 0.9\ncancel_share = 0.9\n[[drivers"), "9: drivers: no_show_share"),
        (('city = "c"', 'city = "c"\ntariffs_folder = "none"'), "3: tariffs_folder: there is no folder"),
        (("[[zones]]", "[[zones]]\nradius_m = 90\nstreets = 2"), "4: zones.0: radius_m scatters the bays"),
        (('city = "c"', 'city = "c"\nbays_file = "b.csv"'), "1: scenario: say where the bays are"),
        (
            ('city = "c"', 'city = "c"\noffers.windows = [{start="09:00", end="18:00", rrule="DAILY"}]'),
            "3: offers.windows",
        ),
        (("[[drivers", "[sensors]\nbattery_to_pct = 3\n[[drivers"), "9: sensors: battery_from_pct must not be above"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_file_line_and_field(tmp_path, change, told):
    path = tmp_path / "bad.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(SettingsError) as caught:
        load_scenario(str(path))
    assert str(caught.value).startswith(f"{path}:{told}")
    assert "\n" not in str(caught.value)


FAULT = '[[faults]]\nkind = "offline"\nafter_min = 5\nfor_min = 60\n'


@pytest.mark.parametrize(
    "fault",
    [
        FAULT,
        FAULT.replace("after_min = 5", "at = 2026-03-02T10:00:00") + 'zones = ["z"]\nshare = 0.5\n',
        FAULT.replace("after_min = 5", "at = 10:00:00") + 'bays = ["z-0001"]\n',
        FAULT.replace("offline", "gateway_down").replace("after_min = 5", "per_day = 0.1") + 'gateways = ["gw-z-01"]\n',
        '[[faults]]\nkind = "reboot"\nper_day = 2\n',
    ],
)
def test_a_fault_is_on_a_plan_or_at_a_rate(tmp_path, fault):
    path = tmp_path / "good.toml"
    path.write_text(GOOD + fault)
    assert len(load_scenario(str(path)).faults) == 1


def test_all_mistakes_are_told_in_the_order_of_the_file(tmp_path):
    path = tmp_path / "bad.toml"
    bad = [
        FAULT.replace("offline", "lazy"),
        FAULT.replace("after_min = 5", ""),
        FAULT.replace("after_min = 5", 'at = "soon"'),
        FAULT.replace("for_min = 60", ""),
        FAULT + "flap_s = 3\n",
        FAULT + 'bays = ["z-0001"]\nzones = ["z"]\n',
    ]
    path.write_text(GOOD.replace('city = "c"', 'town = "c"') + "".join(bad))
    with pytest.raises(MistakesError) as caught:
        load_scenario(str(path))
    assert [(line, field) for line, field, _ in caught.value.mistakes] == [
        (1, "city"), (2, "town"), (13, "faults.0.kind"), (16, "faults.1"), (22, "faults.2.at"), (24, "faults.3"),
        (28, "faults.4"), (33, "faults.5"),
    ]  # fmt: skip


def test_a_fault_at_a_place_that_the_city_does_not_have_is_a_mistake(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(GOOD + FAULT + 'bays = [\n  "z-0001",\n  "z-0003",\n]\n' + FAULT + 'zones = ["y"]\n')
    with pytest.raises(MistakesError) as caught:
        load_scenario(str(path))
    assert [mistake.reason for mistake in caught.value.mistakes] == [
        "the city has no bay 'z-0003'",
        "the city has no zone 'y'",
    ]
    assert [mistake.line for mistake in caught.value.mistakes] == [18, 24]


def test_the_scattered_bays_of_a_zone_stand_in_short_rows_all_over_it():
    rules = scenario(bays=400, zones=[{"name": "gu", "lat": 37.5, "lon": 127.0, "bays": 400, "radius_m": 900}])
    bays = list(build_city(rules, streams(1).city).bays.values())
    away_m = sorted(distance_m(Point(37.5, 127.0), Point(bay.lat, bay.lon)) for bay in bays)
    assert away_m[-1] < 960
    assert 550 < away_m[200] < 720  # half of a disc lies within 0.71 of its radius
    steps_m = [distance_m(Point(a.lat, a.lon), Point(b.lat, b.lon)) for a, b in pairwise(bays)]
    assert sorted(steps_m)[340] < 12 < sorted(steps_m)[352]  # seven steps of eight are along a row


# name: bays, zones, wishes a day at least, share of them at hot spots
WORLDS = {
    "gwanak": (137, 8, 100, 1.0),
    "seoul-shared": (7_200, 25, 7_200 * 0.48, 0.65),
    "seoul-all": (120_000, 25, 60_000, 0.65),
    "stress": (1_800, 5, 31_494 / 3 - 5, 1.0),
    "bad-day": (300, 4, 1_000, 1.0),
}


@pytest.mark.parametrize("name", WORLDS)
def test_the_shipped_scenarios_are_what_they_say(name):
    bays, zones, wishes, hot = WORLDS[name]
    world = load_scenario(name)
    city = build_city(world, streams(world.seed).city)
    assert (len(city.bays), len({bay.zone for bay in city.bays.values()})) == (bays, zones)
    assert world.drivers.requests_per_hour * 24 >= wishes
    assert 1 - world.drivers.background_share == pytest.approx(hot)
    rng, near = streams(1).drivers, 0
    spots = [(Point(spot.lat, spot.lon), 3.5 * spot.spread_m) for spot in world.drivers.hot_spots]
    wanted = zip(*Destinations(world.drivers, city).draw(rng, 400), strict=True)
    for lat, lon in wanted:
        near += any(distance_m(Point(lat / 1e6, lon / 1e6), at) < within_m for at, within_m in spots)
    assert hot - 0.08 < near / 400 <= (1.0 if hot == 1 else hot + 0.2)


def test_a_bad_day_has_every_kind_of_fault():
    assert {fault.kind for fault in load_scenario("bad-day").faults} == set(FaultKind)


def test_without_hot_spots_wishes_go_to_any_bay():
    rules = scenario(drivers={"hot_spots": [], "background_share": 1.0, "requests_per_hour": 60})
    here = world(rules)
    asked = of_kind(here.advance(here.start_ms + 4 * HOUR), TopicKind.DRIVER_REQUEST)
    assert len(asked) > 20
    assert all(abs(one.destination.lat - 37.4842) < 0.01 for one in asked)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(SettingsError, match=r"no scenario is named 'nowhere'; there are: .*demo, .*tiny"):
        load_scenario("nowhere")


def test_the_environment_names_another_folder(tmp_path, monkeypatch):
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "mine.toml").write_text(GOOD)
    monkeypatch.setenv("BAYBROKER_CONFIG", str(tmp_path))
    assert load_scenario("mine").city == "c"
    monkeypatch.setenv("BAYBROKER_CONFIG", str(tmp_path / "missing"))
    with pytest.raises(SettingsError, match="no folder"):
        load_scenario("mine")


def test_another_folder_than_the_checkout_still_finds_the_scenarios(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_scenario("tiny").city == "tiny"
