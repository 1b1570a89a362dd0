"""From committed events to messages: replies to drivers, notices to residents, a zone's public events."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_core import to_json

from allocator.domain import events as e
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import DriverReply, OperatorReply, Place, ResidentNotice
from broker_bridge.wire.times import format_rfc3339
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core.state import State
    from allocator.domain.events import Event, Recorded
    from allocator.domain.model import Reservation

_PRIVATE = frozenset(
    {
        "driver", "vehicle_id", "resident", "operator", "request_id", "lat", "lon", "needs", "max_price_won",
        "explanation", "published",
    }
)  # fmt: skip
"""Fields that no public topic carries: who, and where somebody wants to go."""
_PLANNED = frozenset({"bay", "walk_m", "held_from", "held_until"})
"""A plan is nobody's business until it is bound."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish. `answers` is the (party, request_id) that it answers, if it does."""

    topic: str
    payload: bytes
    retain: bool = False
    answers: tuple[str, str] | None = None


class Said(NamedTuple):
    """What is said to one driver, resident or operator, called `name`; `answers` their request of that id."""

    kind: TopicKind
    name: str
    message: DriverReply | ResidentNotice | OperatorReply
    answers: str | None = None

    @property
    def names(self) -> dict[str, str]:
        """The names in its topic."""
        return {_ROLES[self.kind][0]: self.name}

    def outgoing(self, city: str) -> Outgoing:
        """Return it as a message."""
        topic = topics.build(self.kind, city, **self.names)
        key = (f"{_ROLES[self.kind][1]}/{self.name}", self.answers) if self.answers is not None else None
        return Outgoing(topic, codec.encode(self.message), answers=key)


_ROLES = {
    TopicKind.DRIVER_REPLY: ("driver", "drivers"),
    TopicKind.RESIDENT_NOTICE: ("resident", "residents"),
    TopicKind.OPERATOR_REPLY: ("operator", "operators"),
}
"""The placeholder in the topic of what is said to somebody, and what parties of that role begin with."""


def tell(state: State, recorded: Recorded) -> list[Said]:
    """Return what the parties are told of an event, right after it was folded; the first answers, if any does."""
    teller = _TELLERS.get(type(recorded.event))
    return teller(_Announcer(state, recorded), recorded.event) if teller is not None else []


def announce(state: State, city: str, recorded: Recorded) -> list[Outgoing]:
    """Return all that is published of an event, right after it was folded; the first answers, if any does."""
    said = [one.outgoing(city) for one in tell(state, recorded)]
    return [*said, zone_event(city, recorded)] if recorded.zone is not None else said


def tell_state(state: State, held: Reservation, request_id: str) -> Said:
    """Return what holds now of a reservation, for a driver who asks."""
    reply = DriverReply(
        type="state",
        request_id=request_id,
        reservation_id=held.reservation_id,
        status=held.status.value,
        from_at=held.from_at,
        until=held.until,
        bay=held.bay if held.bound_at is not None else None,
        price_won=held.quote_won,
        position=state.position,
        zone=held.zone,
        event_no=state.event_nos[held.zone],
    )
    return Said(TopicKind.DRIVER_REPLY, held.driver, reply)


def refusal(key: tuple[str, str], city: str, position: int, command: object) -> Outgoing:
    """Return the answer to a request that the database would not take."""
    (role, name), request_id = key[0].split("/"), key[1]
    told: dict[str, Any] = {"request_id": request_id, "reason": "quarantined", "position": position}
    if role == "drivers":
        said = Said(TopicKind.DRIVER_REPLY, name, DriverReply(type="rejected", **told), request_id)
    elif role == "residents":
        notice = ResidentNotice(type="offer_rejected", bay=getattr(command, "bay", ""), **told)
        said = Said(TopicKind.RESIDENT_NOTICE, name, notice, request_id)
    else:
        said = Said(TopicKind.OPERATOR_REPLY, name, OperatorReply(type="rejected", **told), request_id)
    return said.outgoing(city)


def zone_event(city: str, recorded: Recorded) -> Outgoing:
    """Return the event as a CloudEvents 1.0 JSON object, without anything personal."""
    name, public = _PUBLIC[type(recorded.event)]
    data: dict[str, object] = {field: getattr(recorded.event, field) for field in public}
    if isinstance(recorded.event, e.BayRegistered):
        spec = recorded.event.spec
        data = {"bay": spec.bay, "lat": spec.lat, "lon": spec.lon, "gateway": spec.gateway, "needs": spec.needs}
    data |= {"position": recorded.position, "zone": recorded.zone, "event_no": recorded.event_no}
    event = {
        "specversion": "1.0",
        "id": str(recorded.position),
        "source": f"/{topics.PREFIX}/{city}/allocator",
        "type": f"baybroker.{name}.v1",
        "subject": data.get("reservation_id") or data.get("bay") or recorded.zone,
        "time": format_rfc3339(recorded.at),
        "datacontenttype": "application/json",
        "data": data,
    }
    topic = topics.build(TopicKind.ZONE_EVENTS, city, zone=recorded.zone or "")
    return Outgoing(topic, to_json(event))


