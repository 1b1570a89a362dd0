"""The register as the database has it, read only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from baybroker.verify.reading import open_history, rows_of
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    from pathlib import Path

_TIMES = ("observed_at", "last_heard_at")
_BAYS = """
SELECT bay.bay, zone, lat, lon, gateway, resident, needs, tariff, occupancy,
    observed_at, last_heard_at, lost, contested, closed
FROM bay LEFT JOIN heard ON heard.bay = bay.bay
WHERE retired = 0 ORDER BY zone, bay.bay
"""
_GATEWAYS = """
SELECT gateway, count(*) AS bays, count(lost) AS lost, count(last_heard_at) AS heard,
    max(last_heard_at) AS last_heard_at
FROM bay LEFT JOIN heard ON heard.bay = bay.bay
WHERE retired = 0 GROUP BY gateway ORDER BY gateway
"""
_CITY = "SELECT value FROM meta WHERE name = 'city'"


def read_bays(database: Path) -> list[dict[str, Any]]:
    """Return every bay that is not retired; raises HistoryError."""
    with open_history(database) as connection:
        rows = [_timed(row) for row in rows_of(connection, _BAYS)]
    for row in rows:
        row |= {"needs": json.loads(row["needs"]), "closed": bool(row["closed"])}
    return rows


def read_gateways(database: Path) -> list[dict[str, Any]]:
    """Return every gateway of the register, with how many of its bays are lost or were ever heard."""
    with open_history(database) as connection:
        return [_timed(row) for row in rows_of(connection, _GATEWAYS)]


def read_city(database: Path) -> str | None:
    """Return the city of the database; None where no allocator has worked on it."""
    with open_history(database) as connection:
        return next((row["value"] for row in rows_of(connection, _CITY)), None)


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    """Write times as on the wire; the database has 0 for never."""
    return row | {name: format_rfc3339(row[name]) if row[name] else None for name in _TIMES if name in row}
