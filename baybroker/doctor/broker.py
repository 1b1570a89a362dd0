"""What baybroker needs of a broker, tried on it."""

from __future__ import annotations

import re
import statistics
import time
from contextlib import closing
from typing import TYPE_CHECKING

from paho.mqtt.enums import MQTTProtocolVersion

from baybroker.doctor.checks import Check, Finding, Result
from baybroker.doctor.probe import ProbeError, RefusedConnectError
from broker_bridge.transport.base import Will

if TYPE_CHECKING:
    from baybroker.doctor.bench import Bench

ECHO_WITHIN_S = 3.0
VERSION_WITHIN_S = 1.0
REDELIVERY_WITHIN_S = 8.0
"""A NATS server with `ack_wait: 5s` sends again after 5 s."""
QUEUED = 5
ROUND_TRIPS = 200
ROUND_TRIPS_WITHIN_S = 10.0
NAGLE_TAIL_MS = 30.0
"""Nagle's algorithm against delayed acknowledgements costs 40 ms."""
BURSTS, BURST, LATE_BURSTS = 40, 10, 2
WINDOW_KEPT_SINCE = (2, 0, 13)
_MOSQUITTO = re.compile(r"mosquitto version (\d+)\.(\d+)\.(\d+)")
_VERSION_TOPIC = "$SYS/broker/version"


def _ms(since: float) -> str:
    return f"{(time.monotonic() - since) * 1000:.1f} ms"


def _reachable(bench: Bench) -> Finding:
    began = time.monotonic()
    try:
        with bench.probe():
            return Finding(Result.OK, f"{bench.address.host}:{bench.address.port} answers in {_ms(began)}")
    except RefusedConnectError:
        return Finding(Result.OK, f"{bench.address.host}:{bench.address.port} answers in {_ms(began)}, and refuses us")


def _mqtt_311(bench: Bench) -> Finding:
    with bench.probe():
        return Finding(Result.OK, "accepted")


def _mqtt_5(bench: Bench) -> Finding:
    try:
        with bench.probe(version=MQTTProtocolVersion.MQTTv5):
            return Finding(Result.OK, "yes")
    except ProbeError as error:
        return Finding(Result.OK, f"no ({error})", "nothing: baybroker needs MQTT 3.1.1 only")


def _version(bench: Bench) -> Finding:
    with bench.probe() as probe:
        if not probe.subscribe(_VERSION_TOPIC) or not probe.wait_messages(1, VERSION_WITHIN_S):
            return Finding(Result.OK, "not told")
        told = probe.messages[0].payload.decode(errors="replace")[:80]
    mosquitto = _MOSQUITTO.fullmatch(told)
    if mosquitto and tuple(map(int, mosquitto.groups())) < WINDOW_KEPT_SINCE:
        return Finding(
            Result.WARN, told, "it sends more than max_inflight_messages at once under load: use 2.0.13 or newer"
        )
    return Finding(Result.OK, told)


def _delivery(bench: Bench) -> Finding:
    topic = bench.topic("echo")
    with bench.probe() as probe:
        granted = probe.subscribe(topic)
        began = time.monotonic()
        probe.publish(topic, b"echo")
        if granted and probe.wait_messages(1, ECHO_WITHIN_S):
            return Finding(Result.OK, f"a message on {bench.root}/ came back in {_ms(began)}")
    return Finding(
        Result.WARN,
        f"a message on {topic} did not come back: this user may not {_denied(bench, topic)}",
        "name a user who may, or a place where this one may write and read: --topic-root",
    )


def _denied(bench: Bench, topic: str) -> str:
    """Tell what is denied, as MQTT 5 says it: in 3.1.1 a denied message is acknowledged like any other."""
    try:
        with bench.probe(version=MQTTProtocolVersion.MQTTv5) as probe:
            if not probe.publish(topic, b"echo"):
                return "write there"
    except ProbeError:
        return "write there, or not read there"
    return "read there"


