"""`baybroker homeassistant` on a real Mosquitto: announces, follows, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal

import pytest
from brokers import need
from program import TIMEOUT_S, baybroker, start

from broker_bridge.transport.address import parse_address
from broker_bridge.transport.base import ClientOptions
from broker_bridge.transport.embedded import start_broker
from broker_bridge.transport.factory import create_transport
from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import Device, Occupancy
from broker_bridge.wire.topics import TopicKind

AT = 1_772_442_000_000
CONFIGS = "homeassistant/device/+/config"


class Ear:
    """A subscriber that keeps the newest message of each topic."""

    def __init__(self, transport):
        self.transport, self.kept, self.came = transport, {}, 0

    async def until(self, done):
        async with asyncio.timeout(TIMEOUT_S):
            while not done():
                for delivery in await self.transport.receive(1000):
                    delivery.ack()
                    self.came += 1
                    self.kept[delivery.topic] = delivery.payload


@contextlib.asynccontextmanager
async def client(broker, name):
    transport = create_transport("gmqtt", parse_address(broker.url), ClientOptions(name))
    async with transport, asyncio.timeout(TIMEOUT_S):
        await transport.wait_connected()
        yield transport


def occupancy(number):
    topic = topics.build(TopicKind.OCCUPANCY, "seoul", gateway="gw-1", zone="z-1", bay=f"b-{number}")
    return topic, codec.encode(Occupancy(boot_id=AT, seq=0, observed_at=AT, status="free"))


def device(number):
    topic = topics.build(TopicKind.DEVICE, "seoul", gateway="gw-1", zone="z-1", bay=f"b-{number}")
    return topic, codec.encode(Device(boot_id=AT, seq=0, observed_at=AT, heartbeat_s=600, battery_pct=90))


def config(number):
    return f"homeassistant/device/baybroker_seoul_z-1_b-{number}/config"


async def retained(broker, subscribed):
    """What a new subscriber gets before a message published behind its subscription."""
    async with client(broker, "late") as transport:
        ear = Ear(transport)
        await transport.subscribe([subscribed, "mark"])
        await transport.publish("mark", b"mark")
        await ear.until(lambda: "mark" in ear.kept)
    return {topic for topic, payload in ear.kept.items() if topic != "mark" and payload}


@contextlib.asynccontextmanager
async def announcing(broker):
    process = await start("homeassistant", "--broker", broker.url, "--city", "seoul", "--json")
    try:
        said = await asyncio.wait_for(process.stdout.readline(), TIMEOUT_S)
        assert said, await process.stderr.read()
        yield json.loads(said)
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), TIMEOUT_S) == 0
        assert b"Traceback" not in await process.stderr.read()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def sense(transport, messages):
    await asyncio.gather(*[await transport.send(topic, payload, retain=True) for topic, payload in messages])


async def test_a_thousand_bays_come_and_go_without_a_trace(private_mosquitto):
    async with client(private_mosquitto, "gw-1") as gateway:
        await sense(gateway, [said(number) for said in (occupancy, device) for number in range(1000)])
    async with announcing(private_mosquitto) as said:
        assert said == {"announced": 1000}
    before = await retained(private_mosquitto, "#")
    assert {config(number) for number in range(1000)} == {topic for topic in before if topic.startswith("homeass")}

    done = await baybroker("homeassistant", "--broker", private_mosquitto.url, "--city", "seoul", "--remove", "--json")
    assert (done.code, done.json()) == (0, {"removed": 1000})
    assert await retained(private_mosquitto, "#") == before - {config(number) for number in range(1000)}


async def test_it_follows_the_bays_and_home_assistants_birth(private_mosquitto):
    async with client(private_mosquitto, "gw-1") as gateway, client(private_mosquitto, "home") as home:
        ear = Ear(home)
        await home.subscribe([CONFIGS])
        await sense(gateway, [occupancy(1), device(1)])
        await home.publish(config(7), b"{}", retain=True)
        async with announcing(private_mosquitto) as said:
            assert said == {"announced": 1}
            await ear.until(lambda: ear.kept.get(config(7)) == b"" and config(1) in ear.kept)
            await sense(gateway, [occupancy(2)])
            await ear.until(lambda: ear.kept.get(config(2)))
            came = ear.came
            await home.publish("homeassistant/status", b"online")
            await ear.until(lambda: ear.came == came + 2)
            await sense(gateway, [(occupancy(2)[0], b"")])
            await ear.until(lambda: ear.kept[config(2)] == b"")
    assert await retained(private_mosquitto, CONFIGS) == {config(1)}


async def test_a_broker_that_forgot_everything_is_told_again(private_mosquitto):
    async with client(private_mosquitto, "gw-1") as gateway, client(private_mosquitto, "home") as home:
        ear = Ear(home)
        await home.subscribe([CONFIGS])
        await sense(gateway, [occupancy(1)])
        async with announcing(private_mosquitto):
            await ear.until(lambda: config(1) in ear.kept)
            ear.kept.clear()
            await private_mosquitto.restart()
            await gateway.wait_connected()
            await sense(gateway, [occupancy(1)])
            await ear.until(lambda: ear.kept.get(config(1)))
    assert await retained(private_mosquitto, CONFIGS) == {config(1)}


async def test_no_bay_is_taken_back_because_its_message_was_dropped(tmp_path):
    """A short queue drops a part of what is retained, as Mosquitto's own 1,000 does in a city."""
    need("mosquitto")
    short = "max_queued_messages 400\nmax_inflight_messages 20\n"
    async with start_broker(directory=tmp_path, prefer="mosquitto", settings=short) as broker:
        async with client(broker, "gw-1") as gateway:
            await sense(gateway, [occupancy(number) for number in range(1000)])
            await sense(gateway, [(config(number), b"{}") for number in range(1000)])
        async with announcing(broker) as said:
            assert said["announced"] < 1000
        done = await baybroker("homeassistant", "--broker", broker.url, "--city", "seoul", "--remove", "--json")
    assert done.json() == {"removed": 1000}


async def test_a_broker_that_denies_announcements_is_told(tmp_path):
    need("mosquitto")
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite parking/#\ntopic read homeassistant/#\n")
    rules.chmod(0o600)
    async with start_broker(directory=tmp_path, prefer="mosquitto", settings=f"acl_file {rules}\n") as broker:
        async with client(broker, "gw-1") as gateway:
            await sense(gateway, [occupancy(1)])
        done = await baybroker("homeassistant", "--broker", broker.url, "--city", "seoul")
    assert done.code == 2
    assert "0 of 1 announcements came back: this user must be allowed to write" in done.err


@pytest.mark.parametrize("prefix", ["home/#", "home+"])
async def test_a_prefix_with_wildcards_is_refused(prefix):
    done = await baybroker("homeassistant", "--prefix", prefix)
    assert done.code == 2
    assert done.err.count("\n") == 1
