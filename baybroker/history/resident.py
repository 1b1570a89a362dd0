"""A resident's statement: for each bay and day, when it was on offer and used (never by whom), and what that gave."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from allocator.domain.interval import Interval
from allocator.domain.model import Offer
from allocator.domain.offered import minus, offered_intervals, overlap, total_ms, united
from baybroker.history.reading import CityClock, UnknownNameError, booked
from baybroker.verify.reading import open_history, rows_of
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    import sqlite3
    from datetime import date
    from pathlib import Path

    from baybroker.verify.reading import Fields

_REGISTER = """
WITH theirs AS (
    SELECT DISTINCT json_extract(payload, '$.spec.bay') AS bay FROM event
    WHERE type = 'bay_registered' AND json_extract(payload, '$.spec.resident') = ?
), change AS (
    SELECT position, at, type, json_extract(payload, '$.spec.resident') AS resident,
        COALESCE(json_extract(payload, '$.spec.bay'), json_extract(payload, '$.bay')) AS bay
    FROM event WHERE type IN ('bay_registered', 'bay_retired', 'bay_closed', 'bay_opened')
)
SELECT at, type, resident, bay FROM change WHERE bay IN (SELECT bay FROM theirs) ORDER BY position
"""
_USES = """
SELECT event.position, event.at, COALESCE(held.activated_at, held.from_at) AS began, held.ended_at AS ended
FROM reservation AS held JOIN event ON json_extract(event.payload, '$.reservation_id') = held.reservation_id
WHERE held.status = 'completed' AND held.bay = ? AND event.type <> 'occupancy_changed'
    AND event.type = 'reservation_completed'
ORDER BY event.position
"""
_POINTS = """
SELECT event.position, event.at, json_extract(payload, '$.bay') AS bay FROM ledger
JOIN event ON event.position = ledger.position
WHERE ledger.account = ? AND event.type = 'points_awarded' GROUP BY event.position
"""
_AUTO = """
SELECT at, json_extract(payload, '$.offer_id') AS offer_id, json_extract(payload, '$.from_at') AS from_at,
    json_extract(payload, '$.until') AS until
FROM event WHERE type = 'auto_window_set' AND json_extract(payload, '$.bay') = ? ORDER BY position
"""
_SUMMED = ("uses", "offered_min", "rented_min", "earned_won", "used_millipoints", "offered_millipoints")


def resident_statement(database: Path, resident: str, first: date | None, last: date | None) -> dict[str, Any]:
    """Return the statement; raises HistoryError, and UnknownNameError where no bay was ever theirs."""
    with open_history(database) as connection:
        clock = CityClock(connection)
        tenures = _tenures(connection, resident, clock.as_of + 1)
        if not tenures:
            raise UnknownNameError(f"{database} knows no bay of a resident {resident!r}")
        period = clock.period(first, last)
        statement = _Statement(connection, clock, resident, period)
        bays = [statement.of_bay(bay, *tenure) for bay, tenure in sorted(tenures.items())]
    sums = _sums(bays)
    return {
        "resident": resident,
        "time_zone": clock.zone.key,
        "from": first.isoformat() if first else None,
        "until": last.isoformat() if last else None,
        "as_of": format_rfc3339(clock.as_of),
        "bays": bays,
        "sums": sums | {"rented_pct": rented_pct(sums)},
    }


def rented_pct(sums: dict[str, int]) -> float | None:
    """Return the share of the time on offer that was rented; None where nothing was on offer."""
    return round(100 * sums["rented_min"] / sums["offered_min"], 1) if sums["offered_min"] else None


def _sums(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(len(row[name]) if isinstance(row[name], list) else row[name] for row in rows) for name in _SUMMED}


def _tenures(
    connection: sqlite3.Connection, resident: str, end: int
) -> dict[str, tuple[list[Interval], list[Interval]]]:
    """Return for each bay when it was the resident's, and when it was closed or out of the register."""
    mine: dict[str, list[Interval]] = {}
    shut: dict[str, list[Interval]] = {}
    since: dict[tuple[str, str], int] = {}
    changes = [*rows_of(connection, _REGISTER, (resident,))]
    for change in changes:
        bay, at, kind = change["bay"], change["at"], change["type"]
        retired = kind == "bay_retired"
        if kind == "bay_registered" or retired:
            _turn(since, mine, (bay, "mine"), at, on=change["resident"] == resident and not retired)
        else:
            _turn(since, shut, (bay, "shut"), at, on=kind == "bay_closed")
    for bay, what in list(since):
        _turn(since, mine if what == "mine" else shut, (bay, what), end, on=False)
    return {bay: (mine[bay], shut.get(bay, [])) for bay in mine}


