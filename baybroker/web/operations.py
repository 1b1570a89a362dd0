"""What an operator looks at: the figures of a day, and the bays that need somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baybroker.web.mirror import STATUSES
from baybroker.web.views import View, when

if TYPE_CHECKING:
    from collections.abc import Mapping

    from baybroker.web.database import Database, Row
    from baybroker.web.mirror import Mirror
    from baybroker.web.services import Services

HOUR_MS = 3_600_000
HOURS = 24
LISTED_MAX = 200
TROUBLES_MAX = 5_000
POSITIONS_MAX = 1_000_000
"""A day of more events than that is cut: the figures of its first hours are then too low."""
TALLIED = {
    "accepted": "reservation_accepted",
    "waitlisted": "request_waitlisted",
    "rejected": "request_rejected",
    "relocated": "reservation_relocated",
    "served": "reservation_completed",
    "no_shows": "reservation_expired",
    "failed": "reservation_failed",
}
LOST = {"silent": ("silent", "gateway"), "stuck": ("stuck",)}


async def operations(parts: Services) -> View:
    """Return the whole; raises StoreError."""
    database, mirror = parts.database, parts.mirror
    now = mirror.now()
    hours = range(now // HOUR_MS - HOURS + 1, now // HOUR_MS + 1)
    since = await position_before(database, hours.start * HOUR_MS)
    tally: dict[tuple[int, str], int] = {
        (row["hour"], row["type"]): row["count"] for row in await database.rows("select_tally", since)
    }
    troubles = await database.rows("select_troubles", TROUBLES_MAX)
    return {
        "kpis": _kpis(tally, hours, await database.rows("select_statuses")),
        "series": [_hour(hour, tally, mirror) for hour in hours],
        "contested": [_trouble(row, "contested") for row in troubles if row["contested"]][:LISTED_MAX],
        **{
            name: [_trouble(row, "lost") for row in troubles if row["lost"] in reasons][:LISTED_MAX]
            for name, reasons in LOST.items()
        },
        "batteries": _batteries(mirror),
        "violations": [_violation(row) for row in await database.rows("select_violations", LISTED_MAX)],
    }


async def position_before(database: Database, at_ms: int) -> int:
    """Return the last position before a time, found by halving: positions have no gap and times no index."""
    last = await database.row("select_last")
    high = int(last["position"]) if last else 0
    low = max(high - POSITIONS_MAX, 0)
    while low < high:
        middle = (low + high + 1) // 2
        row = await database.row("select_time_of", middle)
        low, high = (middle, high) if row is None or row["at"] < at_ms else (low, middle - 1)
    return low


def _kpis(tally: dict[tuple[int, str], int], hours: range, statuses: list[Row]) -> View:
    of_day = {name: sum(tally.get((hour, kind), 0) for hour in hours) for name, kind in TALLIED.items()}
    now = {row["status"]: row["count"] for row in statuses}
    return of_day | {
        "requests": sum(_requests(tally, hour) for hour in hours),
        **{status: now.get(status, 0) for status in ("waiting", "bound", "active")},
        "violations": sum(row["violations"] for row in statuses),
    }


def _requests(tally: dict[tuple[int, str], int], hour: int) -> int:
    return sum(tally.get((hour, TALLIED[name]), 0) for name in ("accepted", "waitlisted", "rejected"))


def _hour(hour: int, tally: dict[tuple[int, str], int], mirror: Mirror) -> View:
    counts: Mapping[str, int] = mirror.hours.get(hour, {})
    return {
        "at": when(hour * HOUR_MS),
        "requests": _requests(tally, hour),
        **{name: tally.get((hour, TALLIED[name]), 0) for name in ("accepted", "rejected")},
        **{status: counts.get(status) for status in STATUSES},
    }


def _trouble(row: Row, why: str) -> View:
    return {"bay": row["bay"], "zone": row["zone"], "reason": row[why], "last_heard_at": when(row["last_heard_at"])}


def _batteries(mirror: Mirror) -> list[View]:
    lowest = sorted(mirror.batteries.items(), key=lambda it: it[1])[:LISTED_MAX]
    return [
        {"bay": bay, "zone": mirror.register[bay]["zone"], "battery_pct": pct, "observed_at": when(at)}
        for bay, (pct, at) in lowest
        if bay in mirror.register
    ]


def _violation(row: Row) -> View:
    view: View = {name: row[name] for name in ("reservation_id", "bay", "status", "walk_m", "max_walk_m")}
    return view | {"from": when(row["from_at"])}
