"""What became of each request: a record from the asking to the end, kept in step with the events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allocator.domain import events as e

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.domain.events import Recorded
    from broker_bridge.wire.messages import RequestBay

WAITING, ACCEPTED, REFUSED = "waiting", "accepted", "refused"


@dataclass(slots=True)
class Decision:
    """A request and what came of it.

    `answer` is `waiting, accepted` or `refused`; `reason` is of the refusal. `chain`: how many others were moved for
    it. `bay` and `walk_m` are of the last bay. `outcome`: `parked` while the car stands there, else how a booking
    ended; `broken` why its promise was not kept, `sent_home` whether a resident's recall ended it early.
    """

    request_id: str
    driver: str
    asked_at: int
    arrive_at: int
    stay_min: int
    lat: float
    lon: float
    max_walk_m: int
    max_price_won: int | None
    answer: str = WAITING
    reason: str | None = None
    waitlisted: bool = False
    zone: str | None = None
    bay: str | None = None
    walk_m: int | None = None
    chain: int = 0
    quote_won: int | None = None
    relocations: int = 0
    broken: str | None = None
    sent_home: bool = False
    began_at: int | None = None
    ended_at: int | None = None
    outcome: str | None = None
    price_won: int | None = None
    resident_won: int | None = None
    substitute_won: int = 0
    """What the operator bore for a substitute beyond the promise."""


class Decisions:
    """The decisions of a run by request. `hidden_moves`: bookings that changed their bay before anybody knew it."""

    def __init__(self) -> None:
        self.of: dict[str, Decision] = {}
        self.hidden_moves = 0
        self.overstays = 0
        self._held: dict[str, Decision] = {}

    def asked(self, driver: str, said: RequestBay, now: int) -> None:
        """Take note of a request; one that is repeated is the same."""
        if said.request_id not in self.of:
            self.of[said.request_id] = Decision(
                said.request_id,
                driver,
                now,
                said.arrive_at,
                said.stay_min,
                said.destination.lat,
                said.destination.lon,
                said.max_walk_m,
                said.max_price_won,
            )

    def hear(self, recorded: Recorded) -> None:
        """Take note of an event that concerns a request."""
        handle = _HANDLERS.get(type(recorded.event))
        if handle is not None:
            handle(self, recorded.event, recorded.at)

    def _accepted(self, event: e.ReservationAccepted, _at: int) -> None:
        made = self._held[event.reservation_id] = self.of[event.request_id]
        made.answer, made.zone, made.bay, made.walk_m = ACCEPTED, event.zone, event.bay, event.walk_m
        made.chain, made.quote_won = len(event.explanation.chain), event.quote_won

    def _waitlisted(self, event: e.RequestWaitlisted, _at: int) -> None:
        made = self.of[event.request_id]
        made.waitlisted, made.zone = True, event.zone

    def _rejected(self, event: e.RequestRejected, _at: int) -> None:
        made = self.of[event.request_id]
        made.answer, made.reason, made.zone = REFUSED, event.reason, event.zone

    def _replanned(self, event: e.Replanned, _at: int) -> None:
        self.hidden_moves += len(event.moves)

    def _bound(self, event: e.ReservationBound, _at: int) -> None:
        made = self._held[event.reservation_id]
        made.bay, made.walk_m = event.bay, event.walk_m

    def _activated(self, event: e.ReservationActivated, _at: int) -> None:
        made = self._held[event.reservation_id]
        made.began_at, made.outcome = event.at if made.began_at is None else made.began_at, "parked"

    def _relocated(self, event: e.ReservationRelocated, _at: int) -> None:
        made = self._held[event.reservation_id]
        made.bay, made.walk_m, made.relocations = event.to_bay, event.walk_m, made.relocations + 1
        made.substitute_won += event.cost_won
        if event.violation:
            made.broken = event.reason

    def _recalled(self, event: e.GuestRecalled, _at: int) -> None:
        self._held[event.reservation_id].sent_home = True

    def _warned(self, _event: e.OverstayWarned, _at: int) -> None:
        self.overstays += 1

    def _extended(self, event: e.ReservationExtended, _at: int) -> None:
        self._held[event.reservation_id].quote_won = event.quote_won

    def _completed(self, event: e.ReservationCompleted, _at: int) -> None:
        made = self._end(event.reservation_id, "completed", event.at)
        made.price_won, made.resident_won = event.price_won, event.resident_won

    def _cancelled(self, event: e.ReservationCancelled, at: int) -> None:
        self._end(event.reservation_id, "cancelled", at)

    def _expired(self, event: e.ReservationExpired, at: int) -> None:
        self._end(event.reservation_id, "expired", at)

    def _failed(self, event: e.ReservationFailed, at: int) -> None:
        self._end(event.reservation_id, "failed", at).broken = event.reason

    def _end(self, reservation_id: str, outcome: str, at: int) -> Decision:
        made = self._held.pop(reservation_id)
        made.outcome, made.ended_at = outcome, at
        return made


_HANDLERS: dict[type[e.Event], Callable[[Decisions, Any, int], None]] = {
    e.ReservationAccepted: Decisions._accepted,  # noqa: SLF001 - the class's own table
    e.RequestWaitlisted: Decisions._waitlisted,  # noqa: SLF001 - likewise
    e.RequestRejected: Decisions._rejected,  # noqa: SLF001 - likewise
    e.Replanned: Decisions._replanned,  # noqa: SLF001 - likewise
    e.ReservationBound: Decisions._bound,  # noqa: SLF001 - likewise
    e.ReservationActivated: Decisions._activated,  # noqa: SLF001 - likewise
    e.ReservationRelocated: Decisions._relocated,  # noqa: SLF001 - likewise
    e.GuestRecalled: Decisions._recalled,  # noqa: SLF001 - likewise
    e.OverstayWarned: Decisions._warned,  # noqa: SLF001 - likewise
    e.ReservationExtended: Decisions._extended,  # noqa: SLF001 - likewise
    e.ReservationCompleted: Decisions._completed,  # noqa: SLF001 - likewise
    e.ReservationCancelled: Decisions._cancelled,  # noqa: SLF001 - likewise
    e.ReservationExpired: Decisions._expired,  # noqa: SLF001 - likewise
    e.ReservationFailed: Decisions._failed,  # noqa: SLF001 - likewise
}
