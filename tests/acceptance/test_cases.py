"""Every case in which reality disagrees with a promise, played over real MQTT against one allocator of simulated time.

The test publishes the clock, so hours pass in milliseconds. Each case has a street of its own; the history of all of
them is verified at the end.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from brokers import need, start_broker
from deskwork import LAT, LON, START
from service_world import Client

from baybroker.verify import verify_history
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.factory import create_transport
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PROGRAM = Path(sys.executable).with_name("baybroker")
MINUTE = 60_000
STREETS_APART = 0.05
pytestmark = pytest.mark.asyncio(loop_scope="module")


class City(Client):
    """The clock, and streets of bays far from each other."""

    def __init__(self, connect: Any) -> None:
        super().__init__(connect, "city")
        self.now, self.tick_no = START, 0
        self.boot_id = START - 1
        self.streets = itertools.count(1)

    async def pass_minutes(self, minutes: int) -> None:
        """Let the time pass minute by minute, and wait until all that follows from it was heard."""
        for _ in range(minutes):
            self.now, self.tick_no = self.now + MINUTE, self.tick_no + 1
            await self.tell_time()
        await self.settled()

    async def tell_time(self) -> None:
        clock = {"run_id": "cases", "tick_no": self.tick_no, "sim_time": format_rfc3339(self.now), "speed": 0}
        await self.say("clock", clock | {"published": 0}, retain=True)

    async def settled(self) -> None:
        await self.until(lambda: (self.last("allocator/status") or {}).get("tick_no") == self.tick_no)

    async def street(self, *east_m: int, gateways: int = 1) -> Street:
        """Register bays so many metres east of a new street's middle, free and on offer for eight hours."""
        street = Street(self, next(self.streets))
        bays = [street.record(n, metres, n % gateways) for n, metres in enumerate(east_m)]
        register = {"type": "register", "request_id": f"street-{street.number}", "bays": bays}
        await self.say("operators/op-1/command", register)
        for n in range(len(bays)):
            await street.sense(n, "free")
            window = {"from": format_rfc3339(self.now), "until": format_rfc3339(self.now + 8 * 60 * MINUTE)}
            await street.tell_resident(n, type="once", **window)
        await self.pass_minutes(1)
        return street


