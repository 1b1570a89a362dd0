"""The ledger against what the events charge (S8), and what they charge against what was promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baybroker.verify.reading import rows_of

if TYPE_CHECKING:
    import sqlite3

    from baybroker.verify.bays import Bays
    from baybroker.verify.reading import Fields
    from baybroker.verify.report import Report
    from baybroker.verify.reservations import Reservations

_ENTRIES = "SELECT position, account, unit, amount FROM ledger ORDER BY position"
_HOUR_MS = 3_600_000
Amounts = dict[tuple[str, str], int]
"""(account, unit) -> amount."""


class Ledger:
    """What each event should have booked, by position. Handles an event before the folds do."""

    def __init__(self, report: Report, bays: Bays, reservations: Reservations) -> None:
        self._report = report
        self._bays = bays
        self._reservations = reservations
        self._due: dict[int, Amounts] = {}
        self.handlers = {"reservation_completed": self._completed, "points_awarded": self._awarded}

    def _completed(self, position: int, _at: int, data: Fields) -> None:
        price, share, points = data["price_won"], data["resident_won"], data.get("millipoints", 0)
        held = self._reservations.bookings[data["reservation_id"]].row
        self._check_price(position, data, held)
        driver, resident = f"driver:{held['driver']}", f"resident:{self._bays.rows[data['bay']]['resident']}"
        self._book(position, "won", {driver: -price, resident: share})
        self._book(position, "millipoints", {resident: points})

    def _check_price(self, position: int, data: Fields, held: Fields) -> None:
        """Within the promise nobody pays more than the quote, and nobody at all for a promise that was broken."""
        price, surcharge, quote = data["price_won"], data.get("surcharge_won", 0), held["quote_won"]
        name, in_time = data["reservation_id"], data["at"] <= held["until"]
        most = (0 if held["violation"] else quote) if in_time else price
        if not 0 <= surcharge <= price or (in_time and surcharge):
            self._report.add("S8", f"{name} pays a surcharge of {surcharge} won of {price}", position)
        if not 0 <= price <= most:
            self._report.add("S8", f"{name} pays {price} won, {most} at most were due", position)
        borne = quote if held["violation"] else 0
        if not 0 <= data["resident_won"] <= price + borne:
            self._report.add("S8", f"{data['resident_won']} won of {price} go to the resident", position)
        if data.get("millipoints", 0) < 0:
            self._report.add("S8", f"{name} gives {data['millipoints']} millipoints", position)

    def _awarded(self, position: int, at: int, data: Fields) -> None:
        bay = self._bays.rows[data["bay"]]
        offered, rate, points = data["offered_ms"], data["millipoints_per_hour"], data["millipoints"]
        from_at, until = data["from_at"], data["until"]
        if data["resident"] != bay["resident"]:
            self._report.add("S8", f"points for {data['bay']} go to {data['resident']}, not to its resident", position)
        if not (bay["settled_at"] or 0) <= from_at <= until <= at:
            text = f"points for {data['bay']} from {from_at} to {until}, settled up to {bay['settled_at']}"
            self._report.add("S8", text, position)
        if not 0 <= offered <= until - from_at or points != offered * rate // _HOUR_MS:
            text = f"{points} millipoints for {offered} ms on offer in {until - from_at} ms, at {rate} an hour"
            self._report.add("S8", text, position)
        self._book(position, "millipoints", {f"resident:{data['resident']}": points})

    def _book(self, position: int, unit: str, amounts: dict[str, int]) -> None:
        whole = {**amounts, "operator": -sum(amounts.values())}
        due = self._due.setdefault(position, {})
        due |= {(account, unit): amount for account, amount in whole.items() if amount}

    def check(self, connection: sqlite3.Connection) -> None:
        """Compare the table with what is due: the sums, the events, the accounts."""
        booked: dict[int, Amounts] = {}
        totals: dict[str, int] = {}
        for row in rows_of(connection, _ENTRIES):
            self._report.counters.ledger_entries += 1
            amounts, key = booked.setdefault(row["position"], {}), (row["account"], row["unit"])
            amounts[key] = amounts.get(key, 0) + row["amount"]
            totals[row["unit"]] = totals.get(row["unit"], 0) + row["amount"]
        for unit, total in totals.items():
            if total:
                self._report.add("S8", f"the ledger sums to {total} {unit}, not to 0")
        for position in sorted(booked.keys() | self._due.keys()):
            self._compare(position, booked.get(position, {}), self._due.get(position))

    def _compare(self, position: int, booked: Amounts, due: Amounts | None) -> None:
        for unit in sorted({unit for _, unit in booked}):
            total = sum(amount for (_, of), amount in booked.items() if of == unit)
            if total:
                self._report.add("S8", f"the entries of event {position} sum to {total} {unit}, not to 0", position)
        if due is None:
            text = f"the ledger books {_told(booked)} for event {position}, which charges nothing"
            self._report.add("S8", text, position)
        elif {key: amount for key, amount in booked.items() if amount} != due:
            self._report.add("S8", f"event {position} charges {_told(due)}, the ledger books {_told(booked)}", position)


def _told(amounts: Amounts) -> str:
    return ", ".join(f"{amount} {unit} of {account}" for (account, unit), amount in sorted(amounts.items())) or "{}"
