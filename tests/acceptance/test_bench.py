"""`baybroker bench` runs through at tiny sizes and says what it measured; no figure is judged here."""

from __future__ import annotations

import sys

import pytest
from brokers import need
from program import baybroker, one_line

SPREAD = {"median", "min", "max"}
CASES = {
    "ingest": (("--messages", 60, "--bays", 7), [0.7, 0.5]),
    "publish": (("--messages", 50, "--bays", 7), [2]),
    "latency": (("--requests", 3, "--bays", 200), [None, 3]),
}
REPETITIONS = 2


@pytest.mark.parametrize("name", CASES)
async def test_a_benchmark_tells_ratios_and_the_machine(name):
    need("mosquitto")
    sizes, targets = CASES[name]
    done = await baybroker("bench", name, *sizes, "--repetitions", REPETITIONS, "--json")
    assert done.code == 0, done
    result = done.json()
    assert result["benchmark"] == name
    assert result["repetitions"] == REPETITIONS
    assert result["machine"]["broker"].startswith("mosquitto version")
    assert result["machine"]["cores"] >= 1
    assert result["machine"]["fsync_us"] > 0
    for row, target in zip(result["rows"], targets, strict=True):
        for side in ("ours", "peer", "ratio"):
            assert set(row[side]) == SPREAD
            assert 0 < row[side]["min"] <= row[side]["median"] <= row[side]["max"]
        assert row["peer_is"]
        assert (row["target"] is None) == (target is None)
        assert row["met"] in ((None,) if target is None else (True, False))
        assert target is None or f"{target:g} x" in row["target"]


async def test_decisions_are_timed_through_a_weekday_without_a_broker():
    done = await baybroker("bench", "decision", "--bays", 300, "--requests", 400, "--hot", 0.5, "--json")
    assert done.code == 0, done
    found = done.json()
    assert 0 < found["median_ms"] <= found["p99_ms"] <= found["max_ms"]
    assert found["accepted_share"] + found["refused_share"] == pytest.approx(1)
    assert found["chain_share"] > 0


async def test_the_world_alone_is_timed_beside_a_simpy_model_of_the_same_events():
    pytest.importorskip("simpy")
    done = await baybroker("bench", "engine", "--scenario", "tiny", "--days", 3, "--repetitions", REPETITIONS, "--json")
    assert done.code == 0, done
    found = done.json()
    (row,) = found["rows"]
    assert row["peer_is"] == "a plain SimPy model"
    assert row["target"] == "at least 20 x"
    assert set(row["ratio"]) == SPREAD
    assert found["events"]["heartbeat"] == [12 * 48 * 3] * 2
    assert min(found["events"]["request"]) > 1_000
    assert len(found["event_hash"]) == 64


async def test_latency_asks_for_bays_that_can_be_had():
    need("mosquitto")
    done = await baybroker("bench", "latency", "--requests", 5, "--bays", 200, "--repetitions", 1, "--json")
    assert done.code == 0, done
    assert done.json()["accepted_share"] > 0.9


async def test_without_mosquitto_it_says_what_to_install(monkeypatch):
    hidden = "import shutil; shutil.which = lambda *_, **__: None; from baybroker.cli import main; main()"
    monkeypatch.setattr("program.PROGRAM", (sys.executable, "-c", hidden))
    assert "mosquitto is not installed" in one_line(await baybroker("bench", "publish"))
