"""Tariffs as files, and as names that bays bear."""

from __future__ import annotations

import csv

import pytest
from deskwork import DeskWork, spec

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.money import Tariff
from allocator.service.start import restore
from allocator.service.tariffs import load_tariff, load_tariffs
from allocator.store.base import Loaded
from baybroker.cli.allocate import service_settings
from baybroker.register.file import read_csv
from broker_bridge.wire.errors import SettingsError
from sensors_sim.city import bay_records, build_city
from sensors_sim.config_files import config_dir
from sensors_sim.engine.chance import streams
from sensors_sim.scenario import Scenario, load_scenario

GOOD = 'base_won = 600\nbase_min = 30\nstep_won = 200\nstep_min = 10\nresident_pct = 50\nsource = "here"\n'
CHEAP = Tariff(name="cheap", base_won=300)


def test_every_tariff_names_where_its_figures_come_from():
    known = load_tariffs(config_dir() / "tariffs")
    assert {"seoul", "gwanak", "seocho", "geumcheon", "yongsan", "jongno", "gangdong"} <= set(known)
    assert all(listed.tariff.name == name and listed.source for name, listed in known.items())


def test_a_surcharge_that_is_not_given_is_twice_the_step(tmp_path):
    path = tmp_path / "here.toml"
    path.write_text(GOOD)
    assert load_tariff(path).tariff == Tariff(name="here")
    path.write_text(GOOD + "overstay_won = 0\n")
    assert load_tariff(path).tariff.overstay_won == 0


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("here", GOOD + "discount = 1", "here.toml: discount: Extra inputs"),
        ("here", GOOD.replace("resident_pct = 50", "resident_pct = 101"), "resident_pct: .* less than or equal to 100"),
        ("here", GOOD.replace("step_min = 10", "step_min = 0"), "step_min: "),
        ("here", GOOD.replace("base_won = 600", "base_won = 600.5"), "base_won: "),
        ("here", GOOD.replace('source = "here"\n', ""), "source: Field required"),
        ("here", "base_won =", "not TOML"),
        ("Here!", GOOD, "a tariff's name has a-z"),
    ],
)
def test_a_mistake_in_a_file_is_one_clear_line(tmp_path, name, text, said):
    path = tmp_path / f"{name}.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said):
        load_tariffs(tmp_path)


def test_a_folder_that_is_missing_is_told(tmp_path):
    with pytest.raises(SettingsError, match="no such folder of tariffs"):
        load_tariffs(tmp_path / "none")


def test_a_bay_with_a_tariff_that_nobody_knows_is_not_registered():
    work = DeskWork(spec("b1"), settings=Settings(tariffs={"cheap": CHEAP}))
    specs = (spec("b2", tariff="cheap"), spec("b3", tariff="gold"))
    work.give(c.RegisterBays(operator="op-1", request_id="more", specs=specs), ("operators/op-1", "more"))
    assert [event.reason for event in work.named(e.OperatorCommandRefused)] == ["tariff_unknown"]
    assert set(work.state.board.number) == {"b1"}


def test_a_start_without_a_tariff_that_bays_have_is_refused():
    work = DeskWork(spec("b1", tariff="cheap"), settings=Settings(tariffs={"cheap": CHEAP}))
    loaded = Loaded(snapshot=None, events=work.events, tables=work.state.image(), heard=[], outbox=[], meta={})
    assert restore(loaded, work.state.settings, work.now).image() == work.state.image()
    with pytest.raises(SettingsError, match="the tariff 'cheap', which is not in config/tariffs/"):
        restore(loaded, Settings(), work.now)


def test_a_scenarios_zone_names_the_tariff_of_its_bays():
    world = load_scenario("demo")
    assert {record.tariff for record in bay_records(build_city(world, streams(1).city))} == {"gwanak"}
    settings = service_settings("demo", None, None, "bind-late", simulated_clock=True)
    assert settings.register[0].tariff == "gwanak"
    assert settings.rules.tariff.name == "seoul"
    assert settings.rules.tariff_of(settings.register[0]).resident_pct == 50


def test_a_tariff_that_is_none_is_refused_before_anything_starts(monkeypatch):
    with pytest.raises(SettingsError, match="no tariff is named 'gold'; there are: dongjak, "):
        service_settings(None, None, None, "bind-late", simulated_clock=False, tariff="gold")
    zone = load_scenario("tiny").zones[0].model_copy(update={"tariff": "gold"})
    world = load_scenario("tiny").model_copy(update={"zones": (zone,)})
    monkeypatch.setattr("baybroker.cli.allocate.load_scenario", lambda _: Scenario.model_validate(world.model_dump()))
    with pytest.raises(SettingsError, match="no tariff is named 'gold'"):
        service_settings("tiny", None, None, "bind-late", simulated_clock=False)


def test_a_line_of_a_register_may_name_a_tariff(tmp_path):
    path = tmp_path / "bays.csv"
    with path.open("w", newline="") as file:
        rows = [
            ("bay", "zone", "lat", "lon", "gateway", "tariff"),
            ("b1", "z", 1, 1, "g", "cheap"),
            ("b2", "z", 1, 1, "g", ""),
        ]
        csv.writer(file).writerows(rows)
    assert [record.tariff for record in read_csv(path)] == ["cheap", None]
