"""Statements and explanations, of databases that the real desk and store have written."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
from deskwork import START, DeskWork, spec
from typer.testing import CliRunner

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import HOUR_MS, MINUTE_MS
from allocator.domain.money import Tariff
from baybroker.cli import explain as explain_command
from baybroker.cli import statement as statement_command
from baybroker.cli.app import app
from baybroker.history.driver import driver_statement
from baybroker.history.explain import explain
from baybroker.history.reading import UnknownNameError
from baybroker.history.resident import resident_statement
from baybroker.history.story import _TELLERS
from baybroker.verify import verify_history

assert explain_command, statement_command  # they register with the app
SETTINGS = Settings(tariff=Tariff(offered_millipoints=10, used_millipoints=10))
BAYS = ("b1", "b2", "b3", "b4")
DRIVERS = tuple(f"drv-{number}" for number in range(1, 6))


def stay(work: DeskWork, bay: str, minutes: float) -> None:
    """Have a car come to a bay now, stay, and leave: the sensor tells."""
    work.sense(bay, "occupied")
    work.pass_minutes(minutes)
    work.sense(bay, "free")
    work.pass_minutes(2)


def two_days() -> DeskWork:
    """One who is moved for another, an overstay, a broken promise, one cancelled, one refused; then a quiet week."""
    work = DeskWork(*(spec(bay, east_m=60 * at) for at, bay in enumerate(BAYS)), settings=SETTINGS)
    work.request("drv-1", lead_min=60, max_walk_m=300)
    work.request("drv-2", lead_min=60, max_walk_m=40)
    work.pass_minutes(60)
    work.sense("b2", "occupied")
    stay(work, "b1", 85)
    work.sense("b2", "free")
    work.pass_minutes(2)
    work.sense("b2", "occupied")  # somebody else
    work.sense("b3", "free")
    work.request("drv-3", lead_min=0, stay_min=30, max_walk_m=80)
    work.say("drv-3", "arrive", "r-3", blocked=True)
    stay(work, "b3", 20)
    work.request("drv-4", lead_min=120)
    work.say("drv-4", "cancel", "r-4")
    work.request("drv-5", max_price_won=1)
    work.pass_minutes(24 * 60 - (work.now - START) // MINUTE_MS)
    work.sense("b4", "free")
    work.request("drv-1", lead_min=0, stay_min=30)
    stay(work, "b4", 10)
    work.pass_minutes(9 * 24 * 60)
    return work


@pytest.fixture(scope="module")
def work():
    return two_days()


@pytest.fixture(scope="module")
def database(work, tmp_path_factory):
    return asyncio.run(work.keep(tmp_path_factory.mktemp("history") / "city.db"))


@pytest.fixture
def rewritten(database, tmp_path):
    """A copy, to write into what no driver did on those two days."""
    return Path(shutil.copy(database, tmp_path))


def booked(database) -> dict[tuple[str, str], int]:
    with closing(sqlite3.connect(database)) as connection:
        sql = "SELECT account, unit, SUM(amount) FROM ledger GROUP BY account, unit"
        return {(account, unit): amount for account, unit, amount in connection.execute(sql)}


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_the_history_keeps_the_rules_and_books_both_units(database):
    report = verify_history(database)
    assert report.violations == []
    assert {unit for _, unit in booked(database)} == {"won", "millipoints"}


def test_statements_sum_to_the_ledger(database):
    accounts = booked(database)
    for bay in BAYS:
        sums = resident_statement(database, f"res-{bay}", None, None)["sums"]
        assert sums["earned_won"] == accounts.get((f"resident:res-{bay}", "won"), 0)
        points = accounts[f"resident:res-{bay}", "millipoints"]
        assert sums["used_millipoints"] + sums["offered_millipoints"] == points
    for driver in DRIVERS:
        statement = driver_statement(database, driver, None, None)
        assert statement["sums"]["paid_won"] == -accounts.get((f"driver:{driver}", "won"), 0)
        assert all(it["base_won"] + it["surcharge_won"] == it["paid_won"] for it in statement["receipts"])


def test_days_add_up_to_the_whole(database):
    days = [date(2026, 3, number) for number in range(1, 15)]
    for statement, name in ((resident_statement, "res-b1"), (driver_statement, "drv-1")):
        whole = statement(database, name, None, None)["sums"]
        parts = [statement(database, name, day, day)["sums"] for day in days]
        for column in set(whole) - {"rented_pct"}:
            assert sum(part[column] for part in parts) == whole[column], column


def test_a_residents_statement_tells_when_and_never_who(database):
    told = run("statement", database, "--resident", "res-b1", "--json")
    assert "drv-" not in told
    assert "r-1" not in told
    (bay,) = json.loads(told)["bays"]
    first = bay["days"][0]
    assert (first["day"], first["offered_min"], first["rented_min"]) == ("2026-03-02", 9 * 60, 85)
    assert first["uses"] == [
        {
            "from": "2026-03-02T01:00:00.000Z",
            "until": "2026-03-02T02:25:00.000Z",
            "minutes": 85,
            "earned_won": (1_200 + 200 + 2 * 400) // 2,
            "millipoints": 10,
        }
    ]


def test_the_hours_on_offer_are_those_that_points_were_given_for(database, work):
    for bay in BAYS:
        told = resident_statement(database, f"res-{bay}", None, None)
        settled = sum(event.offered_ms for event in work.named(e.PointsAwarded) if event.bay == bay)
        (row,) = told["bays"]
        assert row["offered_min"] == pytest.approx(settled / MINUTE_MS + row["not_settled_min"], abs=1)
        assert told["sums"]["rented_pct"] == round(100 * row["rented_min"] / row["offered_min"], 1)


def test_a_drivers_statement_is_a_receipt_for_each_reservation(database):
    overstayed, broken = (driver_statement(database, name, None, None)["receipts"][0] for name in ("drv-2", "drv-3"))
    assert overstayed["promise"]["quote_won"] == 1_200
    assert (overstayed["base_won"], overstayed["surcharge_won"], overstayed["paid_won"]) == (1_400, 800, 2_200)
    assert (broken["violation"], broken["paid_won"], broken["refunded_won"]) == (True, 0, 600)
    assert [(it["from_bay"], it["to_bay"], it["violation"]) for it in broken["relocations"]] == [("b1", "b3", True)]
    cancelled = driver_statement(database, "drv-4", None, None)["receipts"][0]
    assert (cancelled["status"], cancelled["paid_won"], cancelled["bay"]) == ("cancelled", 0, None)
    assert driver_statement(database, "drv-5", None, None)["receipts"] == []


def test_statements_are_tables_for_people(database):
    resident = run("statement", database, "--resident", "res-b1", "--from", "2026-03-02", "--until", "2026-03-02")
    assert "res-b1 from 2026-03-02 until 2026-03-02, times of Asia/Seoul" in resident
    assert "10:00-11:25" in resident
    assert "15.7 % of the time on offer was rented" in resident
    driver = run("statement", database, "--driver", "drv-3")
    assert "completed, from b1 to b3 (contested), farther than promised" in driver


async def test_the_time_that_a_bay_was_closed_or_anothers_is_not_the_residents(tmp_path):
    work = DeskWork(spec("b1"), settings=SETTINGS)
    work.pass_minutes(60)
    work.give(c.OperateBay(operator="op-1", request_id="close", type="close", bay="b1"), ("operators/op-1", "close"))
    work.pass_minutes(60)
    work.give(c.OperateBay(operator="op-1", request_id="open", type="open", bay="b1"), ("operators/op-1", "open"))
    work.pass_minutes(60)
    new = e.BaySpec(bay="b1", zone="z1", lat=37.4782, lon=126.9515, gateway="gw-1", resident="res-new")
    work.give(c.RegisterBays(operator="op-1", request_id="new", specs=(new,)), ("operators/op-1", "new"))
    work.request(lead_min=0)
    work.pass_minutes(60)
    work.sense("b1", "occupied")
    database = await work.keep(tmp_path / "city.db")
    assert resident_statement(database, "res-b1", None, None)["sums"]["offered_min"] == 120
    assert resident_statement(database, "res-new", None, None)["sums"]["offered_min"] == 0
    assert verify_history(database).violations == []


def test_windows_that_opened_by_themselves_are_on_offer_until_the_next_is_set(rewritten):
    with closing(sqlite3.connect(rewritten)) as connection:
        connection.execute("UPDATE offer SET kind = 'auto', risk_permille = 100 WHERE bay = 'b4'")
        for at, from_at, until in ((0, 0, 4), (2, 0, 6), (5, 5, 5)):
            window = {"bay": "b4", "offer_id": "o-4"}
            window |= {"from_at": START + from_at * HOUR_MS, "until": START + until * HOUR_MS}
            sql = "INSERT INTO event SELECT MAX(position) + 1, ?, NULL, NULL, 'auto_window_set', ? FROM event"
            connection.execute(sql, (START + at * HOUR_MS, json.dumps(window)))
        connection.execute("INSERT INTO event SELECT MAX(position) + 1, MAX(at), NULL, NULL, 'x', '{}' FROM event")
        connection.commit()
    assert resident_statement(rewritten, "res-b4", None, None)["sums"]["offered_min"] == 5 * 60


# ---- explanations


def told(story: dict) -> list[str]:
    return [line for step in story["steps"] for line in step["said"]]


def test_a_reservation_is_explained_with_its_hidden_moves_and_for_whom(database):
    story = explain(database, "r-1", None)
    assert (story["driver"], story["status"]) == ("drv-1", "completed")
    lines = told(story)
    assert "drv-1 asked (req-5) for 2026-03-02 10:00-11:00 within 300 m of 37.47820,126.95150" in lines
    assert "accepted: 1,200 won at most, planned on b1, 0 m away" in lines
    assert "moved from b1 to b2 (60 m), to make room for r-2" in lines
    assert "bound: b2 is fixed, 60 m away" in lines
    left = "left b2 at 11:27, by the sensor's word: 2,200 won (of it 800 won for staying too long)"
    assert lines[-1] == f"{left}, 1,100 won to the resident"


def test_the_one_who_was_let_in_sees_who_made_room(database):
    assert "made room: r-1 from b1 to b2 (60 m)" in told(explain(database, "req-6", None))


def test_a_broken_promise_is_explained(database):
    lines = told(explain(database, "r-3", None))
    assert any(
        line.startswith("relocated from b1 to b3 (120 m): ") and "farther than promised" in line for line in lines
    )


def test_a_refusal_is_explained_by_what_every_bay_fell_to(database):
    story = explain(database, "req-11", None)
    assert (story["reservation_id"], story["status"]) == (None, "rejected")
    assert told(story) == [
        "rejected drv-5's request req-11: too dear",
        "4 bays within the walk: 4 too dear; 0 examined (policy bind-late)",
    ]


def test_an_explanation_is_a_tree_for_people_and_json_for_programs(database):
    tree = run("explain", database, "r-1")
    assert "reservation r-1 of drv-1: completed (times of Asia/Seoul)" in tree
    assert "03-02 09:45:00  bound: b2 is fixed, 60 m away" in tree
    assert json.loads(run("explain", database, "r-1", "--json")) == explain(database, "r-1", None)


async def test_a_request_id_of_several_drivers_needs_the_driver(tmp_path):
    work = DeskWork(spec("b1"), spec("b2", east_m=10))
    for driver in ("drv-1", "drv-2"):
        work.request(driver, lead_min=60)
    database = await work.keep(tmp_path / "city.db")
    with closing(sqlite3.connect(database)) as connection:
        for table in ("event", "answer"):
            kind = "TEXT" if table == "event" else "BLOB"
            sql = f"UPDATE {table} SET payload = CAST(replace(payload, 'req-4', 'req-3') AS {kind})"  # noqa: S608 - our own
            connection.execute(sql)
        connection.execute("UPDATE answer SET request_id = 'req-3' WHERE request_id = 'req-4'")
        connection.commit()
    with pytest.raises(
        UnknownNameError, match=r"several drivers sent a request 'req-3' \(drv-1, drv-2\): add --driver"
    ):
        explain(database, "req-3", None)
    assert explain(database, "req-3", "drv-2")["reservation_id"] == "r-2"
    with pytest.raises(UnknownNameError, match="knows no reservation or request 'r-2' of drv-1"):
        explain(database, "r-2", "drv-1")


def test_what_waits_and_what_is_called_back_is_told_too(rewritten, work):
    accepted = next(it for it in work.events if getattr(it.event, "reservation_id", None) == "r-5")
    with closing(sqlite3.connect(rewritten)) as connection:
        sql = "SELECT payload FROM event WHERE position = ?"
        asked = json.loads(connection.execute(sql, (accepted.position,)).fetchone()[0])
        waits = {name: asked[name] for name in asked if name not in ("bay", "walk_m")} | {"wait_until": asked["until"]}
        recalled = {"reservation_id": "r-5", "bay": "b1", "until": asked["until"], "held_until": asked["until"]}
        for name, data in (("request_waitlisted", waits), ("guest_recalled", recalled)):
            sql = "INSERT INTO event SELECT MAX(position) + 1, ?, NULL, NULL, ?, ? FROM event"
            connection.execute(sql, (accepted.at, name, json.dumps(data | {"max_price_won": 900})))
        connection.commit()
    lines = told(explain(rewritten, "r-5", None))
    assert "waits for a bay until 2026-03-03 09:30, 900 won at most" in lines
    assert "the resident wants b1 back: to leave by 09:30" in lines


def test_every_event_of_a_reservation_has_words():
    named = {name for name, kind in e.EVENTS_BY_NAME.items() if "reservation_id" in {it.name for it in fields(kind)}}
    assert named - set(_TELLERS) == {"reservation_received"}


def test_names_that_nobody_bears_are_one_clear_line(database):
    with pytest.raises(UnknownNameError, match="knows no bay of a resident 'res-9'"):
        resident_statement(database, "res-9", None, None)
    with pytest.raises(UnknownNameError, match="knows no driver 'drv-99'"):
        driver_statement(database, "drv-99", None, None)
    with pytest.raises(UnknownNameError, match="knows no reservation or request 'r-99'"):
        explain(database, "r-99", None)