def _retained(bench: Bench) -> Finding:
    topic, mark = bench.retained("retained"), bench.topic("mark")
    with bench.probe() as writer:
        writer.publish(topic, b"kept", retain=True)
        with bench.probe() as reader:
            reader.subscribe(topic)
            if not reader.wait_messages(1, ECHO_WITHIN_S) or not reader.messages[0].retain:
                return Finding(Result.FAIL, "a retained message does not reach a new subscriber", _RETAINED_ADVICE)
        writer.publish(topic, b"", retain=True)
        with bench.probe() as reader:
            reader.subscribe(topic)
            reader.subscribe(mark)
            writer.publish(mark, b"mark")
            reader.wait(lambda: any(message.topic == mark for message in reader.messages))
            if any(message.topic == topic for message in reader.messages):
                return Finding(Result.FAIL, "a retained message outlives its clearing", _RETAINED_ADVICE)
    return Finding(Result.OK, "kept for a new subscriber, and cleared")


_RETAINED_ADVICE = "allow retained messages: states and births are lost without them"


def _wildcard(bench: Bench) -> Finding:
    names = ("a", "b", "c")
    with bench.probe() as writer:
        for name in names:
            writer.publish(bench.retained(f"wild/{name}/state"), name.encode(), retain=True)
    for last in ("+/state", "#"):
        with bench.probe() as reader:
            reader.subscribe(bench.topic(f"wild/{last}"))
            reader.wait_messages(len(names), ECHO_WITHIN_S)
            came = {message.payload.decode(errors="replace") for message in reader.messages if message.retain}
            if came != set(names):
                return Finding(Result.FAIL, f"{len(came)} of {len(names)} retained messages came through {last!r}")
    return Finding(Result.OK, f"{len(names)} of {len(names)} retained messages through '+' and '#'")


def _session(bench: Bench) -> Finding:
    topic = bench.topic("session")
    with bench.session("queue") as reader:
        reader.subscribe(topic)
    with bench.probe() as writer:
        for number in range(QUEUED):
            writer.publish(topic, str(number).encode())
    with bench.session("queue") as reader:
        reader.wait_messages(QUEUED)
        came = [int(message.payload) for message in reader.messages]
        if not reader.session_present:
            return Finding(Result.FAIL, "the session was forgotten", SESSION_ADVICE)
    if came != list(range(QUEUED)):
        return Finding(Result.FAIL, f"{len(came)} of {QUEUED} messages were kept while away", SESSION_ADVICE)
    return Finding(Result.OK, f"{QUEUED} of {QUEUED} messages kept while away, in order")


SESSION_ADVICE = "allow persistent sessions: the allocator misses what comes while it restarts"


def _redelivery(bench: Bench) -> Finding:
    """Acknowledge the first of three, break the connection, and see which ones come again."""
    topic = bench.topic("redelivery")
    with closing(bench.session("redelivery", manual_ack=True)) as reader, bench.probe() as writer:
        reader.connect()
        reader.subscribe(topic)
        for number in range(3):
            writer.publish(topic, str(number).encode())
        if not reader.wait_messages(3):
            return Finding(Result.FAIL, f"{len(reader.messages)} of 3 messages came")
        reader.acknowledge(reader.messages[0])
        reader.publish(bench.topic("mark"), b"mark")  # its answer shows that the acknowledgement has arrived
        reader.abort()
    began = time.monotonic()
    with bench.session("redelivery") as reader:
        reader.wait_messages(2, REDELIVERY_WITHIN_S)
        came = sorted(int(message.payload) for message in reader.messages)
    if came == [1, 2]:
        return Finding(Result.OK, f"what was not acknowledged came again after {_ms(began)}")
    return Finding(
        Result.WARN,
        f"{came} instead of [1, 2] came again within {REDELIVERY_WITHIN_S:.0f} s",
        "NATS waits 30 s unless it is told otherwise: set ack_wait: 5s",
    )


