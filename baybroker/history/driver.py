"""A driver's statement: a receipt for each reservation, with what was promised, what became of it and what it cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from baybroker.history.reading import CityClock, UnknownNameError, booked, events_of, one_row
from baybroker.verify.reading import open_history, rows_of
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    import sqlite3
    from datetime import date
    from pathlib import Path

    from baybroker.verify.reading import Fields

_ENDED = frozenset({"completed", "rejected", "cancelled", "expired", "failed"})
_SUMMED = ("paid_won", "base_won", "surcharge_won", "refunded_won")


def driver_statement(database: Path, driver: str, first: date | None, last: date | None) -> dict[str, Any]:
    """Return the statement; raises HistoryError, and UnknownNameError where they never asked for anything."""
    with open_history(database) as connection:
        clock = CityClock(connection)
        sql = "SELECT * FROM reservation WHERE driver = ? ORDER BY accepted_at, reservation_id"
        rows = [*rows_of(connection, sql, (driver,))]
        if not rows and one_row(connection, "SELECT 1 FROM answer WHERE party = ?", f"drivers/{driver}") is None:
            raise UnknownNameError(f"{database} knows no driver {driver!r}: write it as in drivers/{{driver}}/request")
        paid = booked(connection, f"driver:{driver}")
        period = clock.period(first, last)
        receipts = [
            receipt
            for row in rows
            for at, receipt in [_receipt(connection, row, paid)]
            if period.from_at <= at < period.until
        ]
    return {
        "driver": driver,
        "time_zone": clock.zone.key,
        "from": first.isoformat() if first else None,
        "until": last.isoformat() if last else None,
        "as_of": format_rfc3339(clock.as_of),
        "receipts": receipts,
        "sums": {"reservations": len(receipts)} | {name: sum(it[name] for it in receipts) for name in _SUMMED},
    }


def _receipt(connection: sqlite3.Connection, row: Fields, paid: dict[int, dict[str, int]]) -> tuple[int, Fields]:
    """Return when a reservation ended, or was accepted where it goes on, and its receipt.

    `refunded_won` is what was quoted and not charged because the promise was broken.
    """
    events = [*events_of(connection, row["reservation_id"])]
    paid_won = -sum(paid.get(event["position"], {}).get("won", 0) for event in events)
    of = {event["type"]: event["data"] for event in events}
    surcharge_won = of.get("reservation_completed", {}).get("surcharge_won", 0)
    broken = row["status"] == "failed" or (row["violation"] and row["status"] == "completed")
    relocations = [
        {"at": format_rfc3339(event["at"])}
        | {name: event["data"][name] for name in ("from_bay", "to_bay", "walk_m", "reason", "violation")}
        for event in events
        if event["type"] == "reservation_relocated"
    ]
    receipt = {
        "reservation_id": row["reservation_id"],
        "request_id": row["request_id"],
        "status": row["status"],
        "promise": {
            "from": format_rfc3339(row["from_at"]),
            "until": format_rfc3339(row["until"]),
            "max_walk_m": row["max_walk_m"],
            "quote_won": row["quote_won"],
        },
        "bay": row["bay"] if row["bound_at"] is not None else None,
        "walk_m": row["walk_m"] if row["bound_at"] is not None else None,
        "arrived_at": _when(row["activated_at"]),
        "left_at": _when(row["ended_at"] if row["status"] == "completed" else None),
        "relocations": relocations,
        "violation": bool(row["violation"]),
        "recalled": row["recalled_at"] is not None,
        "reason": of.get("reservation_failed", {}).get("reason"),
        "base_won": paid_won - surcharge_won,
        "surcharge_won": surcharge_won,
        "refunded_won": row["quote_won"] if broken else 0,
        "paid_won": paid_won,
    }
    ended = events[-1]["at"] if events and row["status"] in _ENDED else row["accepted_at"]
    return ended, receipt


def _when(at_ms: int | None) -> str | None:
    return format_rfc3339(at_ms) if at_ms is not None else None