class Street:
    """Bays `b0`, `b1`, ... of one case, its residents and drivers."""

    def __init__(self, city: City, number: int) -> None:
        self.city, self.number, self.lat = city, number, LAT + number * STREETS_APART
        self._numbers = itertools.count(1)
        self._seqs = itertools.count(0)

    def bay(self, n: int) -> str:
        return f"s{self.number}-b{n}"

    def record(self, n: int, east_m: int, gateway: int) -> dict[str, Any]:
        place = {"bay": self.bay(n), "zone": f"s{self.number}", "lat": self.lat, "lon": LON + east_m / 88_400}
        return place | {"gateway": f"gw-{self.number}-{gateway}", "resident": f"res-{self.bay(n)}"}

    async def sense(self, n: int, status: str, gateway: int = 0) -> None:
        topic = f"gateways/gw-{self.number}-{gateway}/bays/s{self.number}/{self.bay(n)}/occupancy"
        said = {"boot_id": self.city.boot_id, "seq": next(self._seqs), "observed_at": format_rfc3339(self.city.now)}
        await self.city.say(topic, said | {"status": status})

    async def gateway(self, gateway: int, *, online: bool) -> None:
        said = {"online": online, "started_at": format_rfc3339(self.city.now), "bays": 1}
        await self.city.say(f"gateways/gw-{self.number}-{gateway}/status", said)

    async def tell_resident(self, n: int, **offer: Any) -> dict[str, Any]:
        """Send a resident's message and return its answer."""
        who, request_id = f"residents/res-{self.bay(n)}", f"o-{next(self._numbers)}"
        await self.city.say(f"{who}/offer", {"request_id": request_id, "bay": self.bay(n)} | offer)
        told = f"{who}/notice"
        return await self.city.until(lambda: self.city._answers.get((told, request_id)))

    async def operate(self, kind: str, n: int) -> None:
        request_id = f"op-{self.number}-{next(self._numbers)}"
        await self.city.say("operators/op-1/command", {"type": kind, "request_id": request_id, "bay": self.bay(n)})
        await self.city.until(lambda: ("operators/op-1/reply", request_id) in self.city._answers)

    async def request(self, driver: str, lead_min: int, stay_min: int = 60, **more: Any) -> dict[str, Any]:
        arrive_at = format_rfc3339(self.city.now + lead_min * MINUTE)
        asked = {
            "type": "request", "vehicle_id": f"car-{self.number}-{driver}", "max_walk_m": 300, "stay_min": stay_min,
            "destination": {"lat": self.lat, "lon": LON}, "arrive_at": arrive_at,
        }  # fmt: skip
        return await self.city.ask(self.driver(driver), asked | more)

    async def say(self, driver: str, kind: str, **more: Any) -> dict[str, Any]:
        first = self.replies(driver)[0]["reservation_id"]
        return await self.city.ask(self.driver(driver), {"type": kind, "reservation_id": first} | more)

    def driver(self, name: str) -> str:
        return f"drv-{self.number}-{name}"

    def replies(self, driver: str) -> list[dict[str, Any]]:
        topic = f"drivers/{self.driver(driver)}/reply"
        return [said for where, said in self.city.heard if where == topic]

    def kinds(self, driver: str) -> list[str]:
        return [said["type"] for said in self.replies(driver)]

    def notices(self, n: int) -> list[str]:
        topic = f"residents/res-{self.bay(n)}/notice"
        return [said["type"] for where, said in self.city.heard if where == topic]

    def shows(self, n: int) -> str:
        return self.city.last(f"bays/s{self.number}/{self.bay(n)}/state")["status"]

    def n(self, reply: dict[str, Any]) -> int:
        """Which bay a reply is about."""
        return int(reply["bay"].rpartition("b")[2])

    async def park(self, driver: str = "a", n: int = 0, stay_min: int = 60) -> None:
        """Have a driver promised the bay, come and be seen."""
        await self.request(driver, 5, stay_min)
        await self.city.pass_minutes(5)
        await self.sense(n, "occupied")
        await self.city.pass_minutes(1)
        assert self.kinds(driver) == ["accepted", "bound", "active"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    need("mosquitto")
    folder = tmp_path_factory.mktemp("cases")
    async with start_broker(directory=folder, prefer="mosquitto") as broker:
        arguments = (
            "--broker",
            broker.url,
            "--database",
            str(folder / "city.db"),
            "--city",
            "seoul",
            "--clock",
            "mqtt",
        )
        process = await asyncio.create_subprocess_exec(
            PROGRAM, "allocate", *arguments, stderr=asyncio.subprocess.DEVNULL
        )
        address = parse_address(broker.url)
        try:
            async with City(lambda options, on: create_transport("gmqtt", address, options, on_connect=on)) as city:
                await city.tell_time()
                await city.settled()
                yield city
        finally:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 20)
    report = verify_history(folder / "city.db")
    assert report.violations == []
    assert report.double_bookings == 0


async def test_contested_a_driver_in_front_of_a_taken_bay_gets_a_substitute_and_the_resident_is_told(city):
    street = await city.street(0, 100)
    await street.request("a", 5)
    await city.pass_minutes(5)
    answer = await street.say("a", "arrive", blocked=True)
    assert (answer["type"], street.n(answer)) == ("relocated", 1)
    await city.pass_minutes(1)
    assert (street.shows(0), street.shows(1)) == ("contested", "reserved")
    assert street.notices(0)[-1] == "contested"


async def test_squatter_who_does_not_leave_sends_the_driver_farther_than_promised(city):
    street = await city.street(0, 500)
    await street.request("a", 60)
    await city.pass_minutes(40)
    await street.sense(0, "occupied")
    await city.pass_minutes(20)
    moved = street.replies("a")[-1]
    assert (moved["type"], street.n(moved)) == ("relocated", 1)
    assert moved["walk_m"] > 300
    await street.sense(0, "free")
    await city.pass_minutes(1)
    assert street.shows(0) == "available"


async def test_no_show_the_bay_is_offered_again_to_one_who_waits(city):
    street = await city.street(0)
    await street.request("a", 5, 120)
    answer = await street.request("b", 5, 120, wait_until=format_rfc3339(city.now + 60 * MINUTE))
    assert answer["type"] == "waitlisted"
    await city.pass_minutes(20)
    assert (street.kinds("a")[-1], street.kinds("b")) == ("expired", ["waitlisted", "accepted", "bound"])


async def test_overstay_the_next_booking_is_relocated_before_it_starts(city):
    street = await city.street(0, 100)
    await street.park("a")
    await street.sense(1, "occupied")
    await street.request("b", 70)
    await city.pass_minutes(45)
    await street.sense(1, "free")
    await city.pass_minutes(24)
    assert "warned" in street.kinds("a")
    assert street.n(street.replies("b")[-1]) == 1
    assert street.replies("b")[-1]["from"] > format_rfc3339(city.now)
    await street.sense(0, "free")
    await city.pass_minutes(2)
    assert street.replies("a")[-1]["price_won"] > 1200


