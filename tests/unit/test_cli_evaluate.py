"""`baybroker evaluate` on a small scenario: what it prints and writes, and what it refuses."""

from __future__ import annotations

import csv
import json
import sys

import pytest

from baybroker.cli import main

DEMAND = "asked_at,arrive_at,stay_min,lat,lon,max_walk_m\n"
ROWS = "".join(f"2026-03-02T09:{minute:02},2026-03-02T10:{minute:02},30,37.4842,126.9296,300\n" for minute in range(20))


@pytest.fixture
def evaluate(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["baybroker", "evaluate", "--scenario", "tiny", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def test_a_users_own_demand_is_played_and_written_in_every_form(evaluate, tmp_path):
    demand, figures, page = tmp_path / "demand.csv", tmp_path / "runs.csv", tmp_path / "page.html"
    demand.write_text(DEMAND + ROWS)
    code, said, _ = evaluate(
        "--requests", demand, "--policy", "nearest", "--csv", figures, "--report", page, "--json", "--workers", 1
    )
    found = json.loads(said)
    assert code == 0
    assert (found["scenario"], found["days"], found["bays"], found["requests"]) == ("tiny", 1, 12, 20)
    (run,) = found["runs"]
    assert run["accepted"] + run["refused"] == 20
    assert {"wall_s", "peak_rss_mib", "sensor_events", "event_hash"} <= set(found)
    with figures.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["policy"], row["served"]) == ("nearest", str(run["served"]))
    html = page.read_text(encoding="utf-8")
    assert "of the visitors had booked" in html
    assert "src=" not in html.split("<body>")[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--policy", "best"), "no policy is called 'best'"),
        (("--csv", "nowhere/x.csv"), "there is no folder"),
        (("--report", "nowhere/x.html"), "there is no folder"),
        (("--scenario", "atlantis"), "atlantis"),
    ],
)
def test_bad_input_is_one_line_and_code_2(evaluate, arguments, said):
    code, out, err = evaluate(*arguments)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert said in line


def test_a_bad_row_of_a_demand_is_told_with_its_line(evaluate, tmp_path):
    demand = tmp_path / "demand.csv"
    demand.write_text(DEMAND + ROWS + "tomorrow,2026-03-02T10:00,30,37.4842,126.9296,300\n")
    code, _, err = evaluate("--requests", demand)
    assert code == 2
    assert "demand.csv:22: asked_at: 'tomorrow'" in err


def test_parquet_without_pyarrow_names_the_remedy(evaluate, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    code, _, err = evaluate("--export", tmp_path)
    assert (code, err) == (2, 'baybroker: Parquet needs pyarrow: pip install "baybroker[parquet]"\n')
