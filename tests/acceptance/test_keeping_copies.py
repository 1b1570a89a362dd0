"""`baybroker backup` and `restore`: copies of a database in use, and the way back, whole or not at all."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import verify_world
from program import baybroker, one_line

from allocator.core import Settings
from allocator.service.start import restore
from allocator.store.lease import FileLock
from allocator.store.sqlite3_store import Sqlite3Store
from baybroker.verify import verify_history

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = 30


@pytest.fixture
async def database(tmp_path):
    path = tmp_path / "city.db"
    await verify_world.legal_history(str(path))
    return path


def break_history(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE ledger SET amount = 1 WHERE account = 'operator'")
        connection.commit()


def damage(path: Path) -> None:
    """Overwrite every page but the first, as a dying disk might."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))


def smudge(path: Path) -> None:
    """Overwrite the last page alone."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    path.write_bytes(content[:-4096] + b"\xff" * 4096)


def tables(path: Path) -> str:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return "\n".join(connection.iterdump())


def strays(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.name.startswith(".")]


async def test_a_backup_is_one_checked_file_that_its_owner_alone_may_read(database, tmp_path):
    file = tmp_path / "city.bak"
    done = await baybroker("backup", database, file, "--json")
    assert done.json() == {"file": str(file), "bytes": file.stat().st_size, "position": EVENTS, "verified": True}, done
    assert done.err == ""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert tables(file) == tables(database)
    assert verify_history(file).clean
    assert not (tmp_path / "city.bak-wal").exists()
    assert strays(tmp_path) == []


async def test_a_backup_is_not_overwritten_without_force(database, tmp_path):
    file = tmp_path / "city.bak"
    file.write_text("precious")
    assert "overwrite it with --force" in one_line(await baybroker("backup", database, file))
    assert file.read_text() == "precious"
    done = await baybroker("backup", database, file, "--force", "--no-verify")
    assert done.out == f"{file}: {file.stat().st_size} bytes, up to position {EVENTS}, pages checked\n", done
    assert "is the database itself" in one_line(await baybroker("backup", database, database, "--force"))
    assert "its folder does not exist" in one_line(await baybroker("backup", database, tmp_path / "no" / "x"))
    assert "does not exist" in one_line(await baybroker("backup", tmp_path / "none.db", tmp_path / "y"))


@pytest.mark.parametrize(
    ("harm", "says"),
    [(break_history, "breaks rules (S8:"), (smudge, "is damaged"), (damage, "is damaged")],
)
async def test_a_database_that_fails_the_checks_is_told_and_the_old_backup_stays(database, tmp_path, harm, says):
    file = tmp_path / "city.bak"
    file.write_text("precious")
    harm(database)
    done = await baybroker("backup", database, file, "--force")
    assert done.code == 1, done
    assert says in done.err, done
    assert "Traceback" not in done.err
    assert file.read_text() == "precious"
    assert strays(tmp_path) == []


async def test_a_history_that_breaks_rules_can_still_be_saved(database, tmp_path):
    break_history(database)
    assert (await baybroker("backup", database, tmp_path / "city.bak", "--no-verify")).code == 0


async def test_a_restore_brings_back_what_was_and_keeps_what_is(database, tmp_path):
    file = tmp_path / "city.bak"
    assert (await baybroker("backup", database, file)).code == 0
    wanted = tables(file)
    database.chmod(0o640)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DELETE FROM event")
        connection.commit()
    lost = tables(database)
    done = await baybroker("restore", file, database, "--json")
    assert done.json()["position"] == EVENTS, done
    assert tables(database) == wanted
    assert stat.S_IMODE(database.stat().st_mode) == 0o640
    assert tables(tmp_path / "city.db.before-restore") == lost
    assert file.exists()
    assert strays(tmp_path) == []
    store = Sqlite3Store(str(database))
    await store.open("test")
    assert restore(await store.load(), Settings(), verify_world.NINE).position == EVENTS
    await store.close()


async def test_a_log_that_a_crash_left_does_not_spoil_the_restored_and_is_kept(database, tmp_path):
    file, crashed = tmp_path / "city.bak", tmp_path / "crashed.db"
    assert (await baybroker("backup", database, file)).code == 0
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("INSERT INTO meta VALUES ('only', 'in the log')")
        for suffix in ("", "-wal"):
            shutil.copy(f"{database}{suffix}", f"{crashed}{suffix}")
    assert (tmp_path / "crashed.db-wal").stat().st_size > 0
    assert (await baybroker("restore", file, crashed)).code == 0
    assert tables(crashed) == tables(file)
    assert "in the log" in tables(tmp_path / "crashed.db.before-restore")


async def test_a_damaged_database_is_restored_and_kept_as_it_was(database, tmp_path):
    file = tmp_path / "city.bak"
    assert (await baybroker("backup", database, file)).code == 0
    damage(database)
    broken = database.read_bytes()
    assert (await baybroker("restore", file, database)).code == 0
    assert verify_history(database).clean
    assert (tmp_path / "city.db.before-restore").read_bytes() == broken


async def test_what_an_earlier_restore_kept_is_not_lost_unasked(database, tmp_path):
    file, kept = tmp_path / "city.bak", tmp_path / "city.db.before-restore"
    assert (await baybroker("backup", database, file)).code == 0
    kept.write_text("precious")
    assert "from an earlier restore: move it away" in one_line(await baybroker("restore", file, database))
    assert kept.read_text() == "precious"
    assert (await baybroker("restore", file, database, "--force")).code == 0
    assert tables(kept) == tables(file)


async def test_a_restore_can_be_taken_back(database, tmp_path):
    file, kept = tmp_path / "city.bak", tmp_path / "city.db.before-restore"
    assert (await baybroker("backup", database, file)).code == 0
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO meta VALUES ('newer', 'yes')")
        connection.commit()
    newer = tables(database)
    assert (await baybroker("restore", file, database)).code == 0
    assert (await baybroker("restore", kept, database, "--force")).code == 0
    assert tables(database) == newer
    assert tables(kept) == tables(file)


async def test_a_database_is_restored_where_there_is_none(database, tmp_path):
    file, fresh = tmp_path / "city.bak", tmp_path / "fresh.db"
    assert (await baybroker("backup", database, file)).code == 0
    assert (await baybroker("restore", file, fresh)).code == 0
    assert tables(fresh) == tables(file)
    assert not (tmp_path / "fresh.db.before-restore").exists()


async def test_what_cannot_be_restored_changes_nothing(database, tmp_path):
    file, other = tmp_path / "city.bak", tmp_path / "other.db"
    assert (await baybroker("backup", database, file)).code == 0
    before = tables(database)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE event (position)")
    lock = FileLock(str(database))
    lock.acquire("running")
    assert "another allocator (running)" in one_line(await baybroker("restore", file, database))
    lock.release()
    assert "not an allocator's database" in one_line(await baybroker("restore", other, database))
    assert "does not exist" in one_line(await baybroker("restore", tmp_path / "none", database))
    break_history(file)
    done = await baybroker("restore", file, database)
    assert (done.code, done.out) == (1, "")
    assert "breaks rules (S8:" in done.err
    assert tables(database) == before
    assert not (tmp_path / "city.db.before-restore").exists()
    assert strays(tmp_path) == []