def _public_fields(kind: type[Event]) -> tuple[str, tuple[str, ...]]:
    hidden = _PRIVATE | (_PLANNED if kind in (e.ReservationAccepted, e.RequestWaitlisted) else frozenset())
    return e.event_name(kind), tuple(field.name for field in fields(kind) if field.name not in hidden)


_PUBLIC = {kind: _public_fields(kind) for kind in e.EVENT_TYPES}


class _Announcer:
    """Builds messages that carry the numbers of one event."""

    def __init__(self, state: State, recorded: Recorded) -> None:
        self.state, self.at = state, recorded.at
        self.numbers: dict[str, Any] = {
            "position": recorded.position,
            "zone": recorded.zone,
            "event_no": recorded.event_no,
        }

    def reservation(self, reservation_id: str) -> Reservation:
        """Return a reservation that the event changed, be it over by now."""
        changed = self.state.dirty.reservations.get(reservation_id)
        return changed if changed is not None else self.state.reservations[reservation_id]

    def driver(self, driver: str, kind: str, request_id: str, *, answers: bool = True, **said: Any) -> Said:
        """Return a reply to a driver."""
        reply = DriverReply(type=kind, request_id=request_id, **self.numbers, **said)  # type: ignore[arg-type]
        return Said(TopicKind.DRIVER_REPLY, driver, reply, request_id if answers else None)

    def of(self, held: Reservation, kind: str, request_id: str | None = None, **said: Any) -> Said:
        """Return a reply about a reservation: it answers `request_id`, or it is news of the first request."""
        return self.driver(
            held.driver,
            kind,
            request_id or held.request_id,
            answers=request_id is not None,
            reservation_id=held.reservation_id,
            **said,
        )

    def where(self, held: Reservation) -> dict[str, Any]:
        """Return the reply's fields of a bound bay."""
        spec = self.state.board.bay(held.bay or "").spec
        return {
            "bay": spec.bay,
            "bay_zone": spec.zone,
            "place": self.place(spec.bay),
            "walk_m": held.walk_m,
            "from_at": held.from_at,
            "until": held.until,
            "price_won": held.quote_won,
        }

    def place(self, bay: str) -> Place:
        """Return where a bay is."""
        spec = self.state.board.bay(bay).spec
        return Place(lat=spec.lat, lon=spec.lon)

    def resident(self, resident: str, kind: str, request_id: str | None = None, **said: Any) -> Said:
        """Return a notice to a resident."""
        notice = ResidentNotice(type=kind, request_id=request_id, **self.numbers, **said)  # type: ignore[arg-type]
        return Said(TopicKind.RESIDENT_NOTICE, resident, notice, request_id)

    def owner(self, bay: str, kind: str, **said: Any) -> list[Said]:
        """Return a notice to the bay's resident, if it has one."""
        resident = self.state.board.bay(bay).spec.resident
        return [self.resident(resident, kind, bay=bay, **said)] if resident is not None else []

    def operator(self, operator: str, kind: str, request_id: str, reason: str | None = None) -> Said:
        """Return a reply to an operator."""
        reply = OperatorReply(type=kind, request_id=request_id, reason=reason, **self.numbers)  # type: ignore[arg-type]
        return Said(TopicKind.OPERATOR_REPLY, operator, reply, request_id)


def _done(to: _Announcer, event: Any) -> list[Said]:
    if event.operator is None or event.request_id is None:
        return []
    return [to.operator(event.operator, "done", event.request_id)]


def _operator_refused(to: _Announcer, event: e.OperatorCommandRefused) -> list[Said]:
    return [to.operator(event.operator, "rejected", event.request_id, event.reason)]


def _contested(to: _Announcer, event: e.BayContested) -> list[Said]:
    return to.owner(event.bay, "contested", reason=event.reason)


def _offered(to: _Announcer, event: e.WeeklyOffered | e.OnceOffered | e.AutoOffered) -> list[Said]:
    said = to.resident(event.resident, "offer_accepted", event.request_id, bay=event.bay, offer_id=event.offer_id)
    return [said]


def _recalled(to: _Announcer, event: e.BayRecalled) -> list[Said]:
    reason = "guest_leaves" if event.free_at > max(to.at, event.from_at) else "free"
    said = {"bay": event.bay, "offer_id": event.offer_id, "reason": reason, "until": event.free_at}
    if event.meanwhile is not None:
        said |= {"meanwhile_bay": event.meanwhile, "place": to.place(event.meanwhile)}
    return [to.resident(event.resident, "recall_answer", event.request_id, **said)]


def _guest_recalled(to: _Announcer, event: e.GuestRecalled) -> list[Said]:
    said: dict[str, Any] = {"reason": "recalled", "until": event.until}
    if event.meanwhile is not None:
        said |= {"bay": event.meanwhile, "place": to.place(event.meanwhile)}
    return [to.of(to.reservation(event.reservation_id), "warned", **said)]


def _withdrawn(to: _Announcer, event: e.OffersWithdrawn) -> list[Said]:
    if event.request_id is None:
        return []
    return [to.resident(event.resident, "offer_accepted", event.request_id, bay=event.bay, reason="withdrawn")]


