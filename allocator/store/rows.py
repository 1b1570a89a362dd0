"""Between the domain's objects and the tables' rows. Pure; the order of the columns is that of `queries.sql`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allocator.domain.events import BaySpec, Recorded
from allocator.domain.lifecycle import LIVE, Occupancy, ReservationStatus
from allocator.domain.model import Bay, Offer, Reservation, StateImage
from allocator.store.base import ConstraintError, HeardRow, LeaseHeldError, Loaded, OutboxRow
from allocator.store.event_codec import (
    decode_event,
    decode_image,
    decode_texts,
    encode_event,
    encode_image,
    encode_texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from allocator.store.base import Commit

Row = tuple[Any, ...]
Write = tuple[str, list[Row]]
SNAPSHOTS_KEPT = 2
TABLES = (
    "select_numbers", "select_event_nos", "select_bays", "select_offers", "select_reservations", "select_heard",
    "select_outbox", "select_meta",
)  # fmt: skip
"""The statements without parameters that a start reads, beside the snapshots and the events."""


def positions_of(commit: Commit) -> list[int]:
    """Return the positions of the commit's events."""
    return [recorded.position for recorded in commit.events]


def check_fence(found: Row, epoch: int, positions: Sequence[int]) -> None:
    """Raise LeaseHeldError where the lease has gone to another, ConstraintError where positions leave a gap."""
    lease_epoch, last_position = found
    if lease_epoch != epoch:
        raise LeaseHeldError(f"another allocator took this database over (epoch {lease_epoch}, ours was {epoch})")
    for expected, position in enumerate(positions, last_position + 1):
        if position != expected:
            raise ConstraintError(f"event position {position} where {expected} is due")


def writes_of(commit: Commit) -> list[Write]:
    """Return what to execute, in order; raises ConstraintError where the ledger does not balance.

    Events come first (the ledger points at them), bays before what stands on them; a reservation that ends makes
    room before another takes its bay, and those that move are lifted before any lands.
    """
    _check_balance(commit)
    ended = [it for it in commit.reservations if it.status not in LIVE]
    live = [it for it in commit.reservations if it.status in LIVE]
    snapshots = [] if commit.snapshot is None else [(commit.snapshot.position, encode_image(commit.snapshot))]
    writes: list[Write] = [
        ("insert_event", [_event_row(it) for it in commit.events]),
        ("upsert_bay", [_bay_row(it) for it in commit.bays]),
        ("upsert_offer", [_offer_row(it) for it in commit.offers]),
        ("lift_reservation", [(it,) for it in commit.moved]),
        ("upsert_reservation", [_reservation_row(it) for it in (*ended, *live)]),
        ("insert_answer", [(it.party, it.request_id, it.topic, it.payload) for it in commit.answers]),
        ("insert_outbox", [(it.outbox_id, it.topic, it.payload, it.retain) for it in commit.outbox]),
        ("delete_outbox", [(it,) for it in commit.outbox_done]),
        (
            "upsert_heard",
            [(it.bay, it.boot_id, it.seq, it.last_heard_at, it.heartbeat_ms, it.seen) for it in commit.heard],
        ),
        ("insert_ledger", [(it.position, it.account, it.unit, it.amount) for it in commit.ledger]),
        ("upsert_meta", list(commit.meta.items())),
        ("insert_quarantine", [(it.at, it.topic, it.payload, it.error) for it in commit.quarantined]),
        ("upsert_snapshot", snapshots),
        ("trim_snapshots", [(SNAPSHOTS_KEPT,)] if snapshots else []),
    ]
    return [(name, rows) for name, rows in writes if rows]


def newest_snapshot(rows: Iterable[Row]) -> StateImage | None:
    """Return the first snapshot that can be read."""
    return next((image for (text,) in rows if (image := decode_image(text)) is not None), None)


