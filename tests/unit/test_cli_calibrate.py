"""`baybroker calibrate` on small files: what it fits, writes and tells, and what it refuses."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta

import numpy as np
import pytest

from baybroker.calibrate.heldout import simulated
from baybroker.cli import main
from sensors_sim.profile import load_profile

MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001 - local times, as in the files
RUBBISH = [
    "b-0,yesterday,2024-01-02T08:00:00",
    "b-0,2024-01-02T08:00:00,2024-01-01T08:00:00",
    ",2024-01-01T08:00:00,2024-01-02T08:00:00",
    "b-1,2024-01-01T08:00:00",
]


def rows(bays, days, *, offset=""):
    made = simulated(load_profile("norway-homes").residents.presence(), bays, days, np.random.default_rng(4))
    for bay, *times in zip(made.bay, made.arrived, made.departed, strict=True):
        arrived, departed = ((MONDAY + timedelta(minutes=int(at))).isoformat() + offset for at in times)
        yield f"b-{bay},{arrived},{departed}"


@pytest.fixture
def presence(tmp_path):
    path = tmp_path / "homes.csv"
    path.write_text("\n".join(["bay,arrived_at,departed_at", *rows(14, 120), *RUBBISH]))
    return path


@pytest.fixture
def stays(tmp_path):
    path = tmp_path / "kerb.csv"
    drawn = np.random.default_rng(5).lognormal(3, 1.2, 3_000)
    path.write_text("\n".join(["minutes", *(f"{minutes:.2f}" for minutes in drawn), "long", "-4", "nan"]))
    return path


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["baybroker", "calibrate", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return ended.value.code or 0, said.out, said.err


def test_residents_and_visitors_are_fitted_written_and_told(monkeypatch, capsys, tmp_path, presence, stays):
    out, report = tmp_path / "mine.toml", tmp_path / "mine.html"
    code, said, _ = run(
        monkeypatch, capsys, presence, "--stays", stays, "--out", out, "--report", report, "--splits", 2, "--json"
    )
    found = json.loads(said)
    assert code == 0
    homes, kerb = found["residents"], found["visitors"]
    assert (homes["bays"], homes["dropped_rows"], homes["merged_rows"]) == (14, 4, 0)
    assert "'yesterday' is no time" in homes["first_dropped"]
    assert homes["held_out"]["splits"] == 2
    assert 0 < homes["held_out"]["simulated"]["present_weekday_points"] < 30
    assert kerb["dropped_rows"] == 3
    assert (kerb["fitted"]["stay_log_mean"], kerb["fitted"]["stay_log_sd"]) == pytest.approx((3, 1.2), abs=0.1)
    profile = load_profile(str(out))
    assert profile.visitors.model_dump() == kerb["fitted"]
    assert profile.about.startswith(f"homes.csv: {homes['used_bays']} bays")
    page = report.read_text()
    assert page.count("plotly.js v") == 1
    assert "<script src" not in page
    assert [f'id="figure-{number}"' in page for number in range(1, 7)] == [True] * 5 + [False]
    assert page.count("<table>") == 2


def test_people_are_told_in_words(monkeypatch, capsys, tmp_path, presence):
    out = tmp_path / "mine.toml"
    code, said, _ = run(monkeypatch, capsys, presence, "--out", out, "--splits", 1)
    assert code == 0
    assert "4 unreadable rows dropped (the first: line " in said
    assert "a third of the bays held out" in said
    assert f"written: {out}" in said


def test_overlapping_rows_are_merged_and_told(monkeypatch, capsys, tmp_path):
    path = tmp_path / "homes.csv"
    made = list(rows(3, 120))
    path.write_text("\n".join(["bay,arrived_at,departed_at", *made, *made[:5]]))
    code, said, _ = run(monkeypatch, capsys, path, "--splits", 1)
    assert code == 0
    assert "5 overlapping ones merged" in said
    assert "too few for a held-out check" in said


def test_the_clock_on_the_wall_counts_whatever_its_offset(monkeypatch, capsys, tmp_path):
    written = []
    for offset in ("", "+09:00"):
        path = tmp_path / "homes.csv"
        path.write_text("\n".join(["bay,arrived_at,departed_at", *rows(3, 120, offset=offset)]))
        out = tmp_path / "mine.toml"
        run(monkeypatch, capsys, path, "--out", out, "--splits", 1)
        written.append(out.read_text())
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("content", "option", "told"),
    [
        ("bay,arrived_at,departed_at\nb,2024-01-01T08:00,2024-01-01T09:00", None, "no bay has at least 30 stays"),
        ("bay,arrived_at,departed_at\nb,soon,late", None, "not one usable row (1 dropped)"),
        ("bay,from,to\n", None, "no column arrived_at"),
        ("minutes\n7\n8\nx", "--stays", "2 usable stays of 5 minutes and longer: too few"),
        ("length\n7", "--stays", "no column minutes, nor Status, ArrivalTime and DepartureTime"),
    ],
)
def test_a_file_that_says_too_little_is_refused(monkeypatch, capsys, tmp_path, content, option, told):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    code, said, error = run(monkeypatch, capsys, *([option] if option else []), path)
    assert (code, said) == (2, "")
    (line,) = error.splitlines()
    assert told in line


def test_nothing_to_fit_and_no_place_to_write_are_refused(monkeypatch, capsys, tmp_path, stays):
    assert "name a file of presence rows" in run(monkeypatch, capsys)[2]
    nowhere = tmp_path / "no" / "mine.toml"
    code, _, error = run(monkeypatch, capsys, "--stays", stays, "--out", nowhere, "--splits", 1)
    assert (code, error) == (2, f"baybroker: {nowhere}: cannot be written: No such file or directory\n")


def test_sensors_stays_are_timed_by_their_ends_and_vacancies_left_out(monkeypatch, capsys, tmp_path):
    path = tmp_path / "kerb.csv"
    lines = ["Status,ArrivalTime,DepartureTime,DurationSeconds"]
    for minutes in range(1, 61):
        left = MONDAY + timedelta(minutes=minutes)
        lines += [f"{status},{MONDAY},{left},300" for status in ("Present", "NotPresent")]
    path.write_text("\n".join([*lines, f"Present,{MONDAY},?,300"]))
    code, said, _ = run(monkeypatch, capsys, "--stays", path, "--splits", 1, "--json")
    assert code == 0
    assert json.loads(said)["visitors"]["used_stays"] == 56
    assert json.loads(said)["visitors"]["dropped_rows"] == 1


def test_a_figure_that_nothing_tells_is_none(monkeypatch, capsys, tmp_path):
    # every car is away from 20:00 to 21:00, each day: no morning departures, and all bays alike
    path = tmp_path / "homes.csv"
    lines = ["bay,arrived_at,departed_at"]
    for bay in range(9):
        for day in range(40):
            arrived, departed = (MONDAY + timedelta(days=day, hours=hours) for hours in (21, 44))
            lines.append(f"b-{bay},{arrived.isoformat()},{departed.isoformat()}")
    path.write_text("\n".join(lines))
    code, said, _ = run(monkeypatch, capsys, path, "--splits", 1, "--json")
    found = json.loads(said)["residents"]["held_out"]["real"]
    assert code == 0
    assert found["changes_share"] == pytest.approx(0)
    assert (found["morning_sd_share"], found["spread_noon_share"]) == (None, None)
    assert "│         - │" in run(monkeypatch, capsys, path, "--splits", 1)[1]