def _offer_rejected(to: _Announcer, event: e.OfferRejected) -> list[Said]:
    return [to.resident(event.resident, "offer_rejected", event.request_id, bay=event.bay, reason=event.reason)]


def _accepted(to: _Announcer, event: e.ReservationAccepted) -> list[Said]:
    reply = to.driver(
        event.driver,
        "accepted",
        event.request_id,
        answers=to.reservation(event.reservation_id).wait_until is None,  # one who waited was answered long ago
        reservation_id=event.reservation_id,
        from_at=event.from_at,
        until=event.until,
        max_walk_m=event.max_walk_m,
        price_won=event.quote_won,
    )
    return [reply]


def _waitlisted(to: _Announcer, event: e.RequestWaitlisted) -> list[Said]:
    reply = to.driver(
        event.driver,
        "waitlisted",
        event.request_id,
        reservation_id=event.reservation_id,
        from_at=event.from_at,
        until=event.wait_until,
        max_walk_m=event.max_walk_m,
        price_won=event.quote_won,
    )
    return [reply]


def _rejected(to: _Announcer, event: e.RequestRejected) -> list[Said]:
    waited = event.reservation_id
    told = {"reason": event.reason, "reservation_id": waited}
    return [to.driver(event.driver, "rejected", event.request_id, answers=waited is None, **told)]


def _refused(to: _Announcer, event: e.DriverCommandRefused) -> list[Said]:
    kind = "extend_refused" if event.type == "extend" else "rejected"
    reply = to.driver(event.driver, kind, event.request_id, reason=event.reason, reservation_id=event.reservation_id)
    return [reply]


def _bound(to: _Announcer, event: e.ReservationBound) -> list[Said]:
    held = to.reservation(event.reservation_id)
    return [to.of(held, "bound", **to.where(held))]


def _activated(to: _Announcer, event: e.ReservationActivated) -> list[Said]:
    held = to.reservation(event.reservation_id)
    reply = to.of(held, "active", event.request_id, bay=event.bay, until=held.until)
    return [reply, *to.owner(event.bay, "guest_arrived", until=held.until)]


def _relocated(to: _Announcer, event: e.ReservationRelocated) -> list[Said]:
    held = to.reservation(event.reservation_id)
    return [to.of(held, "relocated", event.request_id, reason=event.reason, **to.where(held))]


def _extended(to: _Announcer, event: e.ReservationExtended) -> list[Said]:
    held = to.reservation(event.reservation_id)
    return [to.of(held, "extended", event.request_id, until=event.until, price_won=event.quote_won)]


def _warned(to: _Announcer, event: e.OverstayWarned) -> list[Said]:
    held = to.reservation(event.reservation_id)
    return [to.of(held, "warned", until=held.until), *to.owner(held.bay or "", "overstay", until=held.until)]


def _completed(to: _Announcer, event: e.ReservationCompleted) -> list[Said]:
    held = to.reservation(event.reservation_id)
    price = {"price_won": event.price_won, "surcharge_won": event.surcharge_won or None}
    said = [to.of(held, "completed", event.request_id, **price, until=event.at)]
    said += to.owner(event.bay, "guest_left")
    return said + (to.owner(event.bay, "earning", amount_won=event.resident_won) if event.resident_won else [])


def _cancelled(to: _Announcer, event: e.ReservationCancelled) -> list[Said]:
    held = to.reservation(event.reservation_id)
    if event.operator is None:
        return [to.of(held, "cancelled", event.request_id)]
    return [to.operator(event.operator, "done", event.request_id), to.of(held, "cancelled", reason="operator")]


def _expired(to: _Announcer, event: e.ReservationExpired) -> list[Said]:
    return [to.of(to.reservation(event.reservation_id), "expired")]


def _failed(to: _Announcer, event: e.ReservationFailed) -> list[Said]:
    return [to.of(to.reservation(event.reservation_id), "failed", event.request_id, reason=event.reason)]


_TELLERS: dict[type[Event], Callable[[_Announcer, Any], list[Said]]] = {
    e.BayRegistered: _done,
    e.BayRetired: _done,
    e.BayClosed: _done,
    e.BayOpened: _done,
    e.SensorRepaired: _done,
    e.OperatorCommandRefused: _operator_refused,
    e.BayContested: _contested,
    e.WeeklyOffered: _offered,
    e.OnceOffered: _offered,
    e.AutoOffered: _offered,
    e.OffersWithdrawn: _withdrawn,
    e.OfferRejected: _offer_rejected,
    e.BayRecalled: _recalled,
    e.GuestRecalled: _guest_recalled,
    e.ReservationAccepted: _accepted,
    e.RequestWaitlisted: _waitlisted,
    e.RequestRejected: _rejected,
    e.DriverCommandRefused: _refused,
    e.ReservationBound: _bound,
    e.ReservationActivated: _activated,
    e.ReservationRelocated: _relocated,
    e.ReservationExtended: _extended,
    e.OverstayWarned: _warned,
    e.ReservationCompleted: _completed,
    e.ReservationCancelled: _cancelled,
    e.ReservationExpired: _expired,
    e.ReservationFailed: _failed,
}
