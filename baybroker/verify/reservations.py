"""Reservations as their events tell: the lifecycle (S6), and where each may stand (S1, S2, S3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from baybroker.verify.calendar import SLOT_MS, Calendar

if TYPE_CHECKING:
    from collections.abc import Callable

    from baybroker.verify.bays import Bays
    from baybroker.verify.offers import Offers
    from baybroker.verify.reading import Fields
    from baybroker.verify.report import Report

LIVE = frozenset({"accepted", "bound", "active"})
NEXT: dict[str, dict[str, str]] = {
    "waiting": {
        "reservation_accepted": "accepted",
        "request_rejected": "rejected",
        "reservation_cancelled": "cancelled",
    },
    "accepted": {
        "replanned": "accepted",
        "reservation_bound": "bound",
        "reservation_relocated": "bound",
        "reservation_cancelled": "cancelled",
        "reservation_failed": "failed",
    },
    "bound": {
        "reservation_activated": "active",
        "reservation_relocated": "bound",
        "reservation_cancelled": "cancelled",
        "reservation_expired": "expired",
        "reservation_failed": "failed",
    },
    "active": {
        "overstay_warned": "active",
        "guest_recalled": "active",
        "reservation_extended": "active",
        "reservation_completed": "completed",
        "reservation_relocated": "bound",
        "reservation_failed": "failed",
    },
}
"""status -> {event: next status}. Said again here on purpose: the allocator's own table is under test."""

_COPIED = (
    "reservation_id", "request_id", "driver", "vehicle_id", "zone", "lat", "lon", "from_at", "until", "held_from",
    "held_until", "max_walk_m", "needs", "quote_won",
)  # fmt: skip
_EMPTY: Fields = dict.fromkeys(
    ("bound_at", "activated_at", "ended_at", "warned_at", "price_won", "wait_until", "max_price_won", "recalled_at")
)
LATENESS_KEPT = 4_000
_COUNTED = {"reservation_bound": "bound", "reservation_activated": "active", "reservation_relocated": "substitutes"}


@dataclass(slots=True)
class Booking:
    """A reservation: the row that the table must hold, and since when it holds the bay that it is on."""

    row: Fields
    placed_from: int


