"""What is told of bays, zones and the clock, as JSON. Nothing personal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from baybroker.web.mirror import STATUSES
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable

    from baybroker.web.database import Row
    from baybroker.web.mirror import Mirror
    from broker_bridge.wire.messages import BayState

View = dict[str, Any]


def when(at_ms: int | None) -> str | None:
    """Return a time as it is written, or None."""
    return None if at_ms is None else format_rfc3339(at_ms)


def shown(bay: str, state: BayState, *, sees_reservations: bool) -> View:
    """Return what a bay shows; only an operator sees whose reservation it is."""
    view: View = {"bay": bay, "status": state.status, "until": when(state.until), "position": state.position}
    return view | ({"reservation_id": state.reservation_id} if sees_reservations else {})


def bay_view(row: Row, state: BayState) -> View:
    """Return a bay of the register with what it shows."""
    place = {name: row[name] for name in ("zone", "lat", "lon", "tariff")}
    return shown(row["bay"], state, sees_reservations=False) | place | {"needs": json.loads(row["needs"])}


def offer_view(row: Row) -> View:
    """Return an offer as it is told."""
    view: View = {name: row[name] for name in ("offer_id", "bay", "kind", "rrule", "start", "end")}
    risk = row["risk_permille"]
    return view | {
        "except_dates": json.loads(row["except_dates"]),
        "from": when(row["from_at"]),
        "until": when(row["until"]),
        "risk_pct": None if risk is None else risk / 10,
    }


def zones_view(mirror: Mirror) -> list[View]:
    """Return every zone's counts, and where its middle is."""
    return [_zone_view(mirror, zone, rows) for zone, rows in mirror.zones().items()]


def clock_view(mirror: Mirror) -> View | None:
    """Return the simulated clock, or None where the time is that of the day."""
    clock = mirror.obeyed_clock()
    if clock is None:
        return None
    told = {"run_id": clock.run_id, "tick_no": clock.tick_no, "sim_time": format_rfc3339(clock.sim_time)}
    return told | {"speed": clock.speed, "paused": clock.paused}


def reservation_view(row: Row, mirror: Mirror, *, operator: bool) -> View:
    """Return a reservation; a plan is nobody's business until it is bound, and whose it is an operator's."""
    bay = row["bay"] if row["bound_at"] is not None else None
    spec = mirror.register.get(bay or "")
    view: View = {name: row[name] for name in ("reservation_id", "status", "max_walk_m", "quote_won", "price_won")}
    return view | {
        "driver": row["driver"] if operator else None,
        "from": when(row["from_at"]),
        "until": when(row["until"]),
        "bay": bay,
        "bay_zone": spec["zone"] if spec else None,
        "place": {"lat": spec["lat"], "lon": spec["lon"]} if spec else None,
        "walk_m": row["walk_m"] if bay is not None else None,
        "destination": {"lat": row["lat"], "lon": row["lon"]},
    }


def centre_of(rows: Iterable[Row]) -> View | None:
    """Return the middle of the bays, or None where there are none."""
    places = [(row["lat"], row["lon"]) for row in rows]
    if not places:
        return None
    return {name: round(sum(place[at] for place in places) / len(places), 6) for at, name in enumerate(("lat", "lon"))}


def _zone_view(mirror: Mirror, zone: str, rows: list[Row]) -> View:
    counts = dict.fromkeys(STATUSES, 0)
    for row in rows:
        counts[mirror.state(row["bay"]).status] += 1
    said = mirror.availability(zone)
    offered = {"offered": said.offered if said else 0, "free_now": said.free_now if said else 0}
    return {"zone": zone, **counts, **offered, "centre": centre_of(rows)}
