"""A day in virtual time: deterministic, the same world for every policy, nothing lost and nothing booked twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk_core import DeskCore
from pyarrow import parquet

from baybroker.lab.trial.run import Played, Trial
from baybroker.verify import verify_history
from sensors_sim.scenario import load_scenario

TRIAL = Trial(scenario=load_scenario("tiny"), policy="bind-late", seed=1, days=1)
NOT_THE_RUNS = {"wall_s": 0, "peak_rss_mib": 0}


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def run(export):
    return Played(replace(TRIAL, export=export)).play(lambda _: None)


def test_the_same_seed_gives_the_same_run_through_the_service_and_breaks_no_rule(run, tmp_path):
    database = tmp_path / "day.db"
    cores = []

    def through_the_service(settings, now):
        cores.append(DeskCore(settings, now, database, TRIAL.scenario.city))
        return cores[0]

    again = Played(TRIAL, core_of=through_the_service).play(lambda _: None)
    cores[0].close()
    assert replace(again, **NOT_THE_RUNS) == replace(run, **NOT_THE_RUNS)
    report = verify_history(database)
    assert sum(report.violations_by_rule.values()) == 0
    assert report.double_bookings == 0


def test_another_policy_meets_the_same_world_and_decides_otherwise(run):
    nearest = Played(replace(TRIAL, policy="nearest")).play(lambda _: None)
    assert nearest.world_hash == run.world_hash
    assert nearest.event_hash != run.event_hash
    assert nearest.chain == nearest.hidden_moves == 0


def test_another_seed_is_another_world(run):
    other = Played(replace(TRIAL, seed=2)).play(lambda _: None)
    assert other.world_hash != run.world_hash
    assert other.event_hash != run.event_hash


def test_what_became_of_the_requests_adds_up(run):
    assert run.accepted + run.refused + run.waiting == run.requests > 100
    assert sum(run.refused_by_reason.values()) == run.refused == sum(run.refused_by_hour)
    assert sum(run.requests_by_hour) == run.requests
    assert sum(run.violations_by_reason.values()) == run.violations
    assert sum(run.walks_by_25_m) == run.served <= run.accepted
    assert 0 < run.paid_hours <= run.offered_hours
    assert 0 < run.occupancy_mean <= run.occupancy_peak <= 1
    assert 0 < (run.penetration or 0) < 1


def test_the_export_reads_back_with_the_same_counts(run, export):
    tables = {path.stem: parquet.read_table(path).to_pylist() for path in (export / "bind-late-1").iterdir()}
    assert set(tables) == {"stays", "reports", "faults", "decisions"}
    decisions = tables["decisions"]
    assert len(decisions) == run.requests
    assert sum(row["began_at"] is not None for row in decisions) == run.served
    assert sum(row["answer"] == "refused" for row in decisions) == run.refused
    assert sum(row["resident_won"] or 0 for row in decisions) == run.earnings_won
    guests = sum(row["kind"] == "guest" for row in tables["stays"])
    squatters = sum(row["kind"] == "squatter" for row in tables["stays"])
    assert run.penetration == pytest.approx(guests / (guests + squatters), abs=1e-4)
    assert {row["status"] for row in tables["reports"]} <= {"free", "occupied", "unknown"}
