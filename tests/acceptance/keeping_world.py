"""A history in which a driver asked, drove, paid, was refused and was quarantined; nobody is promised a bay now."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import verify_world as world
from verify_world import MIDNIGHT, MINUTE, NINE, S, Town

from allocator.domain import events as ev
from allocator.store.base import Answer, Commit, OutboxRow, Quarantined
from allocator.store.sqlite3_store import Sqlite3Store

if TYPE_CHECKING:
    from pathlib import Path

DRIVER = "drv-rsv-2"
CAR = "v-rsv-2"
END = NINE + 4 * 60 * MINUTE


def quarantined(request_id: str, lat: float) -> Commit:
    """What the writer keeps of a request that the database would not take."""
    topic = f"parking/v1/seoul/drivers/{DRIVER}/request"
    payload = json.dumps({"request_id": request_id, "vehicle_id": CAR, "destination": {"lat": lat}}).encode()
    told = json.dumps({"request_id": request_id, "type": "rejected", "reason": "quarantined"}).encode()
    reply = topic.replace("request", "reply")
    return Commit(
        quarantined=[Quarantined(END, topic, payload, "a live reservation of the same vehicle overlaps")],
        answers=[Answer(f"drivers/{DRIVER}", request_id, reply, told)],
        outbox=[OutboxRow(900, reply, told, retain=False)],
    )


async def quiet_history(path: Path) -> None:
    """Write the legal day and end what is still promised; DRIVER's were at 37.45, 126.9 until they are erased."""
    store = Sqlite3Store(str(path))
    await store.open("test")
    town = Town()
    world.morning(town)
    await town.save(store, snapshot=True)
    world.noon(town)
    await town.save(store, "rsv-1", snapshot=True)
    world.evening(town)
    refused = ev.DriverCommandRefused(request_id="q-late", driver=DRIVER, type="extend", reason="over", zone="zone-a")
    town.did(END, refused, answers=f"drivers/{DRIVER}")
    await town.save(store)
    paid = {"price_won": 0, "resident_won": 0}
    gone = ev.ReservationCompleted(reservation_id="rsv-1", bay="bay-3", at=END, source="sensor", **paid)
    town.did(END, gone, "zone-b")
    came = town.reservations["rsv-1"].activated_at or town.reservations["rsv-1"].from_at
    town.now("rsv-1", status=S.COMPLETED, ended_at=END, price_won=0)
    town.bays["bay-3"] = replace(town.bays["bay-3"], rented_week=MIDNIGHT, rented_ms=END - came)
    town.did(END, ev.ReservationCancelled(reservation_id="rsv-4", request_id="q-4-cancel"), answers="drivers/drv-rsv-4")
    town.now("rsv-4", status=S.CANCELLED, ended_at=END)
    await town.save(store)
    await store.commit(quarantined("q-poison", 37.4501))
    await store.close()


def bytes_of(database: Path) -> bytes:
    """All that the database's files hold."""
    return b"".join(file.read_bytes() for file in sorted(database.parent.glob(f"{database.name}*")) if file.is_file())
