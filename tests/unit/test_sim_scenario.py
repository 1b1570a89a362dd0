"""Scenarios: what is read, and how a mistake is told."""

from __future__ import annotations

import pytest

from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import Point, bay_records, build_city, distance_m
from sensors_sim.engine.chance import streams
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


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("bays = 2", "bays = 0"), "zones.0.bays: Input should be greater than or equal to 1"),
        (("bays = 2", "bayss = 2"), "zones.0.bayss: Extra inputs are not permitted (and 2 more)"),
        (('city = "c"', 'city = "C!"'), "city: String should match pattern"),
        (("start = 2026-03-02T09:00:00", "start = 2026-03-02T09:00:00Z"), "start: write it without an offset"),
        (('city = "c"', 'city = "c"\ntime_zone = "Seoul"'), "time_zone: 'Seoul' is no IANA time zone"),
        (('city = "c"', 'city = "c'), "not TOML"),
        (("[[drivers", "[drivers]\nno_show_share = 0.9\ncancel_share = 0.9\n[[drivers"), "drivers: no_show_share"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_file_and_field(tmp_path, change, told):
    path = tmp_path / "bad.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(SettingsError) as caught:
        load_scenario(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


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
