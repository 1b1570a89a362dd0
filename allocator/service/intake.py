"""From a topic and a payload to a command: the contract's models end here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allocator.domain import commands as c
from allocator.domain.events import BaySpec
from allocator.domain.interval import MINUTE_MS
from broker_bridge.wire import codec, messages, topics
from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from allocator.domain.commands import Command
    from broker_bridge.transport.base import Delivery

SECOND_MS = 1000
SUBSCRIBED = (
    TopicKind.GATEWAY_STATUS,
    TopicKind.OCCUPANCY,
    TopicKind.DEVICE,
    TopicKind.DRIVER_REQUEST,
    TopicKind.RESIDENT_OFFER,
    TopicKind.OPERATOR_COMMAND,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command, or the clock; `key` is (party, request_id) where it must be answered."""

    command: Command | messages.Clock
    key: tuple[str, str] | None


def parse(inbound: Delivery, city: str) -> Parsed:
    """Return what an inbound message asks for; raises BadMessageError."""
    topic = topics.parse(inbound.topic)
    if topic.city != city:
        raise BadMessageError("city_of_another", f"{topic.city!r} is not {city!r}")
    message = codec.decode(topic.kind, inbound.payload)
    if topic.kind is TopicKind.CLOCK:
        return Parsed(message, None)
    if topic.kind not in _CONVERT:
        raise BadMessageError("topic_not_ours", f"{inbound.topic!r} is not for the allocator")
    return Parsed(*command_of(topic.kind, topic.names, message, retained=inbound.retained))


def command_of(
    kind: TopicKind, names: Mapping[str, str], message: Any, *, retained: bool = False
) -> tuple[Command, tuple[str, str] | None]:
    """Return what a decoded message of one of the kinds in SUBSCRIBED asks for, and (party, request_id) if it asks.

    `names` are those in its topic.
    """
    party, command = _CONVERT[kind](names, message, retained=retained)
    return command, (party, message.request_id) if party is not None else None


def _gateway(names: Mapping[str, str], said: messages.GatewayStatus, **_: object) -> tuple[None, Command]:
    return None, c.ReportGateway(gateway=names["gateway"], online=said.online)


def _occupancy(names: Mapping[str, str], said: messages.Occupancy, *, retained: bool) -> tuple[None, Command]:
    return None, c.Observe(
        gateway=names["gateway"],
        zone=names["zone"],
        bay=names["bay"],
        boot_id=said.boot_id,
        seq=said.seq,
        observed_at=said.observed_at,
        status=said.status,
        retained=retained,
    )


def _device(names: Mapping[str, str], said: messages.Device, *, retained: bool) -> tuple[None, Command]:
    return None, c.ReportDevice(
        gateway=names["gateway"],
        zone=names["zone"],
        bay=names["bay"],
        boot_id=said.boot_id,
        seq=said.seq,
        observed_at=said.observed_at,
        heartbeat_ms=said.heartbeat_s * SECOND_MS,
        fault=said.fault,
        retained=retained,
    )


def _driver(names: Mapping[str, str], said: Any, **_: object) -> tuple[str, Command]:
    driver = names["driver"]
    party = f"drivers/{driver}"
    if isinstance(said, messages.RequestBay):
        return party, c.RequestBay(
            driver=driver,
            request_id=said.request_id,
            vehicle_id=said.vehicle_id,
            lat=said.destination.lat,
            lon=said.destination.lon,
            arrive_at=said.arrive_at,
            stay_ms=said.stay_min * MINUTE_MS,
            max_walk_m=said.max_walk_m,
            max_price_won=said.max_price_won,
            needs=tuple(said.needs),
            wait_until=said.wait_until,
        )
    return party, c.DriverCommand(
        driver=driver,
        request_id=said.request_id,
        type=said.type,
        reservation_id=said.reservation_id,
        blocked=isinstance(said, messages.Arrive) and said.blocked,
        extend_ms=said.extend_min * MINUTE_MS if isinstance(said, messages.Extend) else 0,
    )


def _resident(names: Mapping[str, str], said: Any, **_: object) -> tuple[str, Command]:
    who = {"resident": names["resident"], "request_id": said.request_id, "bay": said.bay}
    party = f"residents/{names['resident']}"
    match said:
        case messages.OfferWeekly():
            days = tuple(said.except_dates)
            return party, c.OfferWeekly(**who, rrule=said.rrule, start=said.start, end=said.end, except_dates=days)
        case messages.OfferOnce():
            return party, c.OfferOnce(**who, from_at=said.from_at, until=said.until)
        case messages.OfferAuto():
            return party, c.OfferAuto(**who, enabled=said.enabled, risk_permille=round(said.risk_pct * 10))
        case messages.Withdraw():
            return party, c.WithdrawOffer(**who, offer_id=said.offer_id)
        case messages.Recall():
            return party, c.RecallBay(**who, home_at=said.home_at)
        case _:
            return party, c.RefuseOffer(**who, reason="not_supported_yet")


def _operator(names: Mapping[str, str], said: Any, **_: object) -> tuple[str, Command]:
    who = {"operator": names["operator"], "request_id": said.request_id}
    party = f"operators/{names['operator']}"
    match said:
        case messages.RegisterBays():
            return party, c.RegisterBays(**who, specs=tuple(spec_of(bay) for bay in said.bays))
        case messages.ReleaseReservation():
            return party, c.ReleaseReservation(**who, reservation_id=said.reservation_id)
        case _:
            return party, c.OperateBay(**who, type=said.type, bay=said.bay)


def spec_of(bay: messages.BayRecord) -> BaySpec:
    """Return the register's entry of a bay as the domain has it."""
    return BaySpec(
        bay=bay.bay,
        zone=bay.zone,
        lat=bay.lat,
        lon=bay.lon,
        gateway=bay.gateway,
        resident=bay.resident,
        needs=tuple(bay.needs),
        tariff=bay.tariff,
    )


_CONVERT: dict[TopicKind, Callable[..., tuple[str | None, Command]]] = {
    TopicKind.GATEWAY_STATUS: _gateway,
    TopicKind.OCCUPANCY: _occupancy,
    TopicKind.DEVICE: _device,
    TopicKind.DRIVER_REQUEST: _driver,
    TopicKind.RESIDENT_OFFER: _resident,
    TopicKind.OPERATOR_COMMAND: _operator,
}