def _turn(
    since: dict[tuple[str, str], int], ended: dict[str, list[Interval]], key: tuple[str, str], at: int, *, on: bool
) -> None:
    """Begin a time, or end one that is under way."""
    if on:
        since.setdefault(key, at)
    elif key in since:
        ended.setdefault(key[0], []).append(Interval(since.pop(key), at))


class _Statement:
    def __init__(self, connection: sqlite3.Connection, clock: CityClock, resident: str, period: Interval) -> None:
        self._connection, self._clock, self._resident, self._period = connection, clock, resident, period
        self._booked = booked(connection, f"resident:{resident}")
        self._awards = [*rows_of(connection, _POINTS, (f"resident:{resident}",))]

    def of_bay(self, bay: str, mine: list[Interval], shut: list[Interval]) -> dict[str, Any]:
        """Return the bay's part: its days, their sums, and what was on offer since points were last given."""
        days: dict[date, dict[str, Any]] = {}
        offered = self._offered(bay, minus(mine, shut))
        within = [overlap(one, self._period) for one in offered]
        for day, offered_ms in self._clock.days(within).items():
            self._day(days, day)["offered_min"] = offered_ms // 60_000
        for use in rows_of(self._connection, _USES, (bay,)):
            if any(one.from_at <= use["at"] < one.until for one in mine):
                self._use(days, use)
        for award in self._awards:
            if award["bay"] == bay and self._in_period(award["at"]):
                on_day = self._day(days, self._clock.local(award["at"]).date())
                on_day["offered_millipoints"] += self._booked[award["position"]]["millipoints"]
        rows = [days[day] for day in sorted(days)]
        row = self._connection.execute("SELECT zone, settled_at FROM bay WHERE bay = ?", (bay,)).fetchone()
        unsettled = Interval(row[1] or 0, self._clock.as_of)
        return {
            "bay": bay,
            "zone": row[0],
            **_sums(rows),
            "not_settled_min": total_ms(overlap(one, unsettled) for one in offered) // 60_000,
            "days": rows,
        }

    def _offered(self, bay: str, theirs: list[Interval]) -> list[Interval]:
        """Return when the resident had the bay on offer, up to now."""
        sql = "SELECT * FROM offer WHERE bay = ? AND resident = ?"
        offers = [_offer(row) for row in rows_of(self._connection, sql, (bay, self._resident))]
        since = min((offer.offered_at for offer in offers), default=self._clock.as_of)
        reach = Interval(since, self._clock.as_of)
        planned = offered_intervals(offers, self._clock.zone.key, reach)
        opened = united([*planned, *self._auto_windows(bay, {offer.offer_id for offer in offers})])
        return [part for one in opened for own in theirs if (part := overlap(one, own)).from_at < part.until]

    def _auto_windows(self, bay: str, offers: set[str]) -> list[Interval]:
        """Return when `auto` offers opened the bay: each window holds until the next is set."""
        windows: list[Interval] = []
        standing: dict[str, Fields] = {}
        for row in rows_of(self._connection, _AUTO, (bay,)):
            before = standing.get(row["offer_id"])
            if before is not None:
                windows.append(Interval(before["from_at"], min(before["until"], row["at"])))
            if row["offer_id"] in offers:
                standing[row["offer_id"]] = row
        return windows + [Interval(row["from_at"], min(row["until"], self._clock.as_of)) for row in standing.values()]

    def _use(self, days: dict[date, dict[str, Any]], use: Fields) -> None:
        if not self._in_period(use["at"]):
            return
        given = self._booked.get(use["position"], {})
        minutes = max(use["ended"] - use["began"], 0) // 60_000
        day = self._day(days, self._clock.local(use["at"]).date())
        day["uses"].append(
            {
                "from": format_rfc3339(use["began"]),
                "until": format_rfc3339(use["ended"]),
                "minutes": minutes,
                "earned_won": given.get("won", 0),
                "millipoints": given.get("millipoints", 0),
            }
        )
        day["rented_min"] += minutes
        day["earned_won"] += given.get("won", 0)
        day["used_millipoints"] += given.get("millipoints", 0)

    def _in_period(self, at: int) -> bool:
        return self._period.from_at <= at < self._period.until

    @staticmethod
    def _day(days: dict[date, dict[str, Any]], day: date) -> dict[str, Any]:
        empty = {"day": day.isoformat(), **dict.fromkeys(_SUMMED, 0), "uses": []}
        return days.setdefault(day, empty)


def _offer(row: Fields) -> Offer:
    changed = {"except_dates": tuple(json.loads(row["except_dates"])), "withdrawn": bool(row["withdrawn"])}
    return Offer(**row | changed)
