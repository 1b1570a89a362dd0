"""The fleet's connections: gateways that lose their power and come back, and sensors that are gateways of one."""

from __future__ import annotations

import asyncio
import logging
import re
import resource
from functools import partial
from itertools import pairwise

import pytest
from brokers import mosquitto, need  # noqa: F401 - a fixture
from sim_world import MINUTE, WAIT_S, StandIn, scenario, world

from broker_bridge.transport.address import parse_address
from broker_bridge.transport.embedded import start_broker
from broker_bridge.transport.factory import create_transport
from broker_bridge.transport.memory import MemoryBroker, MemoryTransport
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.topics import TopicKind
from sensors_sim import descriptors, fleet
from sensors_sim.fleet import Fleet
from sensors_sim.runner import SimulateSettings, Simulation

FIRST, SECOND = "gw-street-01", "gw-street-02"
FRESH = {"duplicate_share": 0, "late_share": 0, "offline_per_day": 0, "heartbeat_s": 60}


def over_memory(_mosquitto):
    return partial(_memory, MemoryBroker())


def _memory(broker, options, on_connect):
    return MemoryTransport(broker, options, on_connect=on_connect)


def over_tcp(mosquitto):  # noqa: F811 - the fixture
    address = parse_address(mosquitto.url)
    return lambda options, on_connect: create_transport("gmqtt", address, options, on_connect=on_connect)


@pytest.fixture(params=[over_memory, over_tcp])
def connect(request, mosquitto):  # noqa: F811 - the fixture
    return request.param(mosquitto)


def statuses(allocator, gateway):
    return [message.online for topic, message in allocator.heard
            if topic.kind is TopicKind.GATEWAY_STATUS and topic.names["gateway"] == gateway]  # fmt: skip


def readings(allocator, gateway):
    return [(topic.names["bay"], message.seq) for topic, message in allocator.heard
            if topic.kind is TopicKind.OCCUPANCY and topic.names["gateway"] == gateway]  # fmt: skip


async def nothing():
    pass


async def test_two_cities_whose_gateways_have_the_same_names_share_a_broker(connect):
    both = [scenario(city=city, sensors=FRESH) for city in ("twin-one", "twin-two")]
    async with StandIn(connect, city="twin-one") as one, StandIn(connect, city="twin-two") as two:
        runs = (
            Simulation(SimulateSettings(scenario=rules, speed=0, until_ms=rules.start_ms + 6 * MINUTE), connect)
            for rules in both
        )
        await asyncio.gather(*(asyncio.wait_for(run.run(asyncio.Event()), WAIT_S) for run in runs))
        for allocator in (one, two):
            await allocator.until(lambda allocator=allocator: statuses(allocator, FIRST)[-1:] == [False])
            assert statuses(allocator, FIRST) == statuses(allocator, SECOND) == [True, False]


async def test_a_gateway_that_loses_power_is_told_by_its_will_and_announces_itself_again(connect):
    fault = {"kind": "gateway_down", "after_min": 1.5, "for_min": 2, "gateways": [FIRST]}
    rules = scenario(city="fleet", sensors=FRESH, faults=[fault])
    settings = SimulateSettings(scenario=rules, speed=3_600.0, until_ms=rules.start_ms + 6 * MINUTE)
    async with StandIn(connect, city="fleet") as allocator:
        await asyncio.wait_for(Simulation(settings, connect).run(asyncio.Event()), WAIT_S)
        await allocator.until(lambda: statuses(allocator, SECOND) == [True, False])
        await allocator.until(lambda: len(statuses(allocator, FIRST)) == 4)
    assert statuses(allocator, FIRST) == [True, False, True, False], "birth, will, birth, farewell"
    told = [topic.kind if topic.kind is TopicKind.GATEWAY_STATUS else message.observed_at
            for topic, message in allocator.heard if topic.names.get("gateway") == FIRST]  # fmt: skip
    births = [at for at, one in enumerate(told) if one is TopicKind.GATEWAY_STATUS]
    before, away, after = (told[first + 1 : then] for first, then in pairwise(births))
    down_ms = rules.start_ms + 90_000
    assert max(before) <= down_ms, "what was said before the fault arrived, and nothing after it"
    assert away == []
    assert min(after) == after[11] == down_ms + 2 * MINUTE, "its six sensors say at once what they believe"
    assert len(readings(allocator, SECOND)) > len(readings(allocator, FIRST))


