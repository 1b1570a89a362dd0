"""The laboratory: the same seed gives the same day, nobody beats the bound, and a broken promise is counted."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from shared_data import shared_file
from typer.testing import CliRunner

from allocator.domain.interval import HOUR_MS, MINUTE_MS
from allocator.matching.policies import BindLate
from baybroker.cli import bench_allocation, bench_promises  # noqa: F401 - registers the commands
from baybroker.cli.app import app
from baybroker.lab import carsp as published
from baybroker.lab.bound import clairvoyant
from baybroker.lab.carsp import carsp
from baybroker.lab.day import USABLE, day
from baybroker.lab.evaluate import gini, play
from baybroker.lab.hot_zone import hot_zone
from baybroker.lab.instance import DAY_AT, Demand, Instance, OfferedBay
from baybroker.lab.places import BAYS_FILE, DATA_VARIABLE, STAYS_FILE, read_bays, read_stays
from baybroker.lab.promise_days import play_promises
from baybroker.lab.promises import WithoutSubstitutes
from baybroker.verify import verify_history

COLUMNS = "bay_id,gu,lat,lon,weekday_from,weekday_to,coord_ok"
STAYS = "Status,DurationSeconds\n" + "".join(
    f"{status},{minutes * 60}.0\n"
    for minutes in (3, 20, 30, 45, 60, 90, 120, 600)
    for status in ("Present", "NotPresent")
)


@pytest.fixture
def files(tmp_path):
    """Thirty bays of a district, one without a credible place and one of elsewhere; some visitors' stays."""
    bays = [f"B-{n},here,{37.45 + n // 6 * 0.001:.4f},{126.90 + n % 6 * 0.001:.4f},09:00,18:00,True" for n in range(30)]
    bays += ["B-30,here,37.45,126.90,09:00,18:00,False", "B-31,there,37.45,126.90,09:00,18:00,True"]
    (tmp_path / "bays.csv").write_text("\n".join([COLUMNS, *bays]))
    (tmp_path / "stays.csv").write_text(STAYS)
    return tmp_path / "bays.csv", tmp_path / "stays.csv"


@pytest.fixture
def small_day(files):
    bays, stays = read_bays(files[0], "here"), read_stays(files[1])
    return lambda **more: day(bays, stays, **({"load": 0.9, "lead_min": 45, "seed": 1} | more))


