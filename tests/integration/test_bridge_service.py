"""The whole way with bytes: uplinks in each network's JSON on a real Mosquitto, bridge and allocator running."""

from __future__ import annotations

import json
import time

import pytest
from bridge_world import (
    DEVICE,
    EUI,
    FREE,
    GATEWAY,
    HEADER,
    HEARTBEAT_PORT,
    NETWORKS,
    OCCUPANCY,
    OCCUPIED,
    ROW,
    Listener,
    bridging,
    chirpstack,
    connect_to,
    write_config,
)
from brokers import private_mosquitto  # noqa: F401 - a fixture
from service_world import request, running, service

from allocator.domain.events import BaySpec
from allocator.store.sqlite3_store import Sqlite3Store
from broker_bridge.bridge.registry import read_devices
from broker_bridge.wire.times import parse_rfc3339

SPEC = BaySpec(bay="b-1", zone="z-1", lat=37.4782, lon=126.9515, gateway=GATEWAY, resident="res-1", needs=())
OTHER_EUI = "70b3d57ed0001002"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def client(private_mosquitto):  # noqa: F811 - the fixture
    async with Listener(connect_to(private_mosquitto.url)) as listener:
        yield listener


@pytest.fixture
def url(private_mosquitto):  # noqa: F811 - the fixture
    return private_mosquitto.url


@pytest.mark.parametrize("network", NETWORKS)
async def test_a_reserved_bay_is_taken_by_an_uplink(network, tmp_path, url, client):
    uplink, start = NETWORKS[network], now_ms()
    async with (
        running(service(Sqlite3Store(str(tmp_path / "a.db")), connect_to(url), SPEC)),
        bridging(write_config(tmp_path, url, network)),
    ):
        await client.offer_all_day(SPEC)
        await client.uplink(uplink(0, FREE, start))
        await client.until(lambda: client.shows(SPEC) == "available")
        accepted = await client.ask("drv-1", request())
        assert accepted["type"] == "accepted"
        await client.until(lambda: client.shows(SPEC) == "reserved")
        await client.uplink(uplink(1, OCCUPIED, start + 1000))
        active = await client.until(lambda: client.last("drivers/drv-1/reply", "active"))
        assert active["bay"] == "b-1"
        await client.until(lambda: client.shows(SPEC) == "occupied")
        await client.uplink(uplink(2, FREE, start + 2000))
        await client.until_said(3)
        left = {"type": "leave", "reservation_id": active["reservation_id"]}
        assert (await client.ask("drv-1", left))["type"] == "completed"
        await client.until(lambda: client.shows(SPEC) == "available")
    assert [one["seq"] for one in client.said()] == [0, 1, 2]
    assert {one["boot_id"] for one in client.said()} == {start}
    assert [parse_rfc3339(one["observed_at"]) for one in client.said()] == [start, start + 1000, start + 2000]


async def test_a_counter_reset_loses_nothing_and_old_frames_change_nothing(tmp_path, url, client):
    start = now_ms() - 5000
    async with (
        running(service(Sqlite3Store(str(tmp_path / "a.db")), connect_to(url), SPEC)),
        bridging(write_config(tmp_path, url, "chirpstack")),
    ):
        before = [chirpstack(number, OCCUPIED, start + number) for number in range(40, 43)]
        for packet in before:
            await client.uplink(packet)
        await client.until(lambda: client.shows(SPEC) == "occupied")
        await client.uplink(chirpstack(0, FREE, start + 3000, addr="0badcafe"))
        await client.until(lambda: client.shows(SPEC) != "occupied")
        for packet in before:  # the broker delivers them once more
            await client.uplink(packet)
        await client.uplink(chirpstack(39, OCCUPIED, start - 1))  # and one that came a long way round
        await client.uplink(chirpstack(1, FREE, start + 4000, addr="0badcafe"))
        said = await client.until_said(6)
        assert client.shows(SPEC) != "occupied"
        await client.until(lambda: client.shows(SPEC) == "closed")
    numbers = [(one["boot_id"] - start, one["seq"], one["status"]) for one in said]
    assert numbers == [
        (40, 40, "occupied"),
        (40, 41, "occupied"),
        (40, 42, "occupied"),
        (3000, 0, "free"),
        (40, 39, "occupied"),
        (3000, 1, "free"),
    ]
    device = read_devices(tmp_path / "bridge.db")[EUI]
    assert (device.uplinks, device.duplicates, device.lost) == (9, 3, 0)


async def test_one_frame_heard_by_two_networks_is_one_message(tmp_path, url, client):
    start = now_ms()
    async with bridging(write_config(tmp_path, url, "chirpstack", "ttn")) as bridge:
        for number, frame in enumerate((FREE, OCCUPIED, FREE)):
            await client.uplink(NETWORKS["chirpstack"](number, frame, start + 1000 * number))
            await client.uplink(NETWORKS["ttn"](number, frame, start + 1000 * number + 150))
        await client.uplink(NETWORKS["ttn"](3, OCCUPIED, start + 3000))
        said = await client.until(lambda: client.said() if client.last(OCCUPANCY)["seq"] == 3 else None)
        assert [(one["seq"], one["status"]) for one in said] == [
            (0, "free"), (1, "occupied"), (2, "free"), (3, "occupied"),
        ]  # fmt: skip
        assert bridge.summary()["duplicates"] == 3


