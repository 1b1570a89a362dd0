"""What a load test tells of brokers that lose, repeat and reorder messages, against what they really did."""

from __future__ import annotations

import asyncio
from functools import partial
from random import Random

from brokers import need
from sim_world import HOUR, WAIT_S, scenario

from broker_bridge.transport.address import parse_address
from broker_bridge.transport.base import ClientOptions
from broker_bridge.transport.embedded import start_broker
from broker_bridge.transport.factory import create_transport
from broker_bridge.transport.faults import FaultPlan
from broker_bridge.transport.gmqtt import GmqttTransport
from broker_bridge.transport.memory import MemoryBroker, MemoryTransport
from sensors_sim.load import observer
from sensors_sim.runner import SimulateSettings, Simulation

LIMIT = 1_500
DROPPED = "$SYS/broker/publish/messages/dropped"


class Plan:
    """A fault plan that remembers what it drew. Nobody but the observer subscribes to what sensors say."""

    def __init__(self, **chances):
        self._plan = FaultPlan(Random(7), **chances)
        self.delay_s_max = self._plan.delay_s_max
        self.fates = []

    def draw(self):
        self.fates.append(self._plan.draw())
        return self.fates[-1]


class Journal:
    """Connections to a broker in the process that write down what sensors sent and what the observer took."""

    def __init__(self, broker):
        self._broker = broker
        self.sent, self.taken = [], []

    def connect(self, options, on_connect):
        kind = Taking if options.client_id.endswith("-observer") else Sending
        return kind(self._broker, options, on_connect=on_connect, journal=self)

    def overtaken(self):
        """How many first deliveries of a topic came behind one that was sent later."""
        number = {message: at for at, message in enumerate(self.sent)}
        highest, count = {}, 0
        for topic, payload in dict.fromkeys(self.taken):
            at = number[topic, payload]
            count += at < highest.get(topic, -1)
            highest[topic] = max(at, highest.get(topic, -1))
        return count


class Sending(MemoryTransport):
    def __init__(self, *args, journal, **more):
        super().__init__(*args, **more)
        self.journal = journal

    async def send(self, topic, payload, *, retain=False):
        future = await super().send(topic, payload, retain=retain)
        if "/bays/" in topic:
            self.journal.sent.append((topic, payload))
        return future


class Taking(Sending):
    async def receive(self, limit):
        deliveries = await super().receive(limit)
        self.journal.taken += [(one.topic, one.payload) for one in deliveries]
        return deliveries


async def flood(connect, **parts):
    """Send `LIMIT` messages of sensors as fast as it goes; return the simulation that did."""
    settings = {"scenario": scenario(**parts), "speed": 0.0, "flood": True, "limit": LIMIT, "measure": True}
    simulation = Simulation(SimulateSettings(**settings), connect)
    await asyncio.wait_for(simulation.run(asyncio.Event()), 3 * WAIT_S)
    return simulation


async def test_loss_duplicates_and_reordering_are_those_of_the_plan():
    plan = Plan(drop=0.05, duplicate=0.08, delay=0.1, reorder=0.2, delay_s_max=0.05)
    journal = Journal(MemoryBroker(faults=plan))
    told = (await flood(journal.connect, bays=1)).load_report()
    assert (told.sent, told.acknowledged) == (LIMIT, LIMIT) == (len(journal.sent), len(plan.fates))
    assert told.lost == sum(fate.copies == 0 for fate in plan.fates) > 0
    assert told.duplicates == sum(fate.copies == 2 for fate in plan.fates) > 0
    assert told.delivered == LIMIT - told.lost
    assert told.reordered == journal.overtaken() > 0
    assert (told.sent_twice, told.sent_late, told.resent, told.others) == (0, 0, 0, 0)
    assert told.to_deliver.p50_ms <= told.to_deliver.p99_ms <= told.to_deliver.max_ms > 0


async def test_the_faults_of_the_sensors_are_not_held_against_the_broker():
    journal = Journal(MemoryBroker())
    sensors = {"duplicate_share": 0.1, "late_share": 0.1, "offline_per_day": 1.0, "heartbeat_s": 60}
    told = (await flood(journal.connect, sensors=sensors)).load_report()
    assert told.sent_twice == LIMIT - len(set(journal.sent)) > 0
    assert (told.delivered, told.lost, told.duplicates, told.reordered) == (LIMIT, 0, 0, 0)


async def test_what_is_sent_again_after_a_lost_connection_is_no_duplicate_of_the_broker():
    broker = MemoryBroker()
    connect = partial(Cutting, broker, cut_after=500)
    told = (await flood(connect)).load_report()
    assert told.resent > 0
    assert (told.sent, told.delivered, told.lost, told.duplicates, told.reordered) == (LIMIT, LIMIT, 0, 0, 0)