def loaded_from(snapshot: StateImage | None, events: Iterable[Row], tables: Mapping[str, Sequence[Row]]) -> Loaded:
    """Return what a restart begins with, of the rows that `select_events` and TABLES gave."""
    ((last_position, accepted, offered),) = tables["select_numbers"]
    image = StateImage(
        position=last_position,
        event_nos=dict(tables["select_event_nos"]),
        accepted=accepted,
        offered=offered,
        bays=[_bay(row) for row in tables["select_bays"]],
        offers=[_offer(row) for row in tables["select_offers"]],
        reservations=[_reservation(row) for row in tables["select_reservations"]],
    )
    return Loaded(
        snapshot=snapshot,
        events=[
            Recorded(position, at, zone, event_no, decode_event(name, payload))
            for position, at, zone, event_no, name, payload in events
        ],
        tables=image,
        heard=[HeardRow(*row) for row in tables["select_heard"]],
        outbox=[
            OutboxRow(outbox_id, topic, payload, bool(retain))
            for outbox_id, topic, payload, retain in tables["select_outbox"]
        ],
        meta=dict(tables["select_meta"]),
    )


def _check_balance(commit: Commit) -> None:
    sums: dict[tuple[int, str], int] = {}
    for entry in commit.ledger:
        key = (entry.position, entry.unit)
        sums[key] = sums.get(key, 0) + entry.amount
    for (position, unit), total in sums.items():
        if total:
            raise ConstraintError(f"the ledger entries of position {position} sum to {total} {unit}, not to 0")


def _event_row(recorded: Recorded) -> Row:
    return (recorded.position, recorded.at, recorded.zone, recorded.event_no, *encode_event(recorded.event))


def _bay_row(it: Bay) -> Row:
    spec = it.spec
    return (
        spec.bay, spec.zone, spec.lat, spec.lon, spec.gateway, spec.resident, encode_texts(spec.needs), spec.tariff,
        it.occupancy.value, it.observed_at, it.boot_id, it.seq, it.lost, it.contested, it.closed, it.retired,
        *(getattr(it, name) for name in _BAY_USE),
    )  # fmt: skip


def _bay(row: Row) -> Bay:
    bay, zone, lat, lon, gateway, resident, needs, tariff, *heard = row
    occupancy, observed_at, boot_id, seq, lost, contested, closed, retired, *use = heard
    return Bay(
        spec=BaySpec(
            bay=bay,
            zone=zone,
            lat=lat,
            lon=lon,
            gateway=gateway,
            resident=resident,
            needs=decode_texts(needs),
            tariff=tariff,
        ),
        occupancy=Occupancy(occupancy),
        observed_at=observed_at,
        boot_id=boot_id,
        seq=seq,
        lost=lost,
        contested=contested,
        closed=bool(closed),
        retired=bool(retired),
        **dict(zip(_BAY_USE, use, strict=True)),
    )


_BAY_USE = ("away_since", "absences", "hazard_permille", "rented_week", "rented_ms", "settled_at")
"""Columns of a bay that have the name of their field and come last."""
_OFFER_FIELDS = (
    "offer_id", "bay", "resident", "kind", "rrule", "start", "end", "except_dates", "from_at", "until", "withdrawn",
    "risk_permille", "offered_at", "withdrawn_at", "offered_ms",
)  # fmt: skip
_RESERVATION_FIELDS = (
    "reservation_id", "request_id", "driver", "vehicle_id", "zone", "lat", "lon", "from_at", "until", "held_from",
    "held_until", "max_walk_m", "needs", "quote_won", "status", "bay", "walk_m", "accepted_at", "bound_at",
    "activated_at", "ended_at", "warned_at", "violation", "price_won", "wait_until", "max_price_won", "recalled_at",
)  # fmt: skip


def _offer_row(it: Offer) -> Row:
    values = {name: getattr(it, name) for name in _OFFER_FIELDS}
    return tuple((values | {"except_dates": encode_texts(it.except_dates)}).values())


def _offer(row: Row) -> Offer:
    values = dict(zip(_OFFER_FIELDS, row, strict=True))
    values |= {"except_dates": decode_texts(values["except_dates"]), "withdrawn": bool(values["withdrawn"])}
    return Offer(**values)


def _reservation_row(it: Reservation) -> Row:
    values = {name: getattr(it, name) for name in _RESERVATION_FIELDS}
    return tuple((values | {"needs": encode_texts(it.needs), "status": it.status.value}).values())


def _reservation(row: Row) -> Reservation:
    values = dict(zip(_RESERVATION_FIELDS, row, strict=True))
    values["needs"] = decode_texts(values["needs"])
    values["status"] = ReservationStatus(values["status"])
    values["violation"] = bool(values["violation"])
    return Reservation(**values)