async def test_a_restarted_bridge_goes_on_counting_and_takes_what_came_meanwhile(tmp_path, url, client):
    start, config = now_ms(), write_config(tmp_path, url, "chirpstack")
    async with bridging(config):
        await client.uplink(chirpstack(7, FREE, start))
        await client.until_said(1)
    await client.until(lambda: client.last(f"gateways/{GATEWAY}/status")["online"] is False)
    await client.uplink(chirpstack(7, FREE, start))
    await client.uplink(chirpstack(10, OCCUPIED, start + 3000))
    async with bridging(config):
        await client.until(lambda: client.last(OCCUPANCY)["seq"] == 10)
    # What holds is told again after the connect: 7, or already 10.
    said = {(one["boot_id"], one["seq"], one["status"]) for one in client.said()}
    assert said == {(start, 7, "free"), (start, 10, "occupied")}
    assert len(client.said()) == 3
    device = read_devices(tmp_path / "bridge.db")[EUI]
    assert (device.duplicates, device.lost) == (1, 2)


async def test_a_killed_broker_is_told_again_what_holds(tmp_path, private_mosquitto, url, client):  # noqa: F811
    start = now_ms()
    async with bridging(write_config(tmp_path, url, "chirpstack")):
        await client.uplink(chirpstack(1, OCCUPIED, start, port=HEARTBEAT_PORT))
        await client.until_said(1, DEVICE)
        heard = len(client.heard)
        await private_mosquitto.kill()
        await private_mosquitto.restart()
        await client.until(lambda: OCCUPANCY in [topic for topic, _ in client.heard[heard:]])
        await client.until(lambda: DEVICE in [topic for topic, _ in client.heard[heard:]])
        again = dict(client.heard[heard:])
        assert again[f"gateways/{GATEWAY}/status"]["online"] is True
        assert (again[OCCUPANCY]["seq"], again[OCCUPANCY]["status"]) == (1, "occupied")


async def test_an_unknown_device_is_listed_and_its_last_word_is_told_once_it_is_mapped(tmp_path, url, client):
    start, config = now_ms(), write_config(tmp_path, url, "chirpstack", rows="")
    async with bridging(config) as bridge:
        await client.uplink(chirpstack(5, OCCUPIED, start))
        await client.uplink(chirpstack(0, b"", start, eui=OTHER_EUI))
        await client.until(lambda: client.said(f"gateways/{GATEWAY}/status"))
        await client.uplink(("application/app/device/x/event/up", b"not json"))
        (tmp_path / "devices.csv").write_text(HEADER + ROW)
        (said,) = await client.until_said(1)
        assert said["status"] == "occupied"
        assert said["boot_id"] >= start
        await client.until(lambda: client.last(f"gateways/{GATEWAY}/status")["bays"] == 1)
        assert bridge.summary()["not_understood"] == 1
    assert set(read_devices(tmp_path / "bridge.db")) == {EUI, OTHER_EUI}


async def test_a_bad_new_map_is_refused_and_the_old_one_stays(tmp_path, url, client, caplog):
    start, file = now_ms(), tmp_path / "devices.csv"
    async with bridging(write_config(tmp_path, url, "chirpstack")) as bridge:
        file.write_text(HEADER + ROW + f"{OTHER_EUI},seoul,z-1,b-2,no-such-profile\n")
        bridge.look_now.set()
        await client.uplink(chirpstack(0, FREE, start))
        await client.until_said(1)
        await client.uplink(chirpstack(0, FREE, start, eui=OTHER_EUI))
        file.write_text(HEADER + f"{EUI},seoul,z-1,b-2,bosch-tps110\n")
        moved = await client.until_said(1, OCCUPANCY.replace("b-1", "b-2"))
        left = client.said()[-1]
    (line,) = [record.message for record in caplog.records if "refused" in record.message]
    assert "devices.csv line 3: no profile is named 'no-such-profile'" in line
    assert left["status"] == "unknown"
    assert left["boot_id"] > start
    assert moved[0]["status"] == "free"


async def test_a_frame_that_is_not_the_devices_is_counted_with_its_bytes(tmp_path, url, client):
    async with bridging(write_config(tmp_path, url, "chirpstack")):
        await client.uplink(chirpstack(0, b"\x01\x02", now_ms(), port=77))
        await client.uplink(chirpstack(1, FREE, now_ms() + 5))
        await client.until_said(1)
    device = read_devices(tmp_path / "bridge.db")[EUI]
    assert device.errors == 1
    assert "0102" in device.last_error
    assert "77" in device.last_error


async def test_the_gateway_has_a_birth_a_will_and_a_farewell(tmp_path, url, client):
    async with bridging(write_config(tmp_path, url, "chirpstack")):
        birth = await client.until(lambda: client.last(f"gateways/{GATEWAY}/status"))
        assert json.loads(json.dumps(birth))["bays"] == 1
        assert birth["online"] is True
    await client.until(lambda: client.last(f"gateways/{GATEWAY}/status")["online"] is False)