class Cutting(MemoryTransport):
    """Loses the connection once, with what is not acknowledged: the broker had taken it."""

    def __init__(self, broker, options, on_connect, cut_after):
        super().__init__(broker, options, on_connect=on_connect)
        self._left = cut_after

    async def send(self, topic, payload, *, retain=False):
        future = await super().send(topic, payload, retain=retain)
        self._left -= 1
        if self._left == 0:
            self._broker.drop_connection(self._options.client_id)
        return future


class Holding(GmqttTransport):
    """An observer that takes nothing before it is let go."""

    async def receive(self, limit):
        await self.go.wait()
        return await super().receive(limit)


async def test_what_mosquitto_drops_for_a_slow_subscriber_is_told(tmp_path):
    """Mosquitto's own count is the witness, as 2.0.11 sends more than its window once acknowledgements flow."""
    need("mosquitto")
    go, left = asyncio.Event(), [LIMIT]

    def acknowledged(_future):
        left[0] -= 1
        if left[0] == 0:
            go.set()

    class Counting(GmqttTransport):
        async def send(self, topic, payload, *, retain=False):
            future = await super().send(topic, payload, retain=retain)
            if "/bays/" in topic:
                future.add_done_callback(acknowledged)
            return future

    Holding.go = go
    settings = "max_inflight_messages 20\nmax_queued_messages 100\nsys_interval 1\n"
    async with start_broker(directory=tmp_path, prefer="mosquitto", settings=settings) as broker:
        address = parse_address(broker.url)

        def connect(options, on_connect):
            kind = Holding if options.client_id.endswith("-observer") else Counting
            return kind(address, options, on_connect=on_connect)

        told = (await flood(connect, bays=30)).load_report()
        assert (told.sent, told.acknowledged) == (LIMIT, LIMIT)
        assert 0 < told.delivered < LIMIT == told.delivered + told.lost
        assert (told.duplicates, told.reordered) == (0, 0)
        async with (
            create_transport("gmqtt", address, ClientOptions(client_id="sys")) as transport,
            asyncio.timeout(WAIT_S),
        ):
            await transport.subscribe([DROPPED])
            dropped = -1
            while dropped != told.lost:
                for delivery in await transport.receive(10):
                    delivery.ack()
                    dropped = int(delivery.payload)
                assert dropped <= told.lost


async def test_an_interrupted_run_tells_what_was_measured(monkeypatch):
    monkeypatch.setattr(observer, "QUIET_S", 0.1)
    stop, broker = asyncio.Event(), MemoryBroker()
    settings = SimulateSettings(scenario=scenario(), speed=0.0, flood=True, measure=True)
    simulation = Simulation(
        settings, lambda options, on_connect: MemoryTransport(broker, options, on_connect=on_connect)
    )
    running = asyncio.create_task(simulation.run(stop), name="to-be-interrupted")
    async with MemoryTransport(broker, ClientOptions(client_id="watch")) as watch:
        await watch.subscribe(["parking/v1/tiny/clock"])
        async with asyncio.timeout(WAIT_S):
            await watch.receive(1)
            await watch.receive(1)
    stop.set()
    await asyncio.wait_for(running, WAIT_S)
    told = simulation.load_report()
    assert told.sent == told.acknowledged == told.delivered > 0


async def test_the_limit_ends_a_paced_run_too_and_nothing_is_measured_unasked():
    broker = MemoryBroker()
    settings = SimulateSettings(scenario=scenario(), speed=3600.0, limit=30, until_ms=scenario().start_ms + 9 * HOUR)
    simulation = Simulation(
        settings, lambda options, on_connect: MemoryTransport(broker, options, on_connect=on_connect)
    )
    summary = await asyncio.wait_for(simulation.run(asyncio.Event()), WAIT_S)
    assert summary.occupancy_messages + summary.device_messages == 30
    assert simulation.load_report() is None


async def test_what_never_settles_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(observer, "QUIET_S", 0.01)
    monkeypatch.setattr(observer, "SETTLE_MOST_S", 0.1)
    broker = MemoryBroker()
    seen = observer.Observer("tiny", lambda options, _: MemoryTransport(broker, options))

    async def acknowledged_again_and_again():
        while True:
            seen.tally.acknowledged += 1
            await asyncio.sleep(0)

    moving = asyncio.create_task(acknowledged_again_and_again(), name="moving")
    await asyncio.wait_for(seen.settle(asyncio.Event().wait), WAIT_S)
    moving.cancel()
