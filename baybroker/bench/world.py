"""The city that is measured: bays in a square grid, and what is said of them. The same numbers, the same city."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from allocator.core import Settings, State
from allocator.domain import commands as c
from allocator.domain.events import BaySpec
from allocator.domain.lifecycle import Occupancy
from allocator.domain.money import Tariff
from allocator.service.desk import Desk
from allocator.store.aiosqlite_store import AioSqliteStore
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import Occupancy as OccupancyMessage
from broker_bridge.wire.messages import Place, RequestBay
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

CITY = "bench"
TIMEZONE = "Asia/Seoul"
BAYS_PER_ZONE = 100
BAYS_PER_GATEWAY = 50
GAP_DEG = 40 / 111_320
LAT, LON = 37.45, 126.90
WALK_M = 300
STAY_MIN = 60
LEAD_H_MIN, LEAD_H_MAX = 2, 120
HOUR_MS = 3_600_000
Packet = tuple[str, bytes]


def rules() -> Settings:
    """Return the rules that every measurement uses: the defaults."""
    return Settings(timezone=TIMEZONE, tariff=Tariff())


def specs(bays: int) -> tuple[BaySpec, ...]:
    """Return the register: a bay every 40 m, 100 to a zone, 50 to a gateway."""
    side = math.ceil(math.sqrt(bays))
    return tuple(
        BaySpec(
            bay=f"b-{number}",
            zone=f"z-{number // BAYS_PER_ZONE}",
            lat=LAT + number // side * GAP_DEG,
            lon=LON + number % side * GAP_DEG,
            gateway=f"gw-{number // BAYS_PER_GATEWAY}",
            resident=f"res-{number}",
        )
        for number in range(bays)
    )


def filled_desk(bays: int, now: int, *, offered: bool) -> Desk:
    """Return a desk whose bays are registered, and offered around the clock where asked for."""
    desk = Desk(State(rules(), now), CITY)
    register = specs(bays)
    desk.take(c.RegisterBays(operator="op-bench", request_id="bench", specs=register), now)
    for spec in register if offered else ():
        desk.take(
            c.OfferWeekly(
                resident=spec.resident or "",
                request_id=f"offer-{spec.bay}",
                bay=spec.bay,
                rrule="FREQ=DAILY",
                start="00:00",
                end="24:00",
            ),
            now,
        )
    return desk


async def write_database(path: str, desk: Desk, now: int) -> None:
    """Write a new database that an allocator starts from; nothing waits in its outbox."""
    store = AioSqliteStore(path)
    await store.open("bench")
    try:
        commit = desk.finish(now)
        commit.outbox = []
        commit.meta = {"city": CITY, "timezone": TIMEZONE}
        commit.snapshot = desk.state.image()
        await store.commit(commit)
    finally:
        await store.close()


def occupancy_packets(messages: int, bays: int, boot_id: int) -> tuple[list[Packet], int]:
    """Return sensors' messages and how many of them change their bay's state: half, as each status comes twice.

    The bays speak in turn; every other bay is one message ahead, so that changes are spread evenly.
    """
    where = [
        topics.build(TopicKind.OCCUPANCY, CITY, gateway=spec.gateway, zone=spec.zone, bay=spec.bay)
        for spec in specs(bays)
    ]
    shown = [""] * bays
    packets, changes = [], 0
    for number in range(messages):
        turn, bay = divmod(number, bays)
        status = Occupancy.OCCUPIED if (turn + bay % 2) // 2 % 2 == 0 else Occupancy.FREE
        changes += shown[bay] != status
        shown[bay] = status
        message = OccupancyMessage(boot_id=boot_id, seq=turn, observed_at=boot_id, status=status.value)
        packets.append((where[bay], codec.encode(message)))
    return packets, changes


def requests(count: int, bays: int, now: int, rng: Random) -> Iterator[tuple[str, RequestBay]]:
    """Yield drivers and their requests: anywhere in the city, an hour at a full hour within the coming days."""
    side = math.ceil(math.sqrt(bays))
    for number in range(count):
        lead_h = rng.randint(LEAD_H_MIN, LEAD_H_MAX)
        yield (
            f"drv-{number}",
            RequestBay(
                request_id=f"r-{number}-{rng.getrandbits(64):x}",
                vehicle_id=f"v-{number}-{rng.getrandbits(64):x}",
                destination=Place(lat=LAT + rng.random() * side * GAP_DEG, lon=LON + rng.random() * side * GAP_DEG),
                arrive_at=(now // HOUR_MS + lead_h) * HOUR_MS,
                stay_min=STAY_MIN,
                max_walk_m=WALK_M,
            ),
        )
