"""What a simulation has done so far, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from sensors_sim.session import Session

WORLD_COUNTERS = (
    "offers", "requests", "accepted", "rejected", "bound", "active", "completed", "expired", "relocated", "failed",
    "cancelled", "refused", "blocked", "squatted", "arrivals", "departures",
)  # fmt: skip
"""The counters that the world keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSummary:
    """Counters since the start. Replies are counted once each; `rejected` are requests, `refused` later messages.

    `arrivals` and `departures` are changes that sensors noticed; `lag_ms` is how far the world is behind now.
    """

    run_id: str = ""
    tick_no: int = 0
    ticks: int = 0
    sim_from: int = 0
    sim_time: int = 0
    speed: float
    paused: bool = False
    lag_ms: int = 0
    lag_max_ms: int = 0
    bays: int = 0
    occupied_at_start: int = 0
    occupancy_messages: int = 0
    device_messages: int = 0
    published: int = 0
    acknowledged: int = 0
    given_up: int = 0
    bad_messages: int = 0
    offers: int = 0
    requests: int = 0
    accepted: int = 0
    rejected: int = 0
    bound: int = 0
    active: int = 0
    completed: int = 0
    expired: int = 0
    relocated: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0
    blocked: int = 0
    squatted: int = 0
    arrivals: int = 0
    departures: int = 0


def summarise(session: Session | None, speed: float, bad_messages: int) -> SimulationSummary:
    """Return the counters of a session, or none where there is none yet."""
    if session is None:
        return SimulationSummary(speed=speed)
    world, run, fleet, pacer = session.world, session.run, session.fleet, session.pacer
    return SimulationSummary(
        run_id=run.run_id,
        tick_no=run.tick_no,
        ticks=run.tick_no - session.first_tick,
        sim_from=world.start_ms,
        sim_time=world.now_ms,
        speed=pacer.speed,
        paused=pacer.paused,
        lag_ms=session.lag_ms,
        lag_max_ms=session.lag_max_ms,
        bays=len(world.city.bays),
        occupied_at_start=world.occupied_at_start,
        occupancy_messages=fleet.counts[TopicKind.OCCUPANCY],
        device_messages=fleet.counts[TopicKind.DEVICE],
        published=fleet.total("published"),
        acknowledged=fleet.total("acknowledged"),
        given_up=fleet.total("given_up"),
        bad_messages=bad_messages,
        **{name: world.counts[name] for name in WORLD_COUNTERS},
    )
