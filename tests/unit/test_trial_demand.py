"""A user's own demand: what is read, and what is told of a bad row."""

from __future__ import annotations

import pytest

from baybroker.lab.trial.demand_file import read_demand
from sensors_sim.mistakes import MistakesError

HEAD = "asked_at,arrive_at,stay_min,lat,lon,max_walk_m,max_price_won"
GOOD = "2026-03-02T09:30,2026-03-02T10:00,60,37.4842,126.9296,300,"


@pytest.fixture
def written(tmp_path):
    def write(*rows):
        path = tmp_path / "demand.csv"
        path.write_text("\n".join([HEAD, *rows]), encoding="utf-8")
        return path

    return write


def test_rows_are_read_in_order_of_asking_and_local_time(written):
    late = "2026-03-02T01:30:00Z,2026-03-02T10:30,5,37.5,127,100,2000"
    asked = read_demand(written(late, GOOD), "Asia/Seoul")
    assert (asked.at_ms[1] - asked.at_ms[0]) == 60 * 60_000
    assert asked.lead_ms.tolist() == [30 * 60_000, 0]
    assert (asked.lat.tolist(), asked.lon.tolist()) == ([37_484_200, 37_500_000], [126_929_600, 127_000_000])
    assert asked.max_price_won.tolist() == [-1, 2000]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (GOOD.replace("09:30", "25:30"), "3: asked_at: '2026-03-02T25:30': write a time as 2026-03-02T09:30"),
        (GOOD.replace(",60,", ",long,"), "3: stay_min: 'long': is no whole number"),
        (GOOD.replace(",60,", ",2,"), "3: stay_min: '2': must be 5 to 10080"),
        (GOOD.replace("37.4842", "137.4"), "3: lat: '137.4': must be -90 to 90 degrees"),
        (GOOD.replace("37.4842", "nan"), "3: lat: 'nan': must be -90 to 90 degrees"),
        (GOOD.replace("10:00", "09:00"), "3: arrive_at: '2026-03-02T09:00': before asked_at"),
        ("2026-03-02T09:30", "3: arrive_at: '': write a time as 2026-03-02T09:30 (and 4 more)"),
    ],
)
def test_a_bad_row_is_told_with_its_line(written, row, said):
    with pytest.raises(MistakesError, match=r"demand\.csv:") as refused:
        read_demand(written(GOOD, row), "Asia/Seoul")
    assert str(refused.value).endswith(f"demand.csv:{said}")


def test_a_file_without_rows_or_columns_is_told(written, tmp_path):
    with pytest.raises(MistakesError, match="no request in it"):
        read_demand(written(), "Asia/Seoul")
    (tmp_path / "x.csv").write_text("when,where\n1,2\n")
    with pytest.raises(MistakesError, match="1: asked_at: no such column"):
        read_demand(tmp_path / "x.csv", "Asia/Seoul")
