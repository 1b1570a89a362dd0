"""A day in virtual time: deterministic, the same world for every policy, nothing lost and nothing booked twice."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from desk_core import DeskCore
from pyarrow import parquet

from baybroker.lab.trial.core import OpenCore
from baybroker.lab.trial.outcome import run_of
from baybroker.lab.trial.parallel import run_all
from baybroker.lab.trial.run import Played
from baybroker.lab.trial.trial import Trial
from baybroker.verify import verify_history
from sensors_sim.engine.stage import WHOLE, Portion
from sensors_sim.scenario import load_scenario

TRIAL = Trial(scenario=load_scenario("tiny"), policy="bind-late", seed=1, days=1)
NAMES = {"request_id", "driver"}
NOT_THE_RUNS = {"wall_s": 0, "peak_rss_mib": 0}


def played(trial, **more):
    return run_of(trial, [Played(trial, **more).play(lambda _: None)])


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def run(export):
    return run_all([replace(TRIAL, export=export)], 1, lambda _: None).runs[0]


def test_the_same_seed_gives_the_same_run_through_the_service_and_breaks_no_rule(run, tmp_path):
    database = tmp_path / "day.db"
    cores = []

    def through_the_service(settings, now):
        cores.append(DeskCore(settings, now, database, TRIAL.scenario.city))
        return cores[0]

    again = played(TRIAL, core_of=through_the_service)
    cores[0].close()
    assert replace(again, **NOT_THE_RUNS) == replace(run, **NOT_THE_RUNS)
    report = verify_history(database)
    assert sum(report.violations_by_rule.values()) == 0
    assert report.double_bookings == 0


def test_another_policy_meets_the_same_world_and_decides_otherwise(run):
    nearest = played(replace(TRIAL, policy="nearest"))
    assert nearest.world_hash == run.world_hash
    assert nearest.event_hash != run.event_hash
    assert nearest.chain == nearest.hidden_moves == 0


def test_another_seed_is_another_world(run):
    other = played(replace(TRIAL, seed=2))
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


FAR_APART = {
    "zones": [
        {"name": name, "lat": 37.4842, "lon": lon, "bays": 40, "streets": 2}
        for name, lon in (("west", 126.88), ("east", 126.9296))
    ],
    "drivers": {"requests_per_hour": 60.0, "hot_spots": [], "background_share": 1.0, "pool": 2_000},
}
PORTIONS = tuple(Portion(frozenset({name}), number, 2) for number, name in enumerate(("west", "east")))


@pytest.fixture
def two_banks(monkeypatch):
    """A trial in a city of two portions, which is too small to be divided by itself."""
    monkeypatch.setattr(Trial, "portions", lambda _trial, _city: PORTIONS)
    scenario = load_scenario("tiny")
    return replace(TRIAL, scenario=scenario.model_validate(scenario.model_dump() | FAR_APART))


def test_a_city_in_portions_is_decided_as_the_whole(two_banks):
    """With a buffer that is not learnt: each allocator learns from its own guests."""

    def fixed(settings, now):
        return OpenCore(replace(settings, late_risk_permille=None), now)

    whole, *parts = (Played(two_banks, portion, core_of=fixed).play(lambda _: None) for portion in (WHOLE, *PORTIONS))
    told = [sorted(map(_nameless, outcome.decisions), key=str) for outcome in (whole, *parts)]
    assert sorted(told[1] + told[2], key=str) == told[0]
    assert min(map(len, told[1:])) > 100
    together, alone = run_of(two_banks, parts), run_of(two_banks, [whole])
    own = {"portions": 0, "world_hash": "", "event_hash": "", **NOT_THE_RUNS}
    assert replace(together, **own) == replace(alone, **own)


def _nameless(decision):
    """A decision, but for the names of its request and driver."""
    return tuple(value for name, value in asdict(decision).items() if name not in NAMES)


def test_portions_side_by_side_make_the_run_and_the_files_that_they_make_one_after_the_other(two_banks, tmp_path):
    trials = [replace(two_banks, export=tmp_path / name) for name in ("alone", "beside")]
    told = []
    runs = [run_all([trial], number, told.append).runs for number, trial in enumerate(trials, 1)]
    (alone,), (beside,) = runs
    assert replace(alone, **NOT_THE_RUNS) == replace(beside, **NOT_THE_RUNS)
    assert (alone.portions, alone.bays, told[-1]) == (2, 80, 1.0)
    one, other = (
        {path.name: parquet.read_table(path) for path in (trial.export / "bind-late-1").iterdir()} for trial in trials
    )
    assert one == other
    drivers = one["decisions.parquet"].column("driver").to_pylist()
    assert one["decisions.parquet"].num_rows == alone.requests
    assert len(set(one["decisions.parquet"].column("request_id").to_pylist())) == alone.requests
    assert len(set(drivers)) > alone.requests / 2
