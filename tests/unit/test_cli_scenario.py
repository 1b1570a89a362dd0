"""`baybroker scenario`: every mistake with its line, and what a world comes to."""

from __future__ import annotations

import json
import sys

import pytest

from baybroker.cli import main

BAD = """\
city = "Seoul"
start = 2026-03-02T09:00:00
zones = [{ name = "z", lat = 37.4, lon = 126.9, bays = 0 }]
[[drivers.hot_spots]]
lat = 37.4
lon = 526.9
"""


@pytest.fixture
def baybroker(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["baybroker", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, capsys.readouterr()

    return run


def test_check_tells_every_mistake_with_its_line(baybroker, tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(BAD)
    code, said = baybroker("scenario", "check", file)
    assert (code, said.out) == (2, "")
    assert [line.rsplit(": ", 1)[0] for line in said.err.splitlines()] == [
        f"{file}:1: city",
        f"{file}:3: zones.0.bays",
        f"{file}:6: drivers.hot_spots.0.lon",
    ]
    code, said = baybroker("scenario", "check", file, "--json")
    assert code == 2
    assert [(one["line"], one["field"]) for one in json.loads(said.out)["mistakes"]] == [
        (1, "city"), (3, "zones.0.bays"), (6, "drivers.hot_spots.0.lon"),
    ]  # fmt: skip


def test_show_tells_what_a_world_comes_to(baybroker):
    _, said = baybroker("scenario", "show", "bad-day", "--json")
    summary = json.loads(said.out)["summary"]
    assert (summary["bays"], summary["zones"], summary["gateways"], summary["requests_per_day"]) == (300, 4, 10, 1440)
    assert summary["windows"]["MO,TU,WE,TH,FR 09:00-18:00"] == "33% of bays"
    assert summary["faults"]["stuck_free"] == 2
    _, said = baybroker("scenario", "show", "bad-day")
    assert "requests per day 1440" in said.out
    assert "stuck_free (2)" in said.out


def test_a_shown_file_is_a_start_for_ones_own(baybroker, tmp_path):
    _, said = baybroker("scenario", "show", "tiny", "--file")
    own = tmp_path / "own.toml"
    own.write_text(said.out)
    code, said = baybroker("scenario", "check", own)
    assert (code, said.out) == (0, f"{own}: right: 12 bays in 1 zones of tiny\n")
