"""The allocator as a service over an in-process broker: batches, restarts, repeats, poison, simulated time."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from functools import partial

import pytest
from deskwork import spec
from service_world import Client, request, running, service, wall

from allocator.domain.interval import MINUTE_MS
from allocator.matching import calendars
from allocator.service import service as service_module
from allocator.service import writer
from allocator.service.start import HistoryError
from allocator.store.aiosqlite_store import AioSqliteStore
from allocator.store.base import ConstraintError, LeaseHeldError
from broker_bridge.transport.memory import MemoryBroker, MemoryTransport
from broker_bridge.wire.errors import SettingsError

ONE, TWO = spec("b1"), spec("b2", east_m=100)


@pytest.fixture
def broker():
    return MemoryBroker()


@pytest.fixture
def connect(broker):
    return lambda options, on_connect: MemoryTransport(broker, options, on_connect=on_connect)


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "test.db")


async def prepare(client: Client):
    await client.sense(ONE, "free")
    await client.sense(TWO, "free")
    await client.offer_all_day(ONE, TWO)


async def test_a_driver_gets_a_bay_arrives_and_leaves(connect, path):
    async with running(service(AioSqliteStore(path), connect, ONE, TWO)), Client(connect) as client:
        await prepare(client)
        assert (await client.ask("drv-1", request()))["type"] == "accepted"
        bound = await client.until(lambda: client.last("drivers/drv-1/reply", "bound"))
        assert bound["bay"] == "b1"
        await client.until(lambda: client.shows(ONE) == "reserved")
        answer = await client.ask("drv-1", {"type": "arrive", "reservation_id": bound["reservation_id"]})
        assert answer["type"] == "active"
        await client.until(lambda: client.shows(ONE) == "occupied")
        answer = await client.ask("drv-1", {"type": "leave", "reservation_id": bound["reservation_id"]})
        assert answer["type"] == "completed"
        await client.until(lambda: client.shows(ONE) == "available")


async def test_what_was_promised_survives_a_restart(connect, path):
    async with Client(connect) as client:
        async with running(service(AioSqliteStore(path), connect, ONE, TWO)):
            await prepare(client)
            accepted = await client.ask("drv-1", request(lead_s=3600))
        await client.until(lambda: client.last("allocator/status")["online"] is False)
        async with running(service(AioSqliteStore(path), connect)):
            told = await client.ask("drv-1", {"type": "query", "reservation_id": accepted["reservation_id"]})
            assert (told["type"], told["status"]) == ("state", "accepted")
            assert (await client.ask("drv-2", request(lead_s=3600, vehicle_id="another")))["type"] == "accepted"
            assert (await client.ask("drv-3", request(lead_s=3600, vehicle_id="third")))["type"] == "rejected"


async def test_a_repeated_request_gets_the_same_answer_even_after_a_restart(connect, path):
    async with Client(connect) as client:
        asked = request(request_id="only-once")
        async with running(service(AioSqliteStore(path), connect, ONE, TWO)):
            await prepare(client)
            first = await client.ask("drv-1", dict(asked))
        client.forget()
        async with running(service(AioSqliteStore(path), connect)):
            assert await client.ask("drv-1", dict(asked)) == first
    with sqlite3.connect(path) as database:
        assert database.execute("select count(*) from event where type = 'reservation_accepted'").fetchone() == (1,)
    database.close()


async def test_what_came_while_it_was_away_is_not_lost(connect, path):
    async with Client(connect) as client:
        async with running(service(AioSqliteStore(path), connect, ONE, TWO)):
            await prepare(client)
        await client.sense(ONE, "occupied")
        await client.sense(ONE, "free")
        await client.sense(TWO, "occupied")
        async with running(service(AioSqliteStore(path), connect)):
            await client.until(lambda: client.shows(TWO) == "contested")
    with sqlite3.connect(path) as database:
        rows = database.execute("select bay, status, late from occupancy_change order by position").fetchall()
    database.close()
    assert rows[2:] == [("b1", "occupied", 0), ("b1", "free", 0), ("b2", "occupied", 0)]


async def test_after_a_reconnect_everything_retained_is_there_again(broker, connect, path):
    async with running(service(AioSqliteStore(path), connect, ONE, TWO)):
        async with Client(connect) as client:
            await prepare(client)
            await client.until(lambda: client.shows(TWO) == "available")
        broker.kill()
        broker.restart(empty=True)
        async with Client(connect, "another") as client:
            await client.until(lambda: client.shows(ONE) == client.shows(TWO) == "available")
            await client.until(lambda: client.last("allocator/status"))
            counts = await client.until(lambda: client.last("zones/z1/availability"))
            assert counts["free_now"] == 2


async def test_a_state_that_was_never_sent_does_not_hide_what_holds_after_the_restart(connect, path):
    async with running(service(AioSqliteStore(path), connect, ONE, TWO)), Client(connect) as client:
        await prepare(client)
        await client.until(lambda: client.shows(ONE) == "available")
    with sqlite3.connect(path) as database:
        stale = ("parking/v1/seoul/bays/z1/b1/state", b'{"status": "closed", "position": 1}', 1)
        database.execute("insert into outbox (topic, payload, retain) values (?, ?, ?)", stale)
    database.close()
    async with running(service(AioSqliteStore(path), connect)):
        pass
    async with Client(connect, "later") as client:
        await client.until(lambda: client.shows(ONE))
        assert client.shows(ONE) == "available"


async def test_a_second_allocator_on_the_same_database_is_refused(connect, path):
    async with running(service(AioSqliteStore(path), connect, ONE)):
        with pytest.raises(LeaseHeldError) as refused:
            await service(AioSqliteStore(path), connect, ONE).run(asyncio.Event())
    assert refused.value.exit_code == 2


async def test_a_database_of_another_city_is_refused(connect, path):
    async with running(service(AioSqliteStore(path), connect, ONE)):
        pass
    other = service(AioSqliteStore(path), connect)
    object.__setattr__(other.settings, "city", "busan")
    with pytest.raises(SettingsError, match="seoul"):
        await other.run(asyncio.Event())


async def test_tables_that_do_not_say_what_the_events_say_stop_the_start(connect, path):
    async with running(service(AioSqliteStore(path), connect, ONE)), Client(connect) as client:
        await client.sense(ONE, "free")
        await client.until(lambda: client.shows(ONE) == "closed")
    with sqlite3.connect(path) as database:
        database.execute("update bay set occupancy = 'occupied'")
    database.close()
    with pytest.raises(HistoryError) as refused:
        await service(AioSqliteStore(path), connect).run(asyncio.Event())
    assert refused.value.exit_code == 1


class Picky(AioSqliteStore):
    """A database that will not have a certain driver's reservations."""

    async def commit(self, commit):
        poison = [offer for offer in commit.offers if offer.rrule == "FREQ=DAILY;BYDAY=SU"]
        poison += [held for held in commit.reservations if held.driver == "drv-poison"]
        poison += [bay for bay in commit.bays if bay.spec.bay == "poison"]
        if poison:
            raise ConstraintError("no such driver here")
        await super().commit(commit)


