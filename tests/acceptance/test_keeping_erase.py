"""`baybroker erase`: a person is out of every byte of the database, and the history still holds."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
import verify_world
from keeping_world import CAR, DRIVER, bytes_of, quiet_history
from program import baybroker, one_line

from allocator.core import Settings
from allocator.service.start import restore
from allocator.store.lease import FileLock
from allocator.store.sqlite3_store import Sqlite3Store
from baybroker.verify import verify_history

THEIRS = (DRIVER, CAR, "q-2", "q-extend", "q-late", "q-poison", "37.4501")


@pytest.fixture
async def database(tmp_path):
    path = tmp_path / "city.db"
    await quiet_history(path)
    return path


def rows(database, sql, *values):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(sql, values).fetchall()


async def test_nothing_of_the_person_is_left_and_the_history_is_clean(database):
    before, held = verify_history(database), bytes_of(database)
    assert before.violations == []
    assert all(name.encode() in held for name in THEIRS)
    done = await baybroker("erase", DRIVER, "--database", database, "--json")
    assert done.json() == {
        "pseudonym": "erased-1", "events": 3, "reservations": 1, "answers": 4, "ledger": 1, "snapshots": 1,
        "quarantine": 1, "outbox": 1,
    }, done  # fmt: skip
    held = bytes_of(database)
    assert [name for name in THEIRS if name.encode() in held] == []
    after = verify_history(database)
    assert after.violations == []
    assert after.counters == before.counters
    events = [json.loads(text) for (text,) in rows(database, "SELECT payload FROM event WHERE payload LIKE '%erased%'")]
    assert [event["explanation"]["fell"] for event in events if "explanation" in event] == [{}]
    (row,) = rows(database, "SELECT driver, vehicle_id, lat, lon, needs, bay, price_won FROM reservation WHERE lat = 0")
    assert row == ("erased-1", "erased-1-v2", 0.0, 0.0, "[]", "bay-1", 3_000)
    assert rows(database, "SELECT amount FROM ledger WHERE account = 'driver:erased-1'") == [(-3_000,)]


async def test_deleted_rows_that_still_lie_in_the_file_are_gone_too(database):
    ghost = f"ghost of {DRIVER} ".encode()
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("INSERT INTO outbox VALUES (950, 't', ?, 0)", (ghost * 1_000,))
        connection.execute("DELETE FROM outbox WHERE outbox_id = 950")
    assert ghost in bytes_of(database)
    assert (await baybroker("erase", DRIVER, "--database", database)).code == 0
    assert DRIVER.encode() not in bytes_of(database)


async def test_nobody_else_is_changed(database):
    others = {
        "reservation": "SELECT * FROM reservation WHERE driver NOT IN (?, 'erased-1')",
        "answer": "SELECT * FROM answer WHERE instr(party, ?) + instr(party, 'erased-1') = 0 ORDER BY rowid",
        "event": "SELECT * FROM event WHERE instr(payload, ?) + instr(payload, 'erased-1') + "
        "instr(payload, 'q-extend') = 0",
        "outbox": "SELECT * FROM outbox WHERE topic = 't' AND ? <> ''",
        "ledger": "SELECT * FROM ledger WHERE account NOT IN ('driver:' || ?, 'driver:erased-1')",
    }
    before = {name: rows(database, sql, DRIVER) for name, sql in others.items()}
    assert all(before.values())
    assert (await baybroker("erase", DRIVER, "--database", database)).code == 0
    assert {name: rows(database, sql, DRIVER) for name, sql in others.items()} == before


async def test_an_allocator_starts_on_what_is_left(database):
    assert (await baybroker("erase", DRIVER, "--database", database)).code == 0
    store = Sqlite3Store(str(database))
    await store.open("test")
    loaded = await store.load()
    assert loaded.snapshot is not None
    state = restore(loaded, Settings(), verify_world.NINE)
    assert state.position == loaded.tables.position
    await store.close()


async def test_the_next_person_gets_the_next_number(database):
    for driver, pseudonym in ((DRIVER, "erased-1"), ("drv-5", "erased-2"), ("drv-rsv-1", "erased-3")):
        done = await baybroker("erase", driver, "--database", database, "--json")
        assert done.json()["pseudonym"] == pseudonym, done
    assert verify_history(database).clean
    assert b"drv-rsv-1" not in bytes_of(database)


async def test_a_name_that_is_the_beginning_of_anothers_is_told_apart(database):
    said = one_line(await baybroker("erase", "drv-rsv", "--database", database))
    assert "knows no driver drv-rsv: nothing was changed" in said


async def test_what_cannot_be_erased_is_one_clear_line_and_changes_nothing(tmp_path):
    database = tmp_path / "city.db"
    await verify_world.legal_history(str(database))
    before = database.read_bytes()
    for driver, reason in (
        ("drv-rsv-4", "drv-rsv-4 is promised a bay (rsv-4): cancel it, or wait until it is over"),
        ("drv-nobody", "knows no driver drv-nobody"),
        ("Drv 1", "'Drv 1' is no driver's name"),
    ):
        assert reason in one_line(await baybroker("erase", driver, "--database", database))
    lock = FileLock(str(database))
    lock.acquire("running")
    try:
        assert "another allocator (running)" in one_line(await baybroker("erase", "drv-5", "--database", database))
    finally:
        lock.release()
    assert database.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith("city.db")] == []
    assert "does not exist" in one_line(await baybroker("erase", "drv-5", "--database", tmp_path / "none.db"))


async def test_a_name_that_stands_where_no_driver_should_is_not_left_in_silence(database):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO meta VALUES ('note', ?)", (f"call {DRIVER} back",))
        connection.commit()
    assert "also named in meta.value" in one_line(await baybroker("erase", DRIVER, "--database", database))
    assert verify_history(database).clean
    assert DRIVER.encode() in bytes_of(database)


async def test_a_reader_that_holds_the_log_is_asked_to_go(database):
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        with closing(sqlite3.connect(database, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT COUNT(*) FROM event").fetchone()
            writer.execute("INSERT INTO meta VALUES ('note', 'x')")
            said = one_line(await baybroker("erase", DRIVER, "--database", database))
            assert "another program reads" in said
    assert verify_history(database).clean
    assert (await baybroker("erase", DRIVER, "--database", database)).code == 0


async def test_a_history_that_is_not_clean_is_not_touched(database):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE ledger SET amount = amount + 1 WHERE account = 'operator' AND unit = 'won'")
        connection.commit()
    before = rows(database, "SELECT * FROM event")
    done = await baybroker("erase", DRIVER, "--database", database)
    assert (done.code, done.out) == (1, "")
    assert "breaks rules (S8: 3): look with verify-history" in done.err
    assert rows(database, "SELECT * FROM event") == before