class Reservations:
    """The reservations so far; `rows` are what the table must hold."""

    def __init__(self, report: Report, bays: Bays, offers: Offers) -> None:
        self.bookings: dict[str, Booking] = {}
        self.lateness = [0] * 8
        self._report = report
        self._register, self._offers = bays, offers
        self._bays = Calendar()
        self._vehicles = Calendar()
        self.handlers: dict[str, Callable[[int, int, Fields], None]] = {
            "reservation_accepted": self._accepted,
            "request_waitlisted": self._waitlisted,
            "request_rejected": self._rejected,
            "replanned": self._replanned,
            "reservation_bound": self._bound,
            "reservation_activated": self._activated,
            "reservation_relocated": self._relocated,
            "reservation_received": self._received,
            "reservation_extended": self._extended,
            "overstay_warned": self._warned,
            "guest_recalled": self._guest_recalled,
            "reservation_completed": self._completed,
            "reservation_cancelled": self._ender("reservation_cancelled"),
            "reservation_expired": self._ender("reservation_expired"),
            "reservation_failed": self._ender("reservation_failed"),
        }

    @property
    def rows(self) -> dict[str, Fields]:
        """What the table must hold."""
        return {name: booking.row for name, booking in self.bookings.items()}

    def driver_of(self, reservation_id: str) -> str:
        """Return whose it is; raises KeyError where there is no such reservation."""
        driver: str = self.bookings[reservation_id].row["driver"]
        return driver

    def _accepted(self, position: int, at: int, data: Fields) -> None:
        waited = data["reservation_id"] in self.bookings
        booking = self._promoted(position, data) if waited else self._enter(data, {"status": "accepted"})
        booking.row |= {"accepted_at": at, "walk_m": data["walk_m"]}
        self._report.counters.accepted += 1
        self._place(position, booking, data["bay"], data["held_from"])
        self._claim_vehicle(position, booking)

    def _enter(self, data: Fields, more: Fields) -> Booking:
        fresh: Fields = {"bay": None, "violation": 0}
        booking = Booking({key: data[key] for key in _COPIED} | _EMPTY | fresh | more, data["held_from"])
        self.bookings[data["reservation_id"]] = booking
        return booking

    def _promoted(self, position: int, data: Fields) -> Booking:
        """One who waited gets a bay: the same request, a stay as long as was asked for and no earlier."""
        booking = self._advance(position, "reservation_accepted", data["reservation_id"])
        row, kept = booking.row, ("request_id", "driver", "vehicle_id", "max_walk_m")
        wrong = [key for key in kept if row[key] != data[key]]
        if data["until"] - data["from_at"] != row["until"] - row["from_at"] or data["from_at"] < row["from_at"]:
            wrong.append("stay")
        if row["max_price_won"] is not None and data["quote_won"] > row["max_price_won"]:
            wrong.append("price")
        if wrong:
            text = f"{row['reservation_id']} waited, and gets another {', '.join(wrong)} than it asked for"
            self._report.add("S6", text, position)
        row |= {key: data[key] for key in _COPIED}
        return booking

    def _waitlisted(self, _position: int, at: int, data: Fields) -> None:
        waits = {"wait_until": data["wait_until"], "max_price_won": data.get("max_price_won")}
        self._enter(data, {"status": "waiting", "walk_m": 0, "accepted_at": at} | waits)
        self._report.counters.waitlisted += 1

    def _rejected(self, position: int, at: int, data: Fields) -> None:
        if data.get("reservation_id") is None:
            return
        row = self._advance(position, "request_rejected", data["reservation_id"]).row
        row["ended_at"] = at
        if at < (row["wait_until"] or 0):
            text = f"{row['reservation_id']} was to wait until {row['wait_until']}, and is refused at {at}"
            self._report.add("S4", text, position)

    def _replanned(self, position: int, _at: int, data: Fields) -> None:
        moved = []
        for move in data["moves"]:
            booking = self._advance(position, "replanned", move["reservation_id"])
            self._check_bay(position, booking, move["from_bay"])
            self._bays.drop(booking.row["bay"], move["reservation_id"])
            moved.append((booking, move))
        for booking, move in moved:
            booking.row["walk_m"] = move["walk_m"]
            self._place(position, booking, move["to_bay"], booking.placed_from)

    def _bound(self, position: int, at: int, data: Fields) -> None:
        booking = self._advance(position, "reservation_bound", data["reservation_id"])
        booking.row |= {"bound_at": at, "walk_m": data["walk_m"]}
        if data["bay"] != booking.row["bay"]:
            self._place(position, booking, data["bay"], booking.placed_from)
        self._check_recall(position, booking, "bound", booking.row["from_at"], booking.row["until"])

    def _check_recall(self, position: int, booking: Booking, happened: str, from_at: int, until: int) -> None:
        """Whoever was promised a bay that its resident took back must have been given another by now."""
        row = booking.row
        if self._offers.recalled(row["bay"], from_at, until):
            text = f"{row['reservation_id']} is {happened} on {row['bay']}, which its resident has recalled"
            self._report.add("S3", text, position)

    def _activated(self, position: int, _at: int, data: Fields) -> None:
        booking = self._advance(position, "reservation_activated", data["reservation_id"])
        self._check_bay(position, booking, data["bay"])
        booking.row["activated_at"] = data["at"]
        self._check_recall(position, booking, "active", data["at"], data["at"] + 1)

    def _relocated(self, position: int, at: int, data: Fields) -> None:
        booking = self._advance(position, "reservation_relocated", data["reservation_id"])
        self._check_bay(position, booking, data["from_bay"])
        row, from_now = booking.row, max(booking.placed_from, at - at % SLOT_MS)
        # The table may keep the interval as promised, or since when the substitute is held.
        held_from = row["held_from"]
        row["held_from"] = (held_from if isinstance(held_from, frozenset) else frozenset({held_from})) | {from_now}
        row |= {"walk_m": data["walk_m"], "bound_at": at, "activated_at": None, "warned_at": None}
        row["violation"] = int(row["violation"] or data["violation"])
        self._report.counters.promises_broken += bool(data["violation"])
        self._place(position, booking, data["to_bay"], from_now)

    def _received(self, position: int, _at: int, data: Fields) -> None:
        self._check_bay(position, self.bookings[data["reservation_id"]], data["to_bay"])

    def _extended(self, position: int, at: int, data: Fields) -> None:
        booking = self._advance(position, "reservation_extended", data["reservation_id"])
        # What is over need not be on offer; nothing is extended into it.
        row, held_before = booking.row, max(booking.row["held_until"], at - at % SLOT_MS)
        if data["until"] <= at:
            self._report.add("S3", f"{row['reservation_id']} is extended until a time that is over", position)
        row |= {name: data[name] for name in ("until", "held_until", "quote_won")} | {"warned_at": None}
        self._claim_bay(position, booking)
        self._claim_vehicle(position, booking)
        if not self._offers.covers(row["bay"], held_before, row["held_until"]):
            self._report.add("S3", f"{row['reservation_id']} is extended on {row['bay']} past its offers", position)

    def _guest_recalled(self, position: int, at: int, data: Fields) -> None:
        booking = self._advance(position, "guest_recalled", data["reservation_id"])
        self._check_bay(position, booking, data["bay"])
        row = booking.row
        if not self._offers.recalled(row["bay"], row["from_at"], row["until"]):
            self._report.add("S3", f"{row['reservation_id']} is sent away from {row['bay']}: nobody asked", position)
        if not at <= data["until"] < row["until"] or data["held_until"] > row["held_until"]:
            text = f"{row['reservation_id']} is sent away at {data['until']}, it was promised until {row['until']}"
            self._report.add("S3", text, position)
        if (quote_won := data.get("quote_won")) is not None and quote_won > row["quote_won"]:
            self._report.add("S8", f"{row['reservation_id']} is sent away and shall pay more for it", position)
        shorter = {name: data[name] for name in ("until", "held_until")}
        row |= shorter | {"recalled_at": at, "quote_won": row["quote_won"] if quote_won is None else quote_won}
        self._report.counters.guests_recalled += 1
        self._claim_bay(position, booking)
        self._claim_vehicle(position, booking)

    def _warned(self, position: int, at: int, data: Fields) -> None:
        self._advance(position, "overstay_warned", data["reservation_id"]).row["warned_at"] = at

    def _completed(self, position: int, _at: int, data: Fields) -> None:
        booking = self._end(position, "reservation_completed", data["reservation_id"])
        row = booking.row
        row |= {"ended_at": data["at"], "price_won": data["price_won"]}
        self._count_lateness(row, data)
        self._check_bay(position, booking, data["bay"])
        self._register.used(data["bay"], row["activated_at"] or row["from_at"], data["at"])

    def _count_lateness(self, row: Fields, data: Fields) -> None:
        """Count by how many begun five minutes, up to seven, a guest left after the end, as far as it was seen."""
        if data["source"] == "timer" or row["recalled_at"] is not None:
            return
        steps = min(-(-max(data["at"] - row["until"], 0) // SLOT_MS), len(self.lateness) - 1)
        self.lateness[steps] += 1
        if sum(self.lateness) > LATENESS_KEPT:
            self.lateness = [count // 2 for count in self.lateness]

    def _ender(self, happened: str) -> Callable[[int, int, Fields], None]:
        def handle(position: int, at: int, data: Fields) -> None:
            self._end(position, happened, data["reservation_id"]).row["ended_at"] = at

        return handle

    def _end(self, position: int, happened: str, name: str) -> Booking:
        booking = self._advance(position, happened, name)
        self._bays.drop(booking.row["bay"], name)
        self._vehicles.drop(booking.row["vehicle_id"], name)
        counters, status = self._report.counters, happened.removeprefix("reservation_")
        setattr(counters, status, getattr(counters, status) + 1)
        return booking

    def _advance(self, position: int, happened: str, name: str) -> Booking:
        booking = self.bookings[name]
        status = booking.row["status"]
        following = NEXT.get(status, {}).get(happened)
        if following is None:
            self._report.add("S6", f"{name} is {status}: {happened} cannot happen to it", position)
        else:
            booking.row["status"] = following
        counters, counted = self._report.counters, _COUNTED.get(happened)
        if counted is not None:
            setattr(counters, counted, getattr(counters, counted) + 1)
        return booking

    def _check_bay(self, position: int, booking: Booking, bay: str) -> None:
        if booking.row["bay"] != bay:
            text = f"{booking.row['reservation_id']} stands on {booking.row['bay']}, but the event says {bay}"
            self._report.add("S6", text, position)

    def _place(self, position: int, booking: Booking, bay: str, from_at: int) -> None:
        row = booking.row
        if row["bay"] is not None:
            self._bays.drop(row["bay"], row["reservation_id"])
        row["bay"], booking.placed_from = bay, from_at
        self._claim_bay(position, booking)
        if not self._offers.covers(bay, from_at, row["held_until"]):
            text = f"{row['reservation_id']} is placed on {bay} outside its offers"
            self._report.add("S3", f"{text} (held {from_at} to {row['held_until']})", position)

    def _claim_bay(self, position: int, booking: Booking) -> None:
        row = booking.row
        if row["status"] not in LIVE:
            return
        for other in self._bays.put(row["bay"], row["reservation_id"], booking.placed_from, row["held_until"]):
            self._report.add("S1", f"{row['bay']} is held twice: by {row['reservation_id']} and {other}", position)

    def _claim_vehicle(self, position: int, booking: Booking) -> None:
        row = booking.row
        if row["status"] not in LIVE:
            return
        for other in self._vehicles.put(row["vehicle_id"], row["reservation_id"], row["from_at"], row["until"]):
            text = f"vehicle {row['vehicle_id']} is promised two bays: {row['reservation_id']} and {other}"
            self._report.add("S2", text, position)
