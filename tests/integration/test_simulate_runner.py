"""The simulator as a service, on a broker in the process and with a stand-in for the allocator."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import date

import pytest
from sim_world import HOUR, MINUTE, WAIT_S, StandIn, scenario

from broker_bridge.transport.memory import MemoryBroker, MemoryTransport
from broker_bridge.wire.messages import Pause, SetSpeed
from broker_bridge.wire.topics import TopicKind
from sensors_sim.replay import Replay, ReplaySettings
from sensors_sim.runner import SimulateSettings, Simulation, simulate
from sensors_sim.runs import OtherRunError

RULES = scenario(drivers={"requests_per_hour": 30.0, "short_share": 1.0})
START = RULES.start_ms
BAYS = tuple(f"street-{number:04d}" for number in range(1, 13))


class Net:
    """A broker, and transports to it that are remembered by client id."""

    def __init__(self):
        self.broker = MemoryBroker()

    def connect(self, options, on_connect):
        return MemoryTransport(self.broker, options, on_connect=on_connect)


@pytest.fixture
def net():
    return Net()


@contextlib.asynccontextmanager
async def simulating(net, **settings):
    """Run a simulation until the block ends, then stop it; what it raises is raised here."""
    simulation, stop = Simulation(SimulateSettings(scenario=RULES, **settings), net.connect), asyncio.Event()
    task = asyncio.create_task(simulation.run(stop), name="simulation-under-test")
    try:
        yield simulation
    finally:
        stop.set()
        await asyncio.wait_for(task, WAIT_S)


def ticks(allocator):
    return [clock.tick_no for clock in allocator.messages(TopicKind.CLOCK)]


async def test_at_full_speed_no_tick_begins_before_the_last_is_committed(net):
    async with StandIn(net.connect, bays=BAYS) as allocator:
        allocator.committing = False
        async with simulating(net, speed=0.0, until_ms=START + 3 * HOUR) as simulation:
            await allocator.until(lambda: ticks(allocator) == [0])
            assert allocator.messages(TopicKind.OCCUPANCY) == []
            allocator.run_id, allocator.tick_no = allocator.messages(TopicKind.CLOCK)[0].run_id, 0
            await allocator.tell_status()
            await allocator.until(lambda: ticks(allocator) == [0, 1])
            assert len(allocator.messages(TopicKind.OCCUPANCY)) >= 12, "the births came before the tick was closed"
            assert simulation.summary().tick_no == 1
            allocator.committing, allocator.tick_no = True, 1
            await allocator.tell_status()
            await allocator.until(lambda: ticks(allocator)[-1] == 180)
    assert ticks(allocator) == list(range(181))


async def test_everything_observed_in_a_tick_comes_before_its_clock(net):
    async with StandIn(net.connect, bays=BAYS) as allocator:
        summary = await simulate(
            SimulateSettings(scenario=RULES, speed=0.0, until_ms=START + 4 * HOUR), net.connect, asyncio.Event()
        )
        await allocator.until(lambda: ticks(allocator)[-1] == 240)
    told = START
    for topic, message in allocator.heard:
        if topic.kind is TopicKind.CLOCK:
            told = message.sim_time
        elif topic.kind in {TopicKind.OCCUPANCY, TopicKind.DEVICE}:
            assert told <= message.observed_at <= told + MINUTE
    assert summary.acknowledged == summary.published
    assert summary.occupancy_messages == len(allocator.messages(TopicKind.OCCUPANCY))
    assert min(summary.requests, summary.accepted, summary.bound, summary.active, summary.completed) > 10


async def test_two_lockstep_runs_of_one_seed_say_the_same():
    heard = []
    for _ in range(2):
        net = Net()
        async with StandIn(net.connect, bays=BAYS) as allocator:
            settings = SimulateSettings(scenario=RULES, speed=0.0, until_ms=START + 4 * HOUR)
            await simulate(settings, net.connect, asyncio.Event())
            await allocator.until(lambda to=allocator: ticks(to)[-1] == 240)
        heard.append(sorted((str(topic), repr(message)) for topic, message in allocator.heard))
    assert heard[0] == heard[1]


async def test_a_run_is_continued_where_database_and_broker_left_it(net):
    async with StandIn(net.connect, bays=BAYS) as allocator:
        for hours in (1, 2):
            settings = SimulateSettings(scenario=RULES, speed=0.0, until_ms=START + hours * HOUR)
            summary = await simulate(settings, net.connect, asyncio.Event())
            await allocator.until(lambda last=60 * hours: ticks(allocator)[-1] == last)
        assert summary.sim_from == START + HOUR
        assert (summary.ticks, summary.tick_no) == (60, 120)
        assert len({clock.run_id for clock in allocator.messages(TopicKind.CLOCK)}) == 1
        boots = {message.boot_id for message in allocator.messages(TopicKind.OCCUPANCY)}
        assert boots == {START, START + HOUR}
        request_ids = [message.request_id for message in allocator.messages(TopicKind.DRIVER_REQUEST)]
        assert len(request_ids) == len(set(request_ids))


async def test_an_allocator_of_another_run_ends_it_with_one_line(net):
    async with StandIn(net.connect, bays=BAYS) as allocator:
        allocator.committing = False
        settings = SimulateSettings(scenario=RULES, speed=0.0)
        running = asyncio.create_task(simulate(settings, net.connect, asyncio.Event()), name="to-be-refused")
        await allocator.until(lambda: ticks(allocator))
        allocator.run_id = "run-other"
        await allocator.tell_status()
        with pytest.raises(OtherRunError, match="belongs to the run run-other"):
            await asyncio.wait_for(running, WAIT_S)


async def test_a_second_simulation_of_a_city_is_refused_and_disturbs_nobody(net):
    async with StandIn(net.connect, bays=BAYS) as allocator, simulating(net, speed=60.0):
        await allocator.until(lambda: len(allocator.messages(TopicKind.DEVICE)) == 12)
        with pytest.raises(OtherRunError, match="a simulation of tiny is running on this broker"):
            await simulate(SimulateSettings(scenario=RULES, speed=60.0), net.connect, asyncio.Event())
        births = [message.online for message in allocator.messages(TopicKind.GATEWAY_STATUS)]
        assert births == [True, True], "no gateway was thrown out"


async def test_after_a_lost_connection_a_gateway_announces_itself_and_its_bays(net):
    async with StandIn(net.connect, bays=BAYS) as allocator, simulating(net, speed=1.0):
        await allocator.until(lambda: len(allocator.messages(TopicKind.DEVICE)) == 12)
        net.broker.drop_connection("sim-tiny-gateway-gw-street-01")
        await allocator.until(lambda: len(allocator.messages(TopicKind.DEVICE)) == 18)
        statuses = [message.online for topic, message in allocator.heard
                    if topic.kind is TopicKind.GATEWAY_STATUS and topic.names["gateway"] == "gw-street-01"]  # fmt: skip
        assert statuses[-2:] == [False, True], "its will, its birth"
        again = [(topic.names["bay"], message.seq) for topic, message in allocator.heard
                 if topic.kind is TopicKind.OCCUPANCY][12:18]  # fmt: skip
        assert again == [(bay, 1) for bay in BAYS[:6]]


async def test_a_broker_that_comes_back_empty_learns_clock_gateways_and_bays_again(net):
    async with (
        StandIn(net.connect, bays=BAYS) as allocator,
        simulating(net, speed=0.0, until_ms=START + 8 * HOUR) as simulation,
    ):
        await allocator.until(lambda: ticks(allocator)[-1:] > [30])
        net.broker.kill()
        killed_at = simulation.summary().tick_no
        net.broker.restart(empty=True)
        await allocator.until(lambda: ticks(allocator)[-1] == 480)
    assert killed_at < 480
    gateways = [topic.names["gateway"] for topic, _ in allocator.heard if topic.kind is TopicKind.GATEWAY_STATUS]
    assert gateways.count("gw-street-01") >= 2
    assert sorted(set(ticks(allocator))) == list(range(481))


async def test_it_ends_with_a_farewell_of_every_gateway(net):
    async with StandIn(net.connect, bays=BAYS) as allocator:
        async with simulating(net, speed=60.0):
            await allocator.until(lambda: len(allocator.messages(TopicKind.DEVICE)) == 12)
        await allocator.until(lambda: len(allocator.messages(TopicKind.GATEWAY_STATUS)) == 4)
    assert [message.online for message in allocator.messages(TopicKind.GATEWAY_STATUS)] == [True, True, False, False]


async def test_paced_it_keeps_to_real_time_and_stops_after_its_duration(net):
    async with StandIn(net.connect, bays=BAYS) as allocator:
        summary = await simulate(
            SimulateSettings(scenario=RULES, speed=3_600.0, duration_s=1.5), net.connect, asyncio.Event()
        )
        await allocator.until(lambda: ticks(allocator)[-1] == summary.tick_no)
    assert ticks(allocator) == list(range(summary.tick_no + 1))
    assert 10 < summary.tick_no <= 91
    assert allocator.messages(TopicKind.CLOCK)[-1].speed == 3_600.0


async def test_the_pace_begins_when_the_allocator_has_taken_the_start_in(net):
    async with StandIn(net.connect, bays=BAYS) as allocator:
        allocator.committing, allocator.run_id, allocator.tick_no = False, "run-known", 0
        await allocator.tell_status()
        async with simulating(net, speed=3_600.0) as simulation:
            await allocator.until(lambda: ticks(allocator) == [0, 1])
            assert [clock.sim_time for clock in allocator.messages(TopicKind.CLOCK)] == [START, START]
            assert len(allocator.messages(TopicKind.OCCUPANCY)) == 12, "the start is said before"
            assert simulation.summary().sim_time == START
            allocator.committing, allocator.tick_no = True, 1
            await allocator.tell_status()
            await allocator.until(lambda: ticks(allocator)[-1] == 3)
        assert allocator.messages(TopicKind.CLOCK)[-1].sim_time >= START + 2 * MINUTE


async def test_an_allocator_that_goes_away_does_not_hold_the_pace_up(net):
    async with StandIn(net.connect, bays=BAYS) as allocator:
        allocator.committing, allocator.run_id, allocator.tick_no = False, "run-known", 0
        await allocator.tell_status()
        async with simulating(net, speed=3_600.0):
            await allocator.until(lambda: ticks(allocator) == [0, 1])
            await allocator.tell_status(online=False)
            await allocator.until(lambda: ticks(allocator)[-1] == 3)


async def test_it_needs_no_allocator_to_publish_at_a_pace(net):
    summary = await simulate(
        SimulateSettings(scenario=RULES, speed=3_600.0, until_ms=START + 10 * MINUTE), net.connect, asyncio.Event()
    )
    assert summary.ticks == 10
    assert summary.occupancy_messages >= 12


async def test_slower_than_a_tick_a_second_the_clock_is_told_inside_the_tick(net):
    async with StandIn(net.connect, bays=BAYS) as allocator, simulating(net, speed=2.0):
        await allocator.until(lambda: len(allocator.messages(TopicKind.CLOCK)) >= 4)
        start, *clocks = allocator.messages(TopicKind.CLOCK)
    assert start.tick_no == 0
    assert {clock.tick_no for clock in clocks} == {1}
    times = [clock.sim_time for clock in clocks]
    assert times == sorted(set(times))
    assert times[-1] < START + MINUTE


async def test_pause_resume_and_speed_are_obeyed(net):
    async with StandIn(net.connect, bays=BAYS) as allocator, simulating(net, speed=600.0) as simulation:
        await allocator.until(lambda: ticks(allocator)[-1:] > [2])
        await allocator.say(TopicKind.SIMULATOR_COMMAND, Pause(type="pause"))
        await allocator.until(lambda: allocator.messages(TopicKind.CLOCK)[-1].paused)
        assert simulation.summary().paused
        paused_at = simulation.summary().sim_time
        await allocator.say(TopicKind.SIMULATOR_COMMAND, SetSpeed(speed=3_000.0))
        await allocator.until(lambda: allocator.messages(TopicKind.CLOCK)[-1].speed == 3_000.0)
        assert simulation.summary().sim_time == paused_at
        await allocator.say(TopicKind.SIMULATOR_COMMAND, Pause(type="resume"))
        await allocator.until(lambda: allocator.messages(TopicKind.CLOCK)[-1].sim_time > paused_at + 5 * MINUTE)


async def test_what_is_not_valid_is_counted(net):
    async with StandIn(net.connect, bays=BAYS) as allocator, simulating(net, speed=60.0) as simulation:
        await allocator.until(lambda: ticks(allocator))
        await allocator._transport.publish("parking/v1/tiny/drivers/drv-01/reply", b"not json")
        await allocator.until(lambda: simulation.summary().bad_messages == 1 or ticks(allocator)[-1:] > [2])
        assert simulation.summary().bad_messages == 1


async def test_a_replay_registers_its_bays_and_tells_what_it_did(net, tmp_path):
    path = tmp_path / "stays.csv"
    rows = [f"home-{n},2022-10-03T{n % 9:02d}:10:00,2022-10-03T1{n % 9}:20:00" for n in range(60)]
    path.write_text("bay,arrived_at,departed_at\n" + "\n".join(rows))
    async with StandIn(net.connect, city="replay", bays=("home-1", "home-2", "home-3")) as allocator:
        settings = ReplaySettings(file=path, from_day=date(2022, 10, 3), days=1, requests_per_day=100)
        result = await Replay(settings, net.connect).run(asyncio.Event())
        commands = allocator.messages(TopicKind.OPERATOR_COMMAND)
    assert [len(command.bays) for command in commands] == [50, 10]
    assert allocator.heard.index(
        next(heard for heard in allocator.heard if heard[0].kind is TopicKind.OCCUPANCY)
    ) > max(n for n, heard in enumerate(allocator.heard) if heard[0].kind is TopicKind.OPERATOR_COMMAND)
    assert (result["bays"], result["arrivals"], result["departures"], result["ticks"]) == (60, 60, 60, 1_440)
    assert result["requests"] == result["accepted"] + result["rejected"] > 50
    assert result["sim_until"] == result["sim_from"] + 24 * HOUR
