"""A lively day for the feeds: a database that the real desk wrote, and the feeds served from it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
from deskwork import START, DeskWork, spec
from fastapi import FastAPI

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain.interval import HOUR_MS, MINUTE_MS, Interval
from allocator.domain.money import Tariff
from allocator.matching.policies import BindLate
from baybroker.lab.day import day
from baybroker.lab.instance import DAY_AT, OfferedBay
from baybroker.lab.promise_days import play_promises
from baybroker.web import problems
from baybroker.web.auth import Caller, caller
from baybroker.web.feeds.reading import FeedSource
from baybroker.web.feeds.routes import router

if TYPE_CHECKING:
    from pathlib import Path

CITY_TARIFF = Tariff()
TARIFFS = {
    "seocho": Tariff(name="seocho", base_won=300, base_min=10, step_won=300, step_min=10, day_max_won=5_000),
    "geumcheon": Tariff(name="geumcheon", base_won=100, base_min=5, step_won=100, step_min=5, free_min=5),
}
WEEKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
PLANTED = ("res-kim-younghee", "drv-hong-gildong", "car-of-drv-hong-gildong", "op-park-chulsoo")
"""Names of a resident, a driver, a vehicle and an operator that no public feed may tell."""


def _offers(work: DeskWork) -> None:
    """Every kind of offer: over midnight with a date left out, all day, one date, automatic, recalled."""
    night = c.OfferWeekly(
        resident="res-b5", request_id="night", bay="b5", rrule="FREQ=DAILY", start="19:00", end="08:30",
        except_dates=("2026-03-03", "2026-03-04", "2026-03-10"),
    )  # fmt: skip
    whole = c.OfferWeekly(
        resident="res-kim-younghee", request_id="whole", bay="b8", rrule=WEEKDAYS, start="00:00", end="24:00"
    )
    once = c.OfferOnce(
        resident="res-b6", request_id="once", bay="b6", from_at=START + 10 * HOUR_MS, until=START + 12 * HOUR_MS
    )
    for offer in (night, whole, once):
        work.give(offer, (f"residents/{offer.resident}", offer.request_id))
    work.give(c.WithdrawOffer(resident="res-b7", request_id="only-auto", bay="b7"))
    work.sense("b7", "occupied")
    auto = c.OfferAuto(resident="res-b7", request_id="auto", bay="b7", enabled=True, risk_permille=300)
    work.give(auto, ("residents/res-b7", "auto"))
    recall = c.RecallBay(resident="res-b6", request_id="home", bay="b6", home_at=START + 7 * HOUR_MS)
    work.give(recall, ("residents/res-b6", "home"))


def _beat(work: DeskWork, bay: str) -> None:
    """Have a sensor say that it need not be heard for a day."""
    place = work.state.board.bay(bay).spec
    work._seq[bay] = work._seq.get(bay, -1) + 1
    alive = c.ReportDevice(
        gateway=place.gateway, zone=place.zone, bay=bay, boot_id=START - 1000, seq=work._seq[bay],
        observed_at=work.now, heartbeat_ms=24 * HOUR_MS,
    )  # fmt: skip
    work.give(alive)


def lively_day() -> DeskWork:
    """Eleven bays of two zones, from nine o'clock on: one of each kind of thing that happens."""
    specs = [spec(f"b{number}", east_m=60 * number) for number in range(1, 5)]
    specs += [spec(f"b{number}", east_m=60 * number, zone="z2", tariff="seocho") for number in (5, 7)]
    specs += [spec("b6", east_m=360, zone="z2", tariff="geumcheon", needs=("ev",))]
    specs += [replace(spec("b8", east_m=480, zone="z2"), resident="res-kim-younghee")]
    specs += [spec("b9", east_m=540, zone="z2", gateway="gw-2"), spec("b10", east_m=600, zone="z2")]
    specs += [spec("b11", east_m=660, zone="z2")]
    work = DeskWork(*specs, settings=Settings(tariff=CITY_TARIFF, tariffs=TARIFFS))
    for one in specs:
        _beat(work, one.bay)
    _offers(work)
    work.request("drv-1", lead_min=60, max_walk_m=300)
    work.request("drv-hong-gildong", lead_min=60, max_walk_m=100)
    work.pass_minutes(60)
    work.sense("b1", "occupied")  # one of the two who booked
    work.pass_minutes(20)
    work.say("drv-1", "extend", "r-1", extend_ms=30 * MINUTE_MS)
    work.say("drv-hong-gildong", "extend", "r-2", extend_ms=30 * MINUTE_MS)
    work.pass_minutes(100)  # and stays too long
    work.sense("b1", "free")
    work.pass_minutes(2)
    work.sense("b2", "occupied")  # somebody else
    work.sense("b7", "free")  # a resident leaves
    work.request("drv-3", lead_min=0, stay_min=30, max_walk_m=400)
    (held,) = [it for it in work.state.reservations.values() if it.driver == "drv-3"]
    work.say("drv-3", "arrive", held.reservation_id, blocked=True)
    work.give(c.OperateBay(operator="op-park-chulsoo", request_id="shut", type="close", bay="b10"))
    work.give(c.OperateBay(operator="op-park-chulsoo", request_id="gone", type="retire", bay="b11"))
    work.give(c.ReportGateway(gateway="gw-2", online=False))
    work.pass_minutes(10)
    work.sense("b2", "free")
    work.request("drv-4", lead_min=120)
    work.say("drv-4", "cancel", f"r-{work.state.accepted}")
    work.request("drv-5", max_price_won=1)
    work.request("drv-hong-gildong", lead_min=0, stay_min=60)
    work.pass_minutes(30)  # nobody comes
    work.request("drv-6", lead_min=10, stay_min=60)
    work.pass_minutes(9)
    return work


