"""Whose time holds: this machine's, a simulated world's, the allocator's."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from baybroker.doctor.checks import Check, Finding, Result
from broker_bridge.wire import codec, topics
from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.times import format_rfc3339
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from baybroker.doctor.bench import Bench
    from baybroker.doctor.probe import Probe

RETAINED_WITHIN_S = 1.0
PULSE_WITHIN_S = 12.0
"""Longer than two of the allocator's signs of life."""
APART_MAX_MS = 2_000
DRIFT_MAX_MS = 100
WATCHED_S = 0.2
NOT_BEFORE_MS = 1_767_225_600_000
"""The beginning of 2026: a clock before it was never set."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _system_clock(_bench: Bench) -> Finding:
    """Compare the wall clock with the monotonic one for a moment: a step or a wild correction shows."""
    wall, steady = _wall_ms(), time.monotonic()
    time.sleep(WATCHED_S)
    drift_ms = _wall_ms() - wall - round((time.monotonic() - steady) * 1000)
    measured = f"{format_rfc3339(_wall_ms())}, {drift_ms:+d} ms against the steady clock in {WATCHED_S * 1000:.0f} ms"
    if _wall_ms() < NOT_BEFORE_MS:
        return Finding(Result.FAIL, measured, "set the clock: sensors' times are judged by it")
    if abs(drift_ms) > DRIFT_MAX_MS:
        return Finding(Result.WARN, measured, "the clock is being set: use NTP")
    return Finding(Result.OK, measured)


def _newest(probe: Probe, kind: TopicKind, *, live: bool = False) -> dict[str, Any]:
    """Return the newest message of each city; what is not valid is left out."""
    found = {}
    for said in probe.messages:
        if not live or not said.retain:
            try:
                found[topics.parse(said.topic).city] = codec.decode(kind, bytes(said.payload))
            except BadMessageError:
                continue
    return found


def _world_clock(bench: Bench) -> Finding:
    with bench.probe() as probe:
        probe.subscribe(topics.subscription(TopicKind.CLOCK, bench.city))
        probe.wait_messages(1, RETAINED_WITHIN_S)
        clocks = _newest(probe, TopicKind.CLOCK)
    if not clocks:
        return Finding(Result.OK, "wall: no world publishes a clock here")
    told = [
        f"{city}: run {said.run_id} at {format_rfc3339(said.sim_time)}, speed {said.speed:g}"
        for city, said in sorted(clocks.items())
    ]
    return Finding(Result.OK, f"simulated, {'; '.join(told)}")


def _allocator(bench: Bench) -> Finding:
    with bench.probe() as probe:
        probe.subscribe(topics.subscription(TopicKind.ALLOCATOR_STATUS, bench.city))
        probe.wait_messages(1, RETAINED_WITHIN_S)
        known = _newest(probe, TopicKind.ALLOCATOR_STATUS)
        if not known:
            return Finding(Result.OK, "none has been heard here")
        away = sorted(city for city, said in known.items() if not said.online)
        if away:
            return Finding(Result.WARN, f"{', '.join(away)}: offline", "start it: baybroker allocate")
        probe.wait(lambda: _newest(probe, TopicKind.ALLOCATOR_STATUS, live=True).keys() >= known.keys(), PULSE_WITHIN_S)
        heard_at = _wall_ms()
        living = _newest(probe, TopicKind.ALLOCATOR_STATUS, live=True)
    silent = sorted(known.keys() - living.keys())
    if silent:
        return Finding(Result.WARN, f"{', '.join(silent)}: online, but silent for {PULSE_WITHIN_S:.0f} s", "restart it")
    return _compared(living, heard_at)


def _compared(living: dict[str, Any], heard_at: int) -> Finding:
    told, apart = [], False
    for city, said in sorted(living.items()):
        if said.run_id is not None:
            told.append(f"{city}: online, time of run {said.run_id}")
        else:
            ahead_ms = (said.now or heard_at) - heard_at
            apart = apart or abs(ahead_ms) > APART_MAX_MS
            told.append(f"{city}: online, {ahead_ms:+d} ms from this machine's clock")
    advice = "let NTP set both clocks" if apart else ""
    return Finding(Result.WARN if apart else Result.OK, "; ".join(told), advice)


WORLD_CHECKS: tuple[Check[Bench], ...] = (
    Check("system clock", _system_clock),
    Check("world clock", _world_clock, ("mqtt 3.1.1",)),
    Check("allocator", _allocator, ("mqtt 3.1.1",)),
)