async def test_a_poisonous_command_is_quarantined_answered_and_stops_nobody_else(connect, path):
    async with running(service(Picky(path), connect, ONE, TWO)) as allocator, Client(connect) as client:
        await prepare(client)
        asked = [("drv-poison", "p"), ("drv-1", "a"), ("drv-2", "b")]
        await asyncio.gather(
            *(
                client.say(f"drivers/{driver}/request", request(request_id=number, vehicle_id=driver))
                for driver, number in asked
            )
        )
        answers = [await client.until(partial(client.answer, driver, number)) for driver, number in asked]
        assert [answer["type"] for answer in answers] == ["rejected", "accepted", "accepted"]
        assert answers[0]["reason"] == "quarantined"
        assert allocator.dropped["quarantined"] == 1
    with sqlite3.connect(path) as database:
        assert json.loads(database.execute("select payload from quarantine").fetchone()[0])["request_id"] == "p"
    database.close()


async def test_a_slip_of_the_core_costs_one_message_and_not_the_service(connect, path, monkeypatch):
    real = calendars.Calendars.mask

    def slip(self, interval):
        if interval.until - interval.from_at == 35 * MINUTE_MS + 10 * MINUTE_MS:
            raise KeyError("a slip")
        return real(self, interval)

    async with running(service(AioSqliteStore(path), connect, ONE, TWO)) as allocator, Client(connect) as client:
        await prepare(client)
        monkeypatch.setattr(calendars.Calendars, "mask", slip)
        start = (int(time.time()) // 300 + 24) * 300
        odd = request(start - time.time(), stay_min=35, arrive_at=wall(start - time.time()))
        assert (await client.ask("drv-1", odd))["reason"] == "quarantined"
        assert (await client.ask("drv-2", request(lead_s=3600, stay_min=60)))["type"] == "accepted"
        assert allocator.dropped["quarantined"] == 1


async def test_a_poisonous_offer_and_a_poisonous_command_are_answered_too(connect, path):
    async with running(service(Picky(path), connect, ONE, TWO)), Client(connect) as client:
        offer = {"type": "weekly", "request_id": "o", "bay": "b1", "rrule": "FREQ=DAILY;BYDAY=SU", "start": "09:00"}
        await client.say(f"residents/{ONE.resident}/offer", offer | {"end": "18:00"})
        notice = await client.until(lambda: client.last(f"residents/{ONE.resident}/notice", "offer_rejected"))
        assert (notice["reason"], notice["bay"]) == ("quarantined", "b1")
        bay = {"bay": "poison", "zone": "z1", "lat": ONE.lat, "lon": ONE.lon, "gateway": "gw-1"}
        await client.say("operators/op-1/command", {"type": "register", "request_id": "r", "bays": [bay]})
        reply = await client.until(lambda: client.last("operators/op-1/reply", "rejected"))
        assert reply["reason"] == "quarantined"


async def test_simulated_time_moves_windows_timers_and_answers(connect, path):
    clock = {"run_id": "run-1", "tick_no": 0, "sim_time": "2022-10-03T00:00:00.000Z", "speed": 0, "published": 0}
    later = clock | {"tick_no": 45, "sim_time": "2022-10-03T00:45:00.000Z"}
    async with Client(connect) as client:
        async with running(service(AioSqliteStore(path), connect, ONE, simulated=True)) as allocator:
            await client.sense(ONE, "free", boot_id=1, observed_at="2022-10-02T23:59:30.000Z")
            await client.say("clock", clock, retain=True)
            await client.until(lambda: client.shows(ONE) == "closed")
            await client.offer_all_day(ONE)
            asked = request() | {"arrive_at": "2022-10-03T01:00:00.000Z"}
            assert (await client.ask("drv-1", asked))["type"] == "accepted"
            await client.say("clock", later | {"run_id": "run-of-another"}, retain=True)
            await client.say("clock", later, retain=True)
            bound = await client.until(lambda: client.last("drivers/drv-1/reply", "bound"))
            assert bound["bay"] == "b1"
            status = await client.until(
                lambda: (client.last("allocator/status") or {}).get("tick_no") == 45 and client.last("allocator/status")
            )
            assert (status["run_id"], status["now"]) == ("run-1", "2022-10-03T00:45:00.000Z")
            assert allocator.dropped["run_of_another"] == 1
        async with running(service(AioSqliteStore(path), connect, simulated=True)):
            status = await client.until(lambda: client.last("allocator/status"))
            assert status["run_id"] == "run-1"


async def test_messages_wait_for_the_first_clock(connect, path):
    async with Client(connect) as client:
        for n in range(5):
            await client.sense(ONE, ["free", "occupied"][n % 2], boot_id=1, observed_at="2022-10-02T23:59:30.000Z")
        async with running(service(AioSqliteStore(path), connect, ONE, simulated=True)):
            clock = {"run_id": "r", "tick_no": 0, "sim_time": "2022-10-03T00:00:00.000Z", "speed": 0, "published": 0}
            await client.say("clock", clock, retain=True)
            event = await client.until(lambda: client.last("zones/z1/events", "baybroker.occupancy_changed.v1"))
            assert event["data"]["clock_off"] is False


async def test_no_more_messages_than_fit_wait_for_the_first_clock(connect, path, monkeypatch):
    monkeypatch.setattr(writer, "EARLY_MAX", 1)
    monkeypatch.setattr(service_module, "STATUS_EVERY_S", 0)
    clock = {"run_id": "r", "tick_no": 0, "sim_time": "2022-10-03T00:00:00.000Z", "speed": 0, "published": 0}
    async with (
        Client(connect) as client,
        running(service(AioSqliteStore(path), connect, ONE, TWO, simulated=True)) as allocator,
    ):
        for known in (ONE, TWO):
            await client.sense(known, "free", boot_id=1, observed_at="2022-10-02T23:59:30.000Z")
        await client.until(lambda: (client.last("allocator/status") or {}).get("dropped"))
        await client.say("clock", clock, retain=True)
        event = await client.until(lambda: client.last("zones/z1/events", "baybroker.occupancy_changed.v1"))
        assert event["data"]["bay"] == "b1"
        assert allocator.dropped["before_the_clock"] == 1


async def test_stopping_without_a_broker_is_clean(broker, connect, path):
    broker.kill()
    stop = asyncio.Event()
    task = asyncio.create_task(service(AioSqliteStore(path), connect, ONE).run(stop))
    asyncio.get_running_loop().call_soon(stop.set)
    await asyncio.wait_for(task, 10)


async def test_operators_register_close_and_release(connect, path):
    async with running(service(AioSqliteStore(path), connect)), Client(connect) as client:

        async def operate(number, **command):
            await client.say("operators/op-1/command", {"request_id": f"op-{number}", **command})
            found = partial(client.last, "operators/op-1/reply")
            return await client.until(lambda: (found() or {}).get("request_id") == f"op-{number}" and found())

        bay = {
            "bay": "b1", "zone": "z1", "lat": ONE.lat, "lon": ONE.lon, "gateway": "gw-1", "resident": "res-b1",
        }  # fmt: skip
        assert (await operate(1, type="register", bays=[bay]))["type"] == "done"
        await client.sense(ONE, "free")
        await client.offer_all_day(ONE)
        promised = await client.ask("drv-1", request(lead_s=3600))
        assert (await operate(2, type="release", reservation_id=promised["reservation_id"]))["type"] == "done"
        cancelled = await client.until(lambda: client.last("drivers/drv-1/reply", "cancelled"))
        assert cancelled["reason"] == "operator"
        assert (await operate(3, type="close", bay="b1"))["type"] == "done"
        await client.until(lambda: client.shows(ONE) == "closed")
        assert (await operate(4, type="open", bay="b9"))["reason"] == "bay_unknown"
        assert (await operate(5, type="open", bay="b1"))["type"] == "done"
        await client.until(lambda: client.shows(ONE) == "available")


async def test_what_a_client_was_sent_is_numbered_in_the_order_of_its_commits(connect, path):
    async with running(service(AioSqliteStore(path), connect, ONE, TWO)), Client(connect) as client:
        await prepare(client)
        for n in range(20):
            await client.ask(f"drv-{n}", request(vehicle_id=f"car-{n}"))
        positions = [said["data"]["position"] for topic, said in client.heard if topic.startswith("zones/z1/events")]
        assert positions == sorted(positions)
