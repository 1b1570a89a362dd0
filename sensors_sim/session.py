"""A run under way: ticks in lockstep with the allocator or paced to real time, and the clock that tells of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import AllocatorStatus, Clock, Pause, SetSpeed
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from sensors_sim.engine.world import World
    from sensors_sim.fleet import Fleet
    from sensors_sim.pacer import Pacer
    from sensors_sim.runs import Run

SHORTEST_WAIT_S = 0.005
CLOCK_EVERY_S = 1.0
ONE_TICK_A_SECOND = 60
LAG_WARNED_MS = 1_000
LAG_WARNED_EVERY_S = 10.0
FLOOD_UNFLUSHED = 1_000
OBEYED_WITHIN_S = 2.0
log = logging.getLogger("sensors_sim")


class Session:
    """Turns a world tick by tick until `until_ms`, or until the fleet is full, which is in the middle of a tick.

    What arrives is handed in by `answer`, `command` and `status`. A `flood` at speed 0 awaits no allocator.
    """

    def __init__(
        self, world: World, run: Run, fleet: Fleet, pacer: Pacer, *, until_ms: int | None, flood: bool = False
    ) -> None:
        self.world, self.run, self.fleet, self.pacer = world, run, fleet, pacer
        self.first_tick = run.tick_no
        self.lag_ms = 0
        self.lag_max_ms = 0
        self._until_ms, self._flood = until_ms, flood
        self._city = world.city.name
        self._status: AllocatorStatus | None = None
        self._wake = asyncio.Event()
        self._retell = False
        self._clock_at = self._lag_told_at = float("-inf")

    async def turn(self) -> None:
        """Let the world turn to its end, or for ever; speed 0 is lockstep, or a flood."""
        if self.pacer.speed:
            await self._paced()
        elif self._flood:
            await self._flooding()
        else:
            await self._lockstep()

    async def tell_clock(self) -> None:
        """Publish what time it is."""
        self._retell, self._clock_at = False, asyncio.get_running_loop().time()
        clock = Clock(
            run_id=self.run.run_id,
            tick_no=self.run.tick_no,
            sim_time=self.world.now_ms,
            speed=self.pacer.speed,
            paused=self.pacer.paused,
            published=self.fleet.total("published"),
        )
        await self.fleet.main.put(topics.build(TopicKind.CLOCK, self._city), codec.encode(clock), retain=True)

    # ---- what arrives

    def answer(self, topic: topics.Topic, message: object) -> None:
        """Give the world a reply or a notice, as of its own time."""
        self.world.receive(self.world.now_ms, topic, message)
        self._wake.set()

    def status(self, status: AllocatorStatus) -> None:
        """Take what the allocator says of itself; raises OtherRunError."""
        self.run.check(status)
        self._status = status
        self._wake.set()

    def command(self, command: SetSpeed | Pause) -> None:
        """Change the pace; in lockstep only the allocator sets it."""
        now_s = asyncio.get_running_loop().time()
        if not self.pacer.speed:
            return
        if isinstance(command, SetSpeed):
            self.pacer.set_speed(now_s, command.speed)
        else:
            self.pacer.pause(now_s, paused=command.type == "pause")
        self._retell = True
        self._wake.set()

    # ---- as fast as the allocator commits

    async def _lockstep(self) -> None:
        if not self._committed():
            log.info("waiting for the allocator of %s to be online and to obey the clock", self._city)
        while True:
            while not self._committed():
                self._wake.clear()
                await self._wake.wait()
            if self._at_end():
                return
            if not await self._act(self.run.tick_end_ms):
                return
            await self._end_tick()

    def _committed(self) -> bool:
        """Tell whether the allocator has committed the last tick of this run."""
        status = self._status
        return self._obeyed() and status is not None and (status.tick_no or 0) >= self.run.tick_no

    def _obeyed(self) -> bool:
        """Tell whether an allocator is online that follows this run's clock."""
        status = self._status
        return status is not None and status.online and status.run_id == self.run.run_id and status.tick_no is not None

    # ---- as fast as the broker acknowledges

    async def _flooding(self) -> None:
        """Have no more than `FLOOD_UNFLUSHED` messages and a tick's on their way; the clock is told in between."""
        while not self._at_end():
            if not await self._act(self.run.tick_end_ms):
                return
            self._count_tick()
            if self.fleet.unflushed >= FLOOD_UNFLUSHED or self._at_end():
                await self.fleet.flush()
                await self.tell_clock()
            await asyncio.sleep(0)

    # ---- paced

    async def _paced(self) -> None:
        """Keep to the pace, once a city's sensors have said what there is at the start."""
        loop = asyncio.get_running_loop()
        if not await self._act(self.world.now_ms):
            return
        await self.fleet.flush()
        await self._answered_clock()
        if self._obeyed():
            await self._taken_in()
        self.pacer.begin(loop.time())
        while not self._at_end():
            self._wake.clear()
            tick_end_ms = self.run.tick_end_ms
            target_ms = min(tick_end_ms, max(self.world.now_ms, self.pacer.sim_at(loop.time())))
            if not await self._act(target_ms):
                return
            self._look_at_lag(loop.time())
            if target_ms == tick_end_ms:
                await self._end_tick()
                continue
            slow = self.pacer.speed < ONE_TICK_A_SECOND and not self.pacer.paused
            if self._retell or (slow and loop.time() >= self._clock_at + CLOCK_EVERY_S):
                await self.fleet.flush()
                await self.tell_clock()
            await self._wait_for(min(tick_end_ms, self.world.next_at() or tick_end_ms))

    async def _answered_clock(self) -> None:
        """Give a new allocator that is online the time to say that it follows this run's clock, if it does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(OBEYED_WITHIN_S):
                while self._status is not None and self._status.online and self._status.run_id is None:
                    self._wake.clear()
                    await self._wake.wait()

    async def _taken_in(self) -> None:
        """Make the start a tick of its own and wait until the allocator has committed it: thousands of offers."""
        self.run.tick_no += 1
        await self.tell_clock()
        while self._obeyed() and not self._committed():
            self._wake.clear()
            await self._wake.wait()

    async def _wait_for(self, sim_ms: int) -> None:
        """Wait until it is that simulated time, something arrives, or the clock is to be told again."""
        seconds = self.pacer.seconds_until(asyncio.get_running_loop().time(), sim_ms)
        limit_s = None if seconds is None else max(min(seconds, CLOCK_EVERY_S), SHORTEST_WAIT_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._wake.wait()

    def _look_at_lag(self, now_s: float) -> None:
        self.lag_ms = self.pacer.lag_ms(now_s, self.world.now_ms)
        self.lag_max_ms = max(self.lag_max_ms, self.lag_ms)
        if self.lag_ms > LAG_WARNED_MS and now_s > self._lag_told_at + LAG_WARNED_EVERY_S:
            self._lag_told_at = now_s
            log.warning("behind by %.1f s: speed %g is more than we keep up with", self.lag_ms / 1000, self.pacer.speed)

    def _at_end(self) -> bool:
        return self._until_ms is not None and self.run.sim_ms >= self._until_ms

    async def _act(self, until_ms: int) -> bool:
        """Let happen what happens until then, and publish what is said of it; False once the fleet is full."""
        said = self.world.advance(until_ms)
        down = self.world.gateways_down
        await self.fleet.bring_back(down)
        await self.fleet.publish(said)
        await self.fleet.take_down(down)
        return not self.fleet.full

    async def _end_tick(self) -> None:
        """Have the tick's messages acknowledged, then say that it is over."""
        await self.fleet.flush()
        self._count_tick()
        await self.tell_clock()

    def _count_tick(self) -> None:
        self.run.sim_ms = self.run.tick_end_ms
        self.run.tick_no += 1
