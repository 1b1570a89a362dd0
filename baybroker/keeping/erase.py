"""Takes a person out of a history without breaking it: the names become pseudonyms, in every table."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from baybroker.keeping.copies import check, checked_copy, offline, replace_database, settle, silent
from baybroker.keeping.files import KeepingError, working_folder
from broker_bridge.wire.topics import is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from baybroker.verify.reading import Fields

PSEUDONYM = "erased-"
_NUMBER = f"""
SELECT 1 + COALESCE(MAX(CAST(substr(name, {len(PSEUDONYM) + 1}) AS INTEGER)), 0) FROM (
    SELECT json_extract(payload, '$.driver') AS name FROM event WHERE type <> 'occupancy_changed'
    UNION ALL SELECT substr(party, 9) FROM answer WHERE party LIKE 'drivers/%'
    UNION ALL SELECT substr(account, 8) FROM ledger WHERE account LIKE 'driver:%'
) WHERE name GLOB '{PSEUDONYM}[0-9]*'
"""  # noqa: S608 - our own constants
_LIVE = """
SELECT reservation_id FROM reservation
WHERE driver = ? AND status IN ('waiting', 'accepted', 'bound', 'active') ORDER BY from_at
"""
# The driver's name may be part of another's: what is found here is looked at again.
_EVENTS = """
SELECT position, payload FROM event
WHERE instr(payload, :driver) OR json_extract(payload, '$.reservation_id') IN (
    SELECT reservation_id FROM reservation WHERE driver = :driver
) ORDER BY position
"""


@dataclass(slots=True)
class Erased:
    """Under which name the person goes now, and how many rows were changed (of the outbox: deleted)."""

    pseudonym: str
    events: int = 0
    reservations: int = 0
    answers: int = 0
    ledger: int = 0
    snapshots: int = 0
    quarantine: int = 0
    outbox: int = 0

    @property
    def rows(self) -> int:
        """How many rows told of the person."""
        return sum(getattr(self, name) for name in self.__slots__ if name != "pseudonym")


def erase(database: Path, driver: str, holder: str, *, told: Callable[[str], None] = silent) -> Erased:
    """Erase a driver from a database that no allocator works on.

    Raises KeepingError (also where the driver is unknown, or is promised a bay), HistoryError, LeaseHeldError. It works
    on a copy, which takes the database's place once its history is verified; nothing else is changed before.
    """
    if not is_name(driver):
        raise KeepingError(f"{driver!r} is no driver's name: use a-z, 0-9 and '-'")
    if not database.is_file():
        raise KeepingError(f"{database} does not exist: name an allocator's database")
    database = database.resolve()
    with working_folder(database) as folder, offline(database, holder):
        before, after = folder / "before.db", folder / "after.db"
        checked_copy(database, before, verify=False, told=told)
        try:
            with closing(sqlite3.connect(before, isolation_level=None)) as connection:
                erased = _erase(connection, driver, database)
                # Freed pages and the rests in pages still have what was there: write all anew.
                connection.execute("VACUUM INTO ?", (str(after),))
            check(after, database, verify=True, told=told)
            if not settle(database):
                raise KeepingError(f"another program reads {database}: stop it first, it keeps the log in use")
        except sqlite3.Error as error:
            raise KeepingError(f"{database} cannot be changed: {error}") from error
        replace_database(after, database)
    return erased


def _erase(connection: sqlite3.Connection, driver: str, database: Path) -> Erased:
    live = [name for (name,) in connection.execute(_LIVE, (driver,))]
    if live:
        raise KeepingError(
            f"{driver} is promised a bay ({', '.join(live[:5])}): cancel it, or wait until it is over, and erase then"
        )
    (number,) = connection.execute(_NUMBER).fetchone()
    person = _Person(driver, f"{PSEUDONYM}{number}")
    erased = Erased(person.pseudonym)
    connection.execute("BEGIN")
    for table, rename in _TABLES.items():
        setattr(erased, table, rename(connection, person))
    if not erased.rows:
        raise KeepingError(f"{database} knows no driver {driver}: nothing was changed")
    left = sorted(set(_left(connection, driver)))
    if left:
        raise KeepingError(
            f"{driver} is also named in {', '.join(left)}, where no driver should be: nothing was changed"
        )
    connection.execute("COMMIT")
    return erased


@dataclass(slots=True)
class _Person:
    """Who is erased, and the names given instead: the same for the same name, whatever table it is in."""

    driver: str
    pseudonym: str
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    reservations: set[str] = field(default_factory=set)

    def name(self, kind: str, known: str) -> str:
        if known.startswith(f"{self.pseudonym}-"):
            return known
        return self.names.setdefault((kind, known), f"{self.pseudonym}-{kind}{len(self.names) + 1}")

    def event(self, data: Fields) -> Fields | None:
        """Return the event's or reservation's fields without the person; None where it is another's."""
        if data.get("driver") == self.driver:
            changed: Fields = {"driver": self.pseudonym, "request_id": self.name("q", data["request_id"])}
            if "vehicle_id" in data:
                self.reservations.add(data["reservation_id"])
                # What they needed may tell of their health, and where they went of anything.
                changed |= {"vehicle_id": self.name("v", data["vehicle_id"]), "lat": 0.0, "lon": 0.0, "needs": []}
            if data.get("explanation"):
                changed["explanation"] = data["explanation"] | {"fell": {}}
            return data | changed
        asked = data.get("request_id") is not None and not data.get("operator")
        if asked and data.get("reservation_id") in self.reservations:
            return data | {"request_id": self.name("q", data["request_id"])}
        return None

    def request(self, payload: bytes) -> str | None:
        """Return the pseudonym of the request that a message is about, if it is about one."""
        try:
            known = json.loads(payload).get("request_id")
        except (ValueError, AttributeError):
            return None
        return self.name("q", known) if isinstance(known, str) else None


