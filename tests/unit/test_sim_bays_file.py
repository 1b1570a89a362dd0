"""The bays of a file: what a scenario makes of them, and how each mistake is told with its line."""

from __future__ import annotations

import pytest
from sim_world import HOUR, of_kind

from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.messages import OfferWeekly
from broker_bridge.wire.topics import TopicKind
from sensors_sim.bays_file import MISTAKES_MAX, read_bays
from sensors_sim.city import build_city
from sensors_sim.engine.chance import streams
from sensors_sim.engine.world import World
from sensors_sim.mistakes import MistakesError
from sensors_sim.scenario import load_scenario

HEAD = "bay,zone,lat,lon,gateway,resident,windows,tariff\n"
WINDOWS = '"MO,TU 09:00-18:00; SA 22:00-02:00"'
TOML = """
city = "c"
start = 2026-03-02T09:00:00
bays_file = "bays.csv"
[drivers]
background_share = 1.0
requests_per_hour = 0
"""


def test_a_scenario_has_the_bays_of_the_file_beside_it(tmp_path):
    (tmp_path / "bays.csv").write_text(f"{HEAD}b-1,z,37.1,127.1,gw-9,res-x,{WINDOWS},t\nb-2,z,37.2,127.2,,,,\n")
    (tmp_path / "mine.toml").write_text(TOML)
    rules = load_scenario(str(tmp_path / "mine.toml"))
    city = build_city(rules, streams(1).city)
    one, two = city.bays["b-1"], city.bays["b-2"]
    assert (one.gateway, one.resident, one.tariff, one.lat) == ("gw-9", "res-x", "t", 37.1)
    assert [(window.rrule, window.start, window.end) for window in one.windows] == [
        ("FREQ=WEEKLY;BYDAY=MO,TU", "09:00", "18:00"),
        ("FREQ=WEEKLY;BYDAY=SA", "22:00", "02:00"),
    ]
    assert (two.gateway, two.resident, two.tariff, two.windows) == ("gw-z-01", "res-b-2", None, ())

    world = World(city, rules, 1)
    offers = of_kind(world.advance(world.start_ms), TopicKind.RESIDENT_OFFER)
    of_one = [offer for offer in offers if offer.bay == "b-1"]
    assert {(type(offer), offer.rrule, offer.start) for offer in of_one} == {
        (OfferWeekly, "FREQ=WEEKLY;BYDAY=MO,TU", "09:00"),
        (OfferWeekly, "FREQ=WEEKLY;BYDAY=SA", "22:00"),
    }


def test_a_resident_keeps_out_of_a_window_that_ends_on_the_next_day(tmp_path):
    (tmp_path / "bays.csv").write_text(HEAD + "".join(f'b-{n},z,37.1,127.1,,,"MO 12:00-01:00",\n' for n in range(40)))
    (tmp_path / "mine.toml").write_text(TOML + "[residents]\nearly_return_share = 0\n[squatters]\nper_bay_day = 0\n")
    rules = load_scenario(str(tmp_path / "mine.toml"))
    world = World(build_city(rules, streams(1).city), rules, 1)
    world.advance(world.start_ms + 13 * HOUR)
    at_home = sum(world.truth.occupied(f"b-{n}") for n in range(40))
    assert at_home < 20  # a fifth does not go out at all


@pytest.mark.parametrize(
    ("content", "mistakes"),
    [
        ("", [(1, "bay"), (1, "zone"), (1, "lat"), (1, "lon")]),
        ("bay,zone,lat,lon,colour\n", [(1, "colour")]),
        (HEAD, [(1, "file")]),
        (HEAD + "b-1,z,1,1,,,,\nb-1,z,1,1,,,,\n", [(3, "bay")]),
        (HEAD + "B 1,,91,east,G,R,soon,T\n", [(2, name) for name in HEAD.strip().split(",") if name != "windows"]),
        (HEAD + "b-1,z,nan,1,,,MO 9-18,\n", [(2, "lat"), (2, "windows")]),
        (HEAD + "b-1,z,1,1,,,XX 09:00-18:00,\n", [(2, "windows")]),
        (HEAD + "b-1,z,1\nb-2,z,1,1,,,,,\n\nb-3,z,1,1,,,,\n", [(2, "row"), (3, "row")]),
        (HEAD + 'b-1,"z', [(2, "row")]),
    ],
)
def test_every_mistake_is_told_with_its_line_and_column(tmp_path, content, mistakes):
    path = tmp_path / "bays.csv"
    path.write_text(content)
    with pytest.raises(MistakesError) as caught:
        read_bays(path, 32)
    found = {(line, field) for line, field, _ in caught.value.mistakes}
    assert found >= set(mistakes)
    assert str(caught.value).startswith(f"{path}:{mistakes[0][0]}: ")


def test_a_file_of_mistakes_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "bays.csv"
    path.write_text(HEAD + "b-1\n" * 3 * MISTAKES_MAX)
    with pytest.raises(MistakesError, match=rf"and {MISTAKES_MAX - 1} more") as caught:
        read_bays(path, 32)
    assert len(caught.value.mistakes) == MISTAKES_MAX


def test_a_missing_file_is_told(tmp_path):
    (tmp_path / "mine.toml").write_text(TOML)
    with pytest.raises(SettingsError, match=r"bays\.csv:1: file: cannot be read: No such file"):
        load_scenario(str(tmp_path / "mine.toml"))
