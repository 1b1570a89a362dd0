"""Which run this is: a new one, or the one that the allocator's database or the broker knows."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker_bridge.transport.base import ClientOptions, ConnectionLostError
from broker_bridge.wire import codec, topics
from broker_bridge.wire.errors import BadMessageError, BaybrokerError
from broker_bridge.wire.messages import AllocatorStatus, Clock
from broker_bridge.wire.topics import TopicKind
from sensors_sim.engine.stage import base36
from sensors_sim.pacer import TICK_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker_bridge.transport.base import OnConnect, Transport

LOOK_S = 1.0
LIVE_S = 1.5
"""A simulation under way tells the clock every second, but while it is paused or waits for the allocator."""


class OtherRunError(BaybrokerError):
    """The allocator's database belongs to another run, or is ahead of this one."""


@dataclass(slots=True)
class Run:
    """A run: its ticks are counted from `tick_no`, which ends at `sim_ms`."""

    run_id: str
    tick_no: int
    sim_ms: int

    @property
    def tick_end_ms(self) -> int:
        """When the tick under way ends."""
        return self.sim_ms + TICK_MS

    def check(self, status: AllocatorStatus) -> None:
        """Raise OtherRunError where the allocator's database cannot follow this run."""
        if status.run_id is None:
            return
        if status.run_id != self.run_id:
            raise OtherRunError(
                f"the allocator's database belongs to the run {status.run_id}, this is {self.run_id}: "
                "start again to continue that run, or give the allocator a new --database"
            )
        if status.tick_no is not None and status.tick_no > self.tick_no:
            raise OtherRunError(
                f"the allocator is at tick {status.tick_no} of {self.run_id}, this simulation only at {self.tick_no}: "
                "start again to continue from there"
            )


def choose_run(kind: str, seed: int, start_ms: int, clock: Clock | None, status: AllocatorStatus | None) -> Run:
    """Return the run that is known, continued at the later of the times known, or else a new one."""
    known = status if status is not None and status.run_id is not None else clock
    if known is None or known.run_id is None:
        return Run(f"{kind}-{seed}-{base36(start_ms // 1000)}", 0, start_ms)
    tick_no, times = 0, [start_ms]
    for other in (clock, status):
        if other is None or other.run_id != known.run_id:
            continue
        tick_no = max(tick_no, other.tick_no or 0)
        times.append((other.sim_time if isinstance(other, Clock) else other.now) or 0)
    return Run(known.run_id, tick_no, -(-max(times) // TICK_MS) * TICK_MS)


async def look(
    city: str, make_transport: Callable[[ClientOptions, OnConnect | None], Transport]
) -> tuple[Clock | None, AllocatorStatus | None]:
    """Return what the broker retains of the clock and of the allocator; waits for the broker, then `LOOK_S`.

    Where there is a clock, looks for `LIVE_S` whether it still runs; raises OtherRunError if it does.
    """
    found: dict[TopicKind, object] = {}
    async with make_transport(ClientOptions(client_id=f"sim-{city}-look"), None) as transport:
        await transport.wait_connected()
        with contextlib.suppress(TimeoutError, ConnectionLostError):
            async with asyncio.timeout(LOOK_S) as looking:
                await transport.subscribe(
                    [topics.subscription(kind, city) for kind in (TopicKind.CLOCK, TopicKind.ALLOCATOR_STATUS)]
                )
                until_s = asyncio.get_running_loop().time() + LIVE_S
                while True:
                    for delivery in await transport.receive(100):
                        delivery.ack()
                        kind = topics.parse(delivery.topic).kind
                        if kind is TopicKind.CLOCK:
                            looking.reschedule(until_s)
                            if not delivery.retained:
                                raise OtherRunError(
                                    f"a simulation of {city} is running on this broker: stop it, or give another --city"
                                )
                        with contextlib.suppress(BadMessageError):
                            found[kind] = codec.decode(kind, delivery.payload)
    clock, status = found.get(TopicKind.CLOCK), found.get(TopicKind.ALLOCATOR_STATUS)
    return clock if isinstance(clock, Clock) else None, status if isinstance(status, AllocatorStatus) else None