def write(work: DeskWork, path: Path) -> Path:
    """Write the day to a database, with the time of a simulated clock."""
    asyncio.run(work.keep(path))
    set_now(path, work.now)
    return path


def lab_day(path: Path) -> Path:
    """Twenty bays until three, with strangers, overstays and faulty sensors, as the promise bench plays them."""
    nine = DAY_AT + 9 * HOUR_MS
    bays = tuple(
        OfferedBay(
            f"bay-{at}", 37.45 + at // 5 * 0.0005, 126.9 + at % 5 * 0.0005, (Interval(nine, nine + 9 * HOUR_MS),)
        )
        for at in range(20)
    )
    stays_min = (20, 30, 45, 60, 90, 120)
    play_promises(day(bays, stays_min, load=0.9, lead_min=45, seed=3), stays_min, BindLate(), path)
    set_now(path, DAY_AT + 15 * HOUR_MS)
    return path


def set_now(path: Path, now: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        sql = "INSERT INTO meta VALUES ('now', ?) ON CONFLICT DO UPDATE SET value = excluded.value"
        connection.execute(sql, (str(now),))


class Served:
    """The feeds of a database, asked by somebody of a role."""

    def __init__(self, database: Path, role: str = "public") -> None:
        self.app = FastAPI()
        problems.install(self.app)
        self.app.state.feeds = FeedSource(database, TARIFFS, CITY_TARIFF)
        self.app.include_router(router)
        self.app.dependency_overrides[caller] = lambda: Caller(
            role, *(() if role == "public" else (f"{role}-1", "token"))
        )

    def get(self, path: str, accept: str = "application/json", **query: object) -> httpx.Response:
        return self.ask("GET", path, accept, query)

    def ask(self, method: str, path: str, accept: str = "*/*", query: dict | None = None) -> httpx.Response:
        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://city.test") as client:
                return await client.request(method, path, params=query or None, headers={"accept": accept})

        return asyncio.run(asked())
