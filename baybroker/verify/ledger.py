"""The ledger against what the events charge (S8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baybroker.verify.reading import rows_of

if TYPE_CHECKING:
    import sqlite3

    from baybroker.verify.bays import Bays
    from baybroker.verify.reading import Fields
    from baybroker.verify.report import Report
    from baybroker.verify.reservations import Reservations

_ENTRIES = "SELECT position, account, amount AS amount_won FROM ledger ORDER BY position"


class Ledger:
    """What each event should have booked: position -> {account: won}."""

    def __init__(self, report: Report, bays: Bays, reservations: Reservations) -> None:
        self._report = report
        self._bays = bays
        self._reservations = reservations
        self._due: dict[int, dict[str, int]] = {}
        self.handlers = {"reservation_completed": self._completed}

    def _completed(self, position: int, _at: int, data: Fields) -> None:
        price, share = data["price_won"], data["resident_won"]
        if not 0 <= share <= price:
            self._report.add("S8", f"{share} won of {price} go to the resident", position)
        due = {f"driver:{self._reservations.driver_of(data['reservation_id'])}": -price, "operator": price - share}
        if share:
            due[f"resident:{self._bays.rows[data['bay']]['resident']}"] = share
        self._due[position] = {account: won for account, won in due.items() if won}

    def check(self, connection: sqlite3.Connection) -> None:
        """Compare the table with what is due: the sums, the events, the accounts."""
        booked: dict[int, dict[str, int]] = {}
        for row in rows_of(connection, _ENTRIES):
            self._report.counters.ledger_entries += 1
            accounts = booked.setdefault(row["position"], {})
            accounts[row["account"]] = accounts.get(row["account"], 0) + row["amount_won"]
        total = sum(sum(accounts.values()) for accounts in booked.values())
        if total:
            self._report.add("S8", f"the ledger sums to {total} won, not to 0")
        for position in sorted(booked.keys() | self._due.keys()):
            self._compare(position, booked.get(position, {}), self._due.get(position))

    def _compare(self, position: int, booked: dict[str, int], due: dict[str, int] | None) -> None:
        total = sum(booked.values())
        if total:
            self._report.add("S8", f"the entries of event {position} sum to {total} won, not to 0", position)
        if due is None:
            self._report.add("S8", f"the ledger books {booked} for event {position}, which charges nothing", position)
        elif {account: won for account, won in booked.items() if won} != due:
            self._report.add("S8", f"event {position} charges {due}, the ledger books {booked}", position)