def _events(connection: sqlite3.Connection, person: _Person) -> int:
    rows = connection.execute(_EVENTS, {"driver": person.driver}).fetchall()
    changed = [(_json(data), position) for position, text in rows if (data := person.event(json.loads(text)))]
    connection.executemany("UPDATE event SET payload = ? WHERE position = ?", changed)
    return len(changed)


def _reservations(connection: sqlite3.Connection, person: _Person) -> int:
    sql = "SELECT reservation_id, request_id, vehicle_id FROM reservation WHERE driver = ?"
    rows = connection.execute(sql, (person.driver,)).fetchall()
    connection.executemany(
        "UPDATE reservation SET driver = ?, request_id = ?, vehicle_id = ?, lat = 0.0, lon = 0.0, needs = '[]' "
        "WHERE reservation_id = ?",
        [(person.pseudonym, person.name("q", asked), person.name("v", car), name) for name, asked, car in rows],
    )
    return len(rows)


def _answers(connection: sqlite3.Connection, person: _Person) -> int:
    party = f"drivers/{person.driver}"
    sql = "SELECT request_id, topic, payload FROM answer WHERE party = ?"
    rows = connection.execute(sql, (party,)).fetchall()
    connection.executemany(
        "UPDATE answer SET party = ?, request_id = ?, topic = ?, payload = ? WHERE party = ? AND request_id = ?",
        [
            (
                f"drivers/{person.pseudonym}",
                person.name("q", asked),
                topic.replace(f"/{party}/", f"/drivers/{person.pseudonym}/"),
                _json(json.loads(payload) | {"request_id": person.name("q", asked)}).encode(),
                party,
                asked,
            )
            for asked, topic, payload in rows
        ],
    )
    return len(rows)


def _ledger(connection: sqlite3.Connection, person: _Person) -> int:
    accounts = (f"driver:{person.pseudonym}", f"driver:{person.driver}")
    return connection.execute("UPDATE ledger SET account = ? WHERE account = ?", accounts).rowcount


def _snapshots(connection: sqlite3.Connection, person: _Person) -> int:
    rows = connection.execute("SELECT position, image FROM snapshot WHERE instr(image, ?)", (person.driver,)).fetchall()
    changed = []
    for position, text in rows:
        image = json.loads(text)
        theirs = [person.event(held) for held in image["reservations"]]
        if any(theirs):
            held = [new or old for new, old in zip(theirs, image["reservations"], strict=True)]
            changed.append((_json(image | {"reservations": held}), position))
    connection.executemany("UPDATE snapshot SET image = ? WHERE position = ?", changed)
    return len(changed)


def _quarantine(connection: sqlite3.Connection, person: _Person) -> int:
    """Leave of a message only which request it was, which the answer to it refers to."""
    sql = "SELECT quarantine_id, topic, payload FROM quarantine WHERE topic LIKE '%/drivers/' || ? || '/%'"
    rows = connection.execute(sql, (person.driver,)).fetchall()
    connection.executemany(
        "UPDATE quarantine SET topic = ?, payload = ? WHERE quarantine_id = ?",
        [
            (
                topic.replace(f"/drivers/{person.driver}/", f"/drivers/{person.pseudonym}/"),
                _json({"request_id": person.request(payload)}).encode(),
                number,
            )
            for number, topic, payload in rows
        ],
    )
    return len(rows)


def _outbox(connection: sqlite3.Connection, person: _Person) -> int:
    """Delete what was still to be told: there is nobody any more to tell it to."""
    sql = "DELETE FROM outbox WHERE topic LIKE '%/drivers/' || ? || '/%'"
    return connection.execute(sql, (person.driver,)).rowcount


_TABLES: dict[str, Callable[[sqlite3.Connection, _Person], int]] = {
    "events": _events,  # first: it learns which reservations are theirs
    "reservations": _reservations,
    "answers": _answers,
    "ledger": _ledger,
    "snapshots": _snapshots,
    "quarantine": _quarantine,
    "outbox": _outbox,
}


def _left(connection: sqlite3.Connection, driver: str) -> Iterator[str]:
    """Yield the tables' columns that still hold the driver's name, as a whole name."""
    whole = re.compile(rf"(?<![a-z0-9-]){re.escape(driver)}(?![a-z0-9-])")
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for _, column, kind, *_ in connection.execute(f"PRAGMA table_info({table})").fetchall():
            if kind not in ("TEXT", "BLOB"):
                continue
            sql = f'SELECT CAST("{column}" AS TEXT) FROM {table} WHERE instr(CAST("{column}" AS TEXT), ?)'  # noqa: S608
            if any(whole.search(text) for (text,) in connection.execute(sql, (driver,))):
                yield f"{table}.{column}"


def _json(data: object) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)