async def test_what_a_gateway_had_not_got_rid_of_when_it_lost_power_is_gone(monkeypatch):
    monkeypatch.setattr(fleet, "FAREWELL_S", 0.01)
    broker = MemoryBroker()
    async with Fleet(world(scenario()), partial(_memory, broker), nothing) as some:
        broker.freeze()
        await some.links[FIRST].put("parking/v1/tiny/clock", b"{}")
        await some.take_down({FIRST})
        assert some.links[FIRST].given_up == 1
        broker.thaw()
        await asyncio.wait_for(some.flush(), WAIT_S)


async def test_each_sensor_may_be_a_gateway_of_one_with_a_will_of_its_own():
    broker = MemoryBroker()
    connect, stop = partial(_memory, broker), asyncio.Event()
    rules = scenario(sensors=FRESH | {"connection": "device"})
    async with StandIn(connect) as allocator:
        simulation = Simulation(SimulateSettings(scenario=rules, speed=1.0), connect)
        running = asyncio.create_task(simulation.run(stop), name="simulation-under-test")
        await allocator.until(lambda: len(allocator.messages(TopicKind.DEVICE)) == 12)
        assert {topic.names["gateway"] for topic, _ in allocator.heard if "gateway" in topic.names} == {
            f"gw-street-{number:04d}" for number in range(1, 13)
        }
        assert {message.bays for message in allocator.messages(TopicKind.GATEWAY_STATUS)} == {1}
        broker.drop_connection("sim-tiny-gateway-gw-street-0005")
        await allocator.until(lambda: len(readings(allocator, "gw-street-0005")) == 2)
        assert statuses(allocator, "gw-street-0005") == [True, False, True]
        assert statuses(allocator, "gw-street-0006") == [True]
        stop.set()
        await asyncio.wait_for(running, WAIT_S)


async def test_a_broker_that_lets_some_connections_in_is_told_with_how_many(tmp_path, monkeypatch, caplog):
    need("mosquitto")
    monkeypatch.setattr(fleet, "CONNECTING_WARNED_S", 0.5)
    monkeypatch.setattr(fleet, "CONNECTING_AT_ONCE", 5)
    warned, stop = asyncio.Event(), asyncio.Event()
    warning = logging.Handler()
    warning.emit = lambda _record: warned.set()
    logging.getLogger("sensors_sim").addHandler(warning)
    rules = scenario(sensors=FRESH | {"connection": "device"})
    try:
        async with start_broker(directory=tmp_path, prefer="mosquitto", settings="max_connections 7\n") as broker:
            simulation = Simulation(SimulateSettings(scenario=rules), over_tcp(broker))
            running = asyncio.create_task(simulation.run(stop), name="simulation-under-test")
            async with asyncio.timeout(WAIT_S):
                while "connections are made" not in caplog.text:
                    await warned.wait()
                    warned.clear()
                    await asyncio.sleep(0)
            stop.set()
            await asyncio.wait_for(running, WAIT_S)
    finally:
        logging.getLogger("sensors_sim").removeHandler(warning)
    assert re.search(r"\d+ of 13 connections are made: does the broker allow more", caplog.text)


def test_the_limit_of_open_files_is_raised_as_far_as_it_may_be(monkeypatch):
    limits = [256, 1_000]
    monkeypatch.setattr(resource, "getrlimit", lambda _what: tuple(limits))

    def setrlimit(_what, wanted):
        if max(wanted) > limits[1]:
            raise ValueError
        limits[:] = wanted

    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    descriptors.make_room(100)
    assert limits == [256, 1_000]
    descriptors.make_room(500)
    assert limits == [600, 1_000]
    with pytest.raises(SettingsError, match="901 connections need 1001 open files, and only 1000 are allowed here"):
        descriptors.make_room(901)
    assert limits == [600, 1_000]