def test_a_day_has_the_load_that_was_asked(small_day):
    for load in (0.6, 1.2):
        made = small_day(load=load)
        wanted_ms = sum(demand.until - demand.arrive_at for demand in made.demands)
        offered_ms = sum(bay.offered_ms for bay in made.bays)
        assert len(made.bays) == 30
        assert wanted_ms / (USABLE * offered_ms) == pytest.approx(load, abs=0.05)  # the last stay may be the longest
        stays_min = {(demand.until - demand.arrive_at) // MINUTE_MS for demand in made.demands}
        assert stays_min == {20, 30, 45, 60, 90, 120, 600}
        opens_at, closes_at = DAY_AT + 9 * HOUR_MS, DAY_AT + 18 * HOUR_MS
        assert all(opens_at <= demand.arrive_at < closes_at for demand in made.demands)
        assert max(demand.until for demand in made.demands) > closes_at


def test_a_lead_changes_only_when_drivers_ask(small_day):
    soon, late = small_day(lead_min=15), small_day(lead_min=180)
    assert [replace(demand, asked_at=0) for demand in soon.demands] == [
        replace(demand, asked_at=0) for demand in late.demands
    ]
    assert sum(demand.arrive_at - demand.asked_at for demand in late.demands) > 0


def test_the_same_seed_gives_the_same_row_and_nobody_beats_the_bound(small_day):
    made = small_day(load=1.2)
    bound = clairvoyant(made, 60)
    for policy in ("nearest", "batch", "bind-late"):
        first, second = (
            replace(play(made, policy, bound), decision_us_p50=None, decision_us_p99=None) for _ in range(2)
        )
        assert first == second
        assert 0 < first.served <= bound.served <= len(made.demands)
        assert first.share_of_bound == pytest.approx(first.served / bound.served, abs=1e-4)


def test_a_hot_zone_is_served_like_a_maximum_matching():
    made = hot_zone(1, bays=40, drivers=40)
    bound = clairvoyant(made, 60)
    nearest, bind_late = (play(made, policy, bound) for policy in ("nearest", "bind-late"))
    assert nearest.served < bind_late.served == bound.served
    assert bind_late.hidden_moves > 0 == nearest.hidden_moves


def one_bay(*stays):
    """A bay offered from 9 to 10, and stays in it by minutes after nine."""
    nine = DAY_AT + 9 * HOUR_MS
    offered = OfferedBay("bay-1", 37.45, 126.90, (published.Interval(nine, nine + HOUR_MS),))
    demands = tuple(
        Demand(
            name=f"{number}",
            asked_at=nine - HOUR_MS,
            arrive_at=nine + begin * MINUTE_MS,
            until=nine + end * MINUTE_MS,
            lat=37.45,
            lon=126.90,
            max_walk_m=200,
        )
        for number, (begin, end) in enumerate(stays)
    )
    return Instance(name="one", seed=1, bays=(offered,), demands=demands)


@pytest.mark.parametrize(
    ("stays", "served"),
    [
        ([(0, 30), (30, 60)], 2),  # the next comes when the first leaves
        ([(0, 31), (34, 60)], 1),  # both hold the slot from 9:30 to 9:35
        ([(0, 60), (0, 20), (20, 40), (40, 60)], 3),  # the clairvoyant refuses the long one
        ([(30, 61)], 0),  # outside the window
    ],
)
def test_the_bound_keeps_to_the_rules_of_the_core(stays, served):
    made = one_bay(*stays)
    assert clairvoyant(made, 60).served == served
    in_turn = play(made, "nearest", None)
    assert in_turn.served == (1 if len(stays) == 4 else served)
    assert in_turn.share_of_bound is None


def test_carsp_has_the_published_parameters():
    made = carsp(1)
    assert published.STEPS_MIN == 4_320
    assert len(made.demands) == 31_494
    assert len(made.bays) == 1_800
    assert len({(bay.lat, bay.lon) for bay in made.bays}) == 5
    assert {demand.max_walk_m for demand in made.demands} == set(range(100, 701))
    waits = {(demand.wait_until - demand.asked_at) // MINUTE_MS for demand in made.demands}
    assert waits <= set(range(11))
    last = DAY_AT + published.STEPS_MIN * MINUTE_MS
    assert all(DAY_AT <= demand.arrive_at < demand.until <= last for demand in made.demands)


def test_carsp_can_be_played_and_bounded_small():
    made = carsp(1, share=0.01)
    bound = clairvoyant(made, 60)
    row = play(made, "bind-late", bound)
    assert 0 < row.served <= bound.served


@pytest.mark.parametrize(("amounts", "expected"), [([1, 1, 1], 0), ([0, 0, 0], 0), ([0, 0, 0, 4], 0.75)])
def test_gini(amounts, expected):
    assert gini(amounts) == pytest.approx(expected)


def test_substitutes_keep_promises_and_the_history_is_clean(small_day, files, tmp_path):
    made = small_day(load=0.6, seed=3)
    stays = read_stays(files[1])
    bind_late = BindLate()
    rows = [
        play_promises(made, stays, policy, tmp_path / f"{at}.db")
        for at, policy in enumerate((bind_late, WithoutSubstitutes(bind_late), bind_late))
    ]
    kept, without, again = rows
    assert kept == again
    assert kept.accepted > 0 < kept.injected
    assert without.relocations == 0
    assert all((row.unhandled, row.double_bookings, row.broken_rules) == (0, 0, 0) for row in rows)
    assert verify_history(tmp_path / "0.db").clean


def run(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


def test_the_command_prints_a_list_of_rows(files, monkeypatch):
    monkeypatch.setattr(bench_allocation, "in_order", map)
    at = ("--bays", files[0], "--stays", files[1], "--district", "here")
    ran = run("allocation", *at, "--load", 0.9, "--lead", 45, "--seeds", 1, "--policy", "nearest", "--json")
    rows = json.loads(ran.stdout)
    assert [row["policy"] for row in rows] == ["nearest", "bound"]
    assert ",".join(rows[0]) == (
        "instance,load,lead_min,seed,policy,requests,served,share_of_bound,paid_hours,mean_walk_m,hidden_moves,gini,"
        "decision_us_p50,decision_us_p99"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--bays", "missing.csv"), "--bays missing.csv: no such file"),
        (("--policy", "magic"), "no policy is called 'magic'"),
        (("--district", "atlantis"), "no shared bay of atlantis; it has: here, there"),
    ],
)
def test_bad_input_says_what_to_do(files, arguments, said):
    given = () if "--bays" in arguments else ("--bays", files[0])
    ran = run("allocation", *given, "--stays", files[1], *arguments)
    assert said in str(ran.exception)


def test_without_data_it_says_what_to_give(monkeypatch, tmp_path):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    assert "give a file of its form with --bays" in str(run("allocation").exception)


def test_late_binding_serves_more_on_real_bays():
    bays, stays = read_bays(shared_file(BAYS_FILE), "geumcheon"), read_stays(shared_file(STAYS_FILE))
    assert len(bays) == 529
    made = day(bays, stays, load=0.9, lead_min=45, seed=5)
    nearest, bind_late = (play(made, policy, None) for policy in ("nearest", "bind-late"))
    assert bind_late.served > 1.01 * nearest.served
