"""Rubbish on a real Mosquitto: each kind is counted, or refused by the broker's limit, and nothing stops."""

from __future__ import annotations

import pytest
from deskwork import spec
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from service_world import ROOT, Client, request, running, service, wall

from allocator.store.aiosqlite_store import AioSqliteStore
from baybroker.verify import verify_history
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.factory import create_transport

ONE, TWO = spec("b1"), spec("b2", east_m=100, gateway="gw-2")
PLACE = "gateways/gw-1/bays/z1/b1/occupancy"
GOOD = {"boot_id": 10**12, "seq": 0, "status": "free"}
RUBBISH = [
    ("not_json", PLACE, b"\xff\xfe not json"),
    ("not_json", PLACE, b""),
    ("wrong_fields", PLACE, b"[]"),
    ("wrong_fields", PLACE, GOOD | {"seq": "0"}),
    ("wrong_fields", PLACE, GOOD | {"seq": -1}),
    ("wrong_fields", PLACE, GOOD | {"status": "maybe"}),
    ("wrong_fields", PLACE, GOOD | {"observed_at": 1772442000}),
    ("wrong_fields", PLACE, GOOD | {"observed_at": "yesterday"}),
    ("wrong_fields", "drivers/drv-1/request", {"type": "request", "request_id": "x"}),
    ("wrong_fields", "drivers/drv-1/request", {"type": "dance", "request_id": "x"}),
    ("wrong_fields", "residents/res-b1/offer", {"type": "weekly", "request_id": "x", "bay": "b1"}),
    ("wrong_fields", "operators/op-1/command", {"type": "register", "request_id": "x", "bays": []}),
    ("too_large", PLACE, b'{"a":"' + b"a" * 20_000 + b'"}'),
    ("topic_alphabet", "gateways/gw-1/bays/z1/B_1/occupancy", GOOD),
    ("topic_alphabet", "gateways/gw 1/bays/z1/b1/occupancy", GOOD),
    ("bay_of_another", "gateways/gw-1/bays/z1/b2/occupancy", GOOD),
    ("bay_of_another", "gateways/gw-1/bays/z9/b1/occupancy", GOOD),
    ("bay_unknown", "gateways/gw-1/bays/z1/b9/occupancy", GOOD),
    ("boot_in_future", PLACE, GOOD | {"boot_id": 4 * 10**12}),
]


@pytest.fixture
def connect(private_mosquitto):
    address = parse_address(private_mosquitto.url)
    return lambda options, on_connect: create_transport("gmqtt", address, options, on_connect=on_connect)


async def test_every_kind_of_rubbish_is_counted_and_nothing_stops(connect, tmp_path):
    path = tmp_path / "test.db"
    async with running(service(AioSqliteStore(str(path)), connect, ONE, TWO)) as allocator, Client(connect) as client:
        for reason, topic, payload in RUBBISH:
            before = allocator.dropped[reason]
            said = payload if isinstance(payload, bytes) else {"observed_at": wall()} | payload
            await client.say(topic, said)
            await client.sense(ONE, "free")
            await client.sense(ONE, "unknown")
            await client.until(lambda reason=reason, before=before: allocator.dropped[reason] == before + 1)
        await client.sense(ONE, "free")
        await client.offer_all_day(ONE)
        assert (await client.ask("drv-1", request()))["type"] == "accepted"
    assert verify_history(path).violations == []


@pytest.mark.parametrize("year", [1970, 2100])
async def test_a_time_of_another_century_is_replaced_and_flagged(connect, tmp_path, year):
    path = tmp_path / "test.db"
    async with running(service(AioSqliteStore(str(path)), connect, ONE)), Client(connect) as client:
        await client.sense(ONE, "free", observed_at=f"{year}-01-01T00:00:00.000Z")
        event = await client.until(lambda: client.last("zones/z1/events", "baybroker.occupancy_changed.v1"))
        assert event["data"]["clock_off"] is True
        assert abs(event["data"]["observed_at"] - client.boot_id) < 60_000


async def test_repeated_and_reordered_messages_are_counted_and_change_nothing(connect, tmp_path):
    path = tmp_path / "test.db"
    async with running(service(AioSqliteStore(str(path)), connect, ONE)) as allocator, Client(connect) as client:
        for number, status in (
            (0, "free"),
            (2, "free"),
            (1, "occupied"),
            (2, "free"),
            (1, "occupied"),
            (3, "occupied"),
        ):
            await client.sense(ONE, status, seq=number)
        await client.until(lambda: client.shows(ONE) == "occupied")
        assert allocator.dropped["duplicate"] == 2
        told = [said["data"] for topic, said in client.heard if topic == "zones/z1/events"]
        changes = [(data["status"], data["late"]) for data in told if "late" in data]
        assert changes == [("free", False), ("occupied", True), ("occupied", False)]


async def test_a_megabyte_is_refused_by_the_broker_and_disturbs_nobody(connect, private_mosquitto, tmp_path):
    path = tmp_path / "test.db"
    async with running(service(AioSqliteStore(str(path)), connect, ONE)) as allocator, Client(connect) as client:
        rude = paho.Client(CallbackAPIVersion.VERSION2)
        rude.connect("127.0.0.1", private_mosquitto.port)
        rude.loop_start()
        rude.publish(f"{ROOT}/{PLACE}", b"x" * 1_000_000, qos=1)
        await client.sense(ONE, "free")
        await client.until(lambda: client.shows(ONE) == "closed")
        rude.disconnect()
        rude.loop_stop()
        assert allocator.dropped["too_large"] == 0
