"""`auto` offers on real residents whom the figures were not fitted on, and the figures that are shipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from program import baybroker, one_line

from baybroker.presence.table import load_absence

SHARED = os.environ.get("BAYBROKER_SHARED_DATA", str(Path(__file__).parents[3] / "shared" / "data"))
REAL = Path(SHARED) / "residential_presence.csv"


@pytest.mark.skipif(not REAL.exists(), reason="the real stays (../shared/data/residential_presence.csv) are not here")
async def test_held_out_residents_come_back_as_predicted_and_the_shipped_figures_are_the_fit(tmp_path):
    out = tmp_path / "fitted.toml"
    asked = ["bench", "auto", "--presence", str(REAL), "--splits", "3", "--fit", str(out), "--json"]
    done = await baybroker(*asked)
    assert done.code == 0, done.err
    found = done.json()
    assert found["met"]
    judged = [row for row in found["rows"] if row["target"]]
    assert len(judged) == 8
    assert all(row["met"] for row in judged)
    assert load_absence(str(out)) == load_absence()


async def test_without_a_file_of_stays_it_says_what_to_do(tmp_path):
    assert "--presence" in one_line(await baybroker("bench", "auto", "--presence", tmp_path / "none.csv"))
