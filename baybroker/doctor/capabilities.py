"""What else a broker can do. Hardly any of it is needed by baybroker: each finding says what a shortfall means.

Nothing is taken from what the broker grants: three of four brokers grant a shared subscription and deliver nothing.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from baybroker.doctor.broker import DELIVERS
from baybroker.doctor.checks import Check, Finding, Result
from baybroker.doctor.probe import ProbeError

if TYPE_CHECKING:
    from baybroker.doctor.bench import Bench
    from baybroker.doctor.probe import Probe

ECHO_WITHIN_S = 2.0
NOTHING_MORE_S = 0.5
"""After so long without another copy there is none."""
OFFLINE, OFFLINE_WITHIN_S = 3_000, 10.0
SHARED = 4
QOS_NEEDED, QOS_ALL = (0, 1), (0, 1, 2)
ALPHABETS = (("a full stop", "a.b/c"), ("a space", "a b"), ("upper case", "aB"), ("other scripts", "주차"))


def _echoes(bench: Bench, topic: str, qos: int) -> bool:
    """Tell whether a message comes back at the QoS it was sent at."""
    try:
        with bench.probe() as probe:
            if not probe.subscribe(topic, qos=qos):
                return False
            probe.publish(topic, b"echo", qos=qos)
            return probe.wait_messages(1, ECHO_WITHIN_S) and probe.messages[0].qos == qos
    except ProbeError:  # a broker may hang up on what it does not know
        return False


def _qos(bench: Bench) -> Finding:
    works = {qos: _echoes(bench, bench.topic(f"qos-{qos}"), qos) for qos in QOS_ALL}
    measured = ", ".join(f"{qos}: {'yes' if back else 'no'}" for qos, back in works.items())
    if not all(works[qos] for qos in QOS_NEEDED):
        return Finding(Result.FAIL, measured, "allow QoS 1: without it nothing is sent again that was lost")
    return Finding(Result.OK, measured, "" if works[2] else "nothing: baybroker uses QoS 0 and 1 only")


def _queue(bench: Bench) -> Finding:
    """Count how much of a long absence a persistent session keeps, up to OFFLINE messages."""
    topic = bench.topic("queue")
    with bench.session("long-queue") as reader:
        reader.subscribe(topic)
    with bench.probe() as writer:
        waiting = [writer.send(topic, str(number).encode()) for number in range(OFFLINE)]
        if not writer.wait_acknowledged(waiting, OFFLINE_WITHIN_S):
            return Finding(Result.WARN, f"{OFFLINE} messages were not acknowledged within {OFFLINE_WITHIN_S:.0f} s")
    with bench.session("long-queue") as reader:
        came = _until_quiet(reader, OFFLINE)
    if came >= OFFLINE:
        return Finding(Result.OK, f"{OFFLINE} of {OFFLINE} messages kept while away: it may keep more")
    return Finding(
        Result.WARN,
        f"{came} of {OFFLINE} messages kept while away",
        "what comes while the allocator restarts is lost beyond that, and so are retained states when more bays "
        "start than that: raise max_queued_messages (Mosquitto) to twice the bays and 500000",
    )


def _until_quiet(probe: Probe, expected: int) -> int:
    """Return how many different messages came, at most `expected`, until none came for a while."""
    until = time.monotonic() + OFFLINE_WITHIN_S
    count = 0
    while count < expected and time.monotonic() < until and probe.wait_messages(count + 1, 2 * NOTHING_MORE_S):
        count = len(probe.messages)
    return len({bytes(message.payload) for message in probe.messages})


def _shared(bench: Bench) -> Finding:
    topic = bench.topic("shared")
    with ExitStack() as stack:
        readers = [stack.enter_context(bench.probe()) for _ in range(2)]
        granted = [reader.subscribe(f"$share/{bench.name}/{topic}") for reader in readers]
        if not all(granted):
            return Finding(Result.OK, "refused", "nothing: baybroker never uses $share")
        writer = stack.enter_context(bench.probe())
        for number in range(SHARED):
            writer.publish(topic, str(number).encode())
        for reader in readers:
            reader.wait_messages(SHARED, NOTHING_MORE_S)
        came = sorted(int(message.payload) for reader in readers for message in reader.messages)
    if came == list(range(SHARED)):
        return Finding(Result.OK, f"{SHARED} of {SHARED} messages delivered, once each")
    return Finding(
        Result.WARN,
        f"granted, but {len(came)} of {SHARED} messages delivered",
        "nothing for baybroker, which never uses $share; a consumer of your own that does misses messages silently",
    )


def _alphabet(bench: Bench) -> Finding:
    refused = [what for what, name in ALPHABETS if not _echoes(bench, bench.topic(f"alphabet/{name}"), 1)]
    if not refused:
        return Finding(Result.OK, f"delivers {', '.join(what for what, _ in ALPHABETS)}")
    return Finding(
        Result.OK, f"does not deliver {', '.join(refused)}", "nothing: baybroker's topics hold only a-z, 0-9 and '-'"
    )


def _overlap(bench: Bench) -> Finding:
    with bench.probe() as reader, bench.probe() as writer:
        reader.subscribe(bench.topic("overlap/+"))
        reader.subscribe(bench.topic("overlap/#"))
        writer.publish(bench.topic("overlap/a"), b"once")
        reader.wait_messages(1, ECHO_WITHIN_S)
        reader.wait_messages(3, NOTHING_MORE_S)
        copies = len(reader.messages)
    if copies == 0:
        return Finding(Result.FAIL, "a message that two subscriptions match does not come at all")
    measured = f"{copies} {'copy' if copies == 1 else 'copies'} of a message that two subscriptions match"
    return Finding(Result.OK, measured, "" if copies == 1 else "nothing: copies are told by (boot_id, seq) and dropped")


def _topics_of(bench: Bench, subscribed: str) -> set[str]:
    """Return which of the broker's own topics a subscription brings at once."""
    with bench.probe() as probe:
        probe.subscribe(subscribed)
        probe.wait(lambda: False, NOTHING_MORE_S)
        return {message.topic for message in probe.messages if message.topic.startswith("$")}


def _system_topics(bench: Bench) -> Finding:
    told = _topics_of(bench, "$SYS/#")
    if not told:
        return Finding(Result.OK, "none", "nothing for baybroker; watch this broker by other means")
    return Finding(Result.OK, f"{len(told)} topics")


def _hidden(bench: Bench) -> Finding:
    """Try a wildcard in the first level, narrowed: a bare '#' would bring everything that a city retains."""
    if not _topics_of(bench, "$SYS/broker/#"):
        return Finding(Result.SKIPPED, "no $SYS topics to hide")
    shown = _topics_of(bench, "+/broker/#")
    if shown:
        return Finding(Result.WARN, f"{min(shown)} comes through '+'", "subscribers to '#' get the broker's own topics")
    return Finding(Result.OK, "a wildcard in the first level brings none of them")


CAPABILITY_CHECKS: tuple[Check[Bench], ...] = (
    Check("qos", _qos, (DELIVERS,)),
    Check("session queue", _queue, (DELIVERS, "persistent session")),
    Check("$share", _shared, (DELIVERS,)),
    Check("topic alphabet", _alphabet, (DELIVERS,)),
    Check("overlapping", _overlap, (DELIVERS,)),
    Check("$SYS", _system_topics, ("mqtt 3.1.1",)),
    Check("# hides $SYS", _hidden, ("mqtt 3.1.1",)),
)
