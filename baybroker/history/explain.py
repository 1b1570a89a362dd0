"""Why a request ended as it did: found by its reservation or its request_id, told from the events alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from baybroker.history.reading import CityClock, UnknownNameError, events_of, one_row
from baybroker.history.story import tell
from baybroker.verify.reading import open_history, rows_of
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from baybroker.verify.reading import Fields

_ANSWERS = "SELECT party, payload FROM answer WHERE request_id = ? AND party LIKE 'drivers/%' ORDER BY party"
_ANSWER = "SELECT party, payload FROM answer WHERE party = ? AND request_id = ?"
_REPLANNED = """
SELECT position, at, type, payload FROM event
WHERE position BETWEEN ? AND ? AND type = 'replanned' AND instr(payload, ?) ORDER BY position
"""
_FIXED = frozenset({"reservation_bound", "reservation_cancelled", "reservation_failed", "request_rejected"})
POSITION_MAX = 2**63 - 1
_EVENT = "SELECT position, at, type, payload FROM event WHERE position = ?"


def explain(database: Path, name: str, driver: str | None) -> dict[str, Any]:
    """Return the story of a reservation, or of a request; raises HistoryError, and UnknownNameError.

    Several drivers may have used one request_id: then `driver` says whose is meant.
    """
    with open_history(database) as connection:
        clock = CityClock(connection)
        events = _of_reservation(connection, name, driver) or _of_request(connection, database, name, driver)
        held = _reservation(connection, events)
        steps = [
            {
                "position": event["position"],
                "at": format_rfc3339(event["at"]),
                "event": event["type"],
                "said": said,
                "data": event["data"],
            }
            for event in events
            if (said := tell(event, clock))
        ]
    first = events[0]["data"]
    return {
        "reservation_id": held["reservation_id"] if held else first.get("reservation_id"),
        "request_id": held["request_id"] if held else first.get("request_id"),
        "driver": held["driver"] if held else first.get("driver"),
        "status": held["status"] if held else "rejected",
        "time_zone": clock.zone.key,
        "steps": steps,
    }


def _of_reservation(connection: sqlite3.Connection, name: str, driver: str | None) -> list[Fields]:
    """Return all that happened to a reservation, the hidden moves too; nothing where there is none of that name."""
    events = [*events_of(connection, name)]
    if not events or driver not in (None, events[0]["data"].get("driver")):
        return []
    # Once its bay is fixed nobody moves it secretly.
    fixed = (event["position"] for event in events if event["type"] in _FIXED)
    reach = (events[0]["position"], next(fixed, POSITION_MAX), f'"{name}"')
    moves = connection.execute(_REPLANNED, reach).fetchall()
    events += [_for_whom(connection, _event(row), name) for row in moves]
    return sorted(events, key=lambda event: event["position"])


def _of_request(connection: sqlite3.Connection, database: Path, request_id: str, driver: str | None) -> list[Fields]:
    """Return what followed from a request; raises UnknownNameError where it is nobody's, or several drivers'."""
    whose = (f"drivers/{driver}", request_id)
    sql, values = (_ANSWERS, (request_id,)) if driver is None else (_ANSWER, whose)
    answers = [*rows_of(connection, sql, values)]
    if len(answers) > 1:
        drivers = ", ".join(answer["party"].removeprefix("drivers/") for answer in answers)
        raise UnknownNameError(f"several drivers sent a request {request_id!r} ({drivers}): add --driver NAME")
    if not answers:
        of = f" of {driver}" if driver else ""
        raise UnknownNameError(f"{database} knows no reservation or request {request_id!r}{of}")
    told = json.loads(answers[0]["payload"])
    row = connection.execute(_EVENT, (told.get("position"),)).fetchone()
    event = _event(row) if row else None
    if event is None or event["data"].get("request_id") != request_id:
        said = f"{told.get('type')!r} ({told.get('reason') or 'no reason'})"
        raise UnknownNameError(f"request {request_id!r} was answered {said} and had no effect")
    reservation_id = event["data"].get("reservation_id")
    return (_of_reservation(connection, reservation_id, None) if reservation_id else []) or [event]


def _for_whom(connection: sqlite3.Connection, event: Fields, name: str) -> Fields:
    """Return a hidden move with what it was for: what the next event says, if that goes with it."""
    move = next(move for move in event["data"]["moves"] if move["reservation_id"] == name)
    row = connection.execute(_EVENT, (event["position"] + 1,)).fetchone()
    following = _event(row) if row and row[1] == event["at"] else None
    for_whom = following["data"].get("reservation_id") if following and _belongs(event, following) else None
    return event | {"data": move | {"for": for_whom}}


def _belongs(event: Fields, following: Fields) -> bool:
    """Tell whether moves were made for the event that follows them: its chain is theirs, or it ends in it."""
    moves, data = event["data"]["moves"], following["data"]
    if following["type"] == "reservation_bound":
        return bool(moves[-1]["reservation_id"] == data["reservation_id"])
    if following["type"] not in ("reservation_accepted", "reservation_relocated"):
        return False
    explanation = data.get("explanation")
    return explanation is None or explanation.get("chain") == moves


def _reservation(connection: sqlite3.Connection, events: list[Fields]) -> Fields | None:
    name = next((event["data"]["reservation_id"] for event in events if event["data"].get("reservation_id")), None)
    sql = "SELECT reservation_id, request_id, driver, status FROM reservation WHERE reservation_id = ?"
    return one_row(connection, sql, name)


def _event(row: tuple[int, int, str, str]) -> Fields:
    return {"position": row[0], "at": row[1], "type": row[2], "data": json.loads(row[3])}
