"""A legal history is clean; corrupted once for each rule, it is caught by that rule's name and by no other."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
import verify_world as world
from verify_corruptions import CORRUPTIONS

from allocator.domain.events import EVENTS_BY_NAME
from allocator.store.sqlite3_store import Sqlite3Store
from baybroker.verify import Counters, HistoryError, verify_history
from baybroker.verify.report import RULES, VIOLATIONS_KEPT


@pytest.fixture
async def database(tmp_path):
    path = tmp_path / "city.db"
    await world.legal_history(str(path))
    return path


def test_a_legal_history_is_clean_and_counted(database):
    report = verify_history(database)
    assert report.violations == []
    assert report.clean
    assert report.double_bookings == 0
    assert report.counters == Counters(
        events=42,
        requests=6,
        accepted=5,
        rejected=1,
        bound=2,
        active=2,
        completed=1,
        cancelled=1,
        substitutes=1,
        promises_broken=1,
        occupancy_changes=7,
        late=1,
        arrivals=2,
        departures=2,
        contested=1,
        answers=16,
        ledger_entries=7,
    )


@pytest.mark.parametrize(("rule", "sql", "said"), CORRUPTIONS.values(), ids=CORRUPTIONS)
def test_each_corruption_is_caught_by_its_rule_and_no_other(database, rule, sql, said):
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(sql)
        connection.commit()
    report = verify_history(database)
    assert not report.clean
    assert {violation.rule for violation in report.violations} == {rule}
    assert any(re.search(said, violation.text) for violation in report.violations), report.violations
    assert (report.double_bookings > 0) == (rule == "S1")


def test_every_rule_has_a_corruption():
    assert {rule for rule, _, _ in CORRUPTIONS.values()} == set(RULES)


def test_weekly_offers_without_a_timezone_cannot_be_judged(database):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM meta")
        connection.commit()
    assert "no timezone" in verify_history(database).violations[0].text


def test_every_event_type_is_known(database):
    with closing(sqlite3.connect(database)) as connection:
        for position, name in enumerate(EVENTS_BY_NAME, 1):
            connection.execute("INSERT INTO event VALUES (1000 + ?, 1, NULL, NULL, ?, '{}')", (position, name))
        connection.commit()
    assert not [it for it in verify_history(database).violations if "nobody knows" in it.text]


def test_a_quarantined_request_and_a_query_are_answered_without_an_event(database):
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("""
            INSERT INTO answer SELECT 'drivers/drv-7', 'q-7', 't', CAST('{"type":"rejected"}' AS BLOB);
            INSERT INTO answer SELECT 'drivers/drv-8', 'q-8', 't', CAST('{"type":"state"}' AS BLOB);
            INSERT INTO quarantine
            SELECT 1, 1, 'parking/v1/seoul/drivers/drv-7/request', CAST('{"request_id":"q-7"}' AS BLOB), 'x';
        """)
    assert verify_history(database).violations == []


def test_a_history_can_be_checked_while_an_allocator_has_it_open(database):
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("DELETE FROM reservation")
        assert verify_history(database).clean
        writer.execute("ROLLBACK")


def test_violations_are_counted_without_end_but_kept_to_a_limit(database):
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 1299)"
            "INSERT INTO outbox SELECT i, 't', CAST('{\"position\":999}' AS BLOB), 1 FROM n"
        )
    report = verify_history(database)
    assert len(report.violations) == VIOLATIONS_KEPT
    assert report.violations_by_rule == {"S7": 1200}


async def test_an_empty_database_is_clean(tmp_path):
    store = Sqlite3Store(str(tmp_path / "new.db"))
    await store.open("test")
    await store.close()
    assert verify_history(tmp_path / "new.db").clean


def test_what_is_no_database_of_ours_is_one_clear_error(tmp_path):
    with pytest.raises(HistoryError, match="does not exist"):
        verify_history(tmp_path / "none.db")
    (tmp_path / "notes.txt").write_text("notes" * 1000)
    with pytest.raises(HistoryError, match="cannot be read: file is not a database"):
        verify_history(tmp_path / "notes.txt")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE event (x)")
    with pytest.raises(HistoryError, match="not an allocator's database"):
        verify_history(tmp_path / "other.db")


def test_a_newer_schema_is_refused(database):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(HistoryError, match="schema 99"):
        verify_history(database)


def test_it_imports_nothing_of_the_allocator():
    code = "import sys, baybroker.verify; sys.exit(any(name.split('.')[0] == 'allocator' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