def _will(bench: Bench) -> Finding:
    topic = bench.retained("will")
    with bench.probe() as watcher, closing(bench.probe(will=Will(topic, b"gone"))) as mortal:
        watcher.subscribe(topic)
        mortal.connect()
        mortal.abort()
        began = time.monotonic()
        if not watcher.wait_messages(1):
            return Finding(Result.FAIL, "no will after an abrupt end", "without wills a dead gateway looks alive")
        return Finding(Result.OK, f"published {_ms(began)} after an abrupt end")


def _round_trip(bench: Bench) -> Finding:
    topic = bench.topic("round-trip")
    took_ms: list[float] = []
    until = time.monotonic() + ROUND_TRIPS_WITHIN_S
    with bench.probe() as probe:
        probe.subscribe(topic)
        while len(took_ms) < ROUND_TRIPS and time.monotonic() < until:
            began = time.monotonic()
            probe.messages.clear()
            probe.send(topic, b"x" * 120)
            if not probe.wait_messages(1):
                return Finding(Result.FAIL, f"message {len(took_ms) + 1} did not come back")
            took_ms.append((time.monotonic() - began) * 1000)
    return judge_round_trips(took_ms)


def judge_round_trips(took_ms: list[float]) -> Finding:
    """Return the median and the 99th percentile, with a hint where the tail is that of Nagle's algorithm."""
    median, p99 = statistics.median(took_ms), sorted(took_ms)[max(0, -(-len(took_ms) * 99 // 100) - 1)]
    measured = f"median {median:.2f} ms, p99 {p99:.2f} ms, {len(took_ms)} messages of QoS 1"
    if p99 - median >= NAGLE_TAIL_MS:
        return Finding(Result.WARN, measured, _NAGLE_ADVICE)
    return Finding(Result.OK, measured)


def _bursts(bench: Bench) -> Finding:
    """Send several messages at once: only then does a broker hold an acknowledgement back."""
    took_ms: list[float] = []
    with bench.probe() as probe:
        for _ in range(BURSTS):
            began = time.monotonic()
            waiting = [probe.send(bench.topic("burst"), b"x" * 120) for _ in range(BURST)]
            if not probe.wait_acknowledged(waiting):
                return Finding(Result.FAIL, f"a burst of {BURST} messages was not acknowledged")
            took_ms.append((time.monotonic() - began) * 1000)
    return judge_bursts(took_ms)


def judge_bursts(took_ms: list[float]) -> Finding:
    """Return how long bursts took, with a hint where several of them waited for Nagle's algorithm."""
    late = sum(took >= NAGLE_TAIL_MS for took in took_ms)
    measured = f"{BURST} messages at once: median {statistics.median(took_ms):.2f} ms, longest {max(took_ms):.2f} ms"
    if late >= LATE_BURSTS and min(took_ms) < NAGLE_TAIL_MS:
        return Finding(Result.WARN, f"{measured}; {late} of {len(took_ms)} late", _NAGLE_ADVICE)
    return Finding(Result.OK, measured)


_NAGLE_ADVICE = "a 40 ms tail goes away with set_tcp_nodelay true (Mosquitto)"
_ANSWERS, _SPEAKS, DELIVERS = "broker reachable", "mqtt 3.1.1", "delivery"
BROKER_CHECKS: tuple[Check[Bench], ...] = (
    Check(_ANSWERS, _reachable, advice="start the broker, or name another with --broker mqtt://host:1883"),
    Check(_SPEAKS, _mqtt_311, (_ANSWERS,), advice="check the user and the password of --broker"),
    Check("mqtt 5", _mqtt_5, (_SPEAKS,)),
    Check("broker version", _version, (_SPEAKS,)),
    Check(DELIVERS, _delivery, (_SPEAKS,)),
    Check("retained", _retained, (DELIVERS,)),
    Check("wildcard", _wildcard, (DELIVERS,), advice=_RETAINED_ADVICE),
    Check("persistent session", _session, (DELIVERS,), advice=SESSION_ADVICE),
    Check("redelivery", _redelivery, (DELIVERS,)),
    Check("will", _will, (DELIVERS,)),
    Check("round trip", _round_trip, (DELIVERS,)),
    Check("bursts", _bursts, (DELIVERS,)),
)