async def test_extension_moves_a_booking_that_is_not_bound_yet(city):
    street = await city.street(0, 100)
    await street.park("a", stay_min=30)
    await street.request("b", 45)
    assert (await street.say("a", "extend", extend_min=60))["type"] == "extended"
    await city.pass_minutes(31)
    assert street.n(street.replies("b")[-1]) == 1


async def test_early_leave_gives_the_rest_back_and_charges_the_time_used(city):
    street = await city.street(0)
    await street.park("a", stay_min=120)
    await city.pass_minutes(23)
    await street.sense(0, "free")
    await city.pass_minutes(2)
    assert (street.kinds("a")[-1], street.replies("a")[-1]["price_won"]) == ("completed", 600)
    assert (await street.request("b", 5))["type"] == "accepted"


async def test_resident_back_early_before_a_stay_moves_the_driver(city):
    street = await city.street(0, 100)
    await street.request("a", 10)
    answer = await street.tell_resident(0, type="recall")
    assert (answer["type"], answer["reason"]) == ("recall_answer", "free")
    await city.pass_minutes(1)
    moved = street.replies("a")[-1]
    assert (moved["type"], moved["reason"], street.n(moved)) == ("relocated", "recalled", 1)
    await street.sense(0, "occupied")
    await city.pass_minutes(1)
    assert "contested" not in street.notices(0)


async def test_resident_back_early_during_a_stay_has_the_bay_within_a_quarter_of_an_hour(city):
    street = await city.street(0, 100)
    await street.park("a", stay_min=120)
    answer = await street.tell_resident(0, type="recall")
    assert (answer["reason"], answer["meanwhile_bay"]) == ("guest_leaves", street.bay(1))
    await city.pass_minutes(10)
    warned = street.replies("a")[-1]
    assert (warned["type"], warned["reason"], warned["until"]) == ("warned", "recalled", answer["until"])
    await street.sense(0, "free")
    await city.pass_minutes(2)
    assert street.kinds("a")[-1] == "completed"
    assert (await street.tell_resident(0, type="withdraw", offer_id=answer["offer_id"]))["type"] == "offer_accepted"
    await city.pass_minutes(1)
    assert street.shows(0) == "available"


async def test_resident_back_without_a_word_is_a_stranger_to_whom_the_driver_does_not_lose(city):
    street = await city.street(0, 100)
    await street.request("a", 60)
    await city.pass_minutes(30)
    await street.sense(0, "occupied")
    await city.pass_minutes(16)
    assert street.notices(0)[-1] == "contested"
    assert (street.kinds("a"), street.n(street.replies("a")[-1])) == (["accepted", "bound"], 1)


async def test_sensor_silent_the_driver_gets_a_bay_that_is_known_to_be_free(city):
    street = await city.street(0, 100)
    await city.pass_minutes(108)
    await street.sense(1, "free")
    await street.request("a", 14)
    assert street.n((await city.until(lambda: street.replies("a")[1:]))[0]) == 0
    await city.pass_minutes(13)
    moved = street.replies("a")[-1]
    assert (moved["type"], moved["reason"], street.n(moved)) == ("relocated", "sensor_lost", 1)
    assert street.shows(0) == "unknown"


async def test_gateway_down_its_bays_are_unknown_and_who_starts_soon_is_moved(city):
    street = await city.street(0, 100, gateways=2)
    await street.sense(1, "free", gateway=1)
    await street.request("a", 10)
    await street.gateway(0, online=False)
    await city.pass_minutes(3)
    assert street.shows(0) == "unknown"
    assert street.n(street.replies("a")[-1]) == 1


async def test_bay_withdrawn_keeps_what_is_booked_and_takes_no_more(city):
    street = await city.street(0)
    await street.request("a", 60)
    assert (await street.tell_resident(0, type="withdraw"))["reason"] == "withdrawn"
    assert (await street.request("b", 150))["type"] == "rejected"
    await city.pass_minutes(46)
    assert street.kinds("a") == ["accepted", "bound"]


async def test_bay_closed_by_an_operator_everybody_promised_it_gets_another(city):
    street = await city.street(0, 100)
    await street.request("a", 10, 30)
    await street.request("b", 90, 30)
    await street.operate("close", 0)
    await city.pass_minutes(76)
    assert street.n(street.replies("a")[-2]) == street.n(street.replies("b")[-1]) == 1
