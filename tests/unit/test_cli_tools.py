"""The parts of tap, doctor and bays that need no broker."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from baybroker.cli.bays import operator_name
from baybroker.cli.tap import Pretty, full_filter, seen
from baybroker.doctor.broker import BURSTS, judge_bursts, judge_round_trips
from baybroker.doctor.checks import Check, Finding, Result, run_checks
from baybroker.register.broker import BAYS_A_MESSAGE
from broker_bridge.transport.base import BrokerAddress, Delivery, TransportError
from broker_bridge.wire import codec
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.messages import BayRecord, RegisterBays
from broker_bridge.wire.times import parse_rfc3339

AT = parse_rfc3339("2026-03-02T09:00:00.123Z")
STATE = "parking/v1/seoul/bays/z-1/b-1/state"


def delivery(topic: str, payload: bytes) -> Delivery:
    return Delivery(topic, payload, retained=True, ack=lambda: None)


@pytest.mark.parametrize(
    ("given", "city", "expected"),
    [
        (None, None, "parking/v1/+/#"),
        (None, "seoul", "parking/v1/seoul/#"),
        ("bays/#", "seoul", "parking/v1/seoul/bays/#"),
        ("clock", None, "parking/v1/+/clock"),
        ("parking/v1/busan/clock", "seoul", "parking/v1/busan/clock"),
    ],
)
def test_a_filter_is_taken_as_below_the_city(given, city, expected):
    assert full_filter(given, city) == expected


@pytest.mark.parametrize("given", ["", "bays//state", "#/state", "ba+", "bays/#x"])
def test_what_no_broker_takes_is_refused(given):
    with pytest.raises(SettingsError, match="no MQTT filter"):
        full_filter(given, "seoul")


def test_a_line_has_the_message_as_it_is_on_the_wire():
    line = seen(delivery(STATE, b'{"status":"reserved","until":"2026-03-02T10:00:00Z","position":7,"new":1}'), AT)
    assert line == {
        "topic": STATE,
        "kind": "bay_state",
        "names": {"zone": "z-1", "bay": "b-1"},
        "retained": True,
        "received_at": "2026-03-02T09:00:00.123Z",
        "payload": {"position": 7, "status": "reserved", "until": "2026-03-02T10:00:00.000Z"},
    }


def test_a_cleared_topic_is_no_error():
    assert seen(delivery(STATE, b""), AT)["payload"] is None


def test_what_is_not_valid_shows_why_and_what():
    line = seen(delivery("parking/v1/seoul/Bays", b"\xff{"), AT)
    assert line["kind"] is None
    assert line["error"].startswith("topic_unknown")
    assert line["raw"] == "\\xff{"


def test_a_pretty_line_is_one_line_of_the_terminal():
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    pretty = Pretty(console)
    shown = pretty.line(seen(delivery(STATE, b'{"status":"free"}' * 50), AT))
    assert "NOT VALID" in shown
    assert len(shown) <= 80
    assert "status=closed" in pretty.line(seen(delivery(STATE, b'{"status":"closed","position":1}'), AT))


def test_a_check_runs_only_when_what_it_needs_is_ok():
    def broken(_: None) -> Finding:
        raise TransportError("no answer")

    checks = (
        Check("a", lambda _: Finding(Result.OK, "1")),
        Check("b", broken, ("a",), advice="mend it"),
        Check("c", lambda _: Finding(Result.OK, "2"), ("a", "b")),
        Check("d", lambda _: Finding(Result.WARN, "3"), ("a",)),
        Check("e", lambda _: Finding(Result.OK, "4"), ("d",)),
    )
    assert [(row.check, row.result, row.measured, row.advice) for row in run_checks(checks, None)] == [
        ("a", "ok", "1", ""),
        ("b", "fail", "no answer", "mend it"),
        ("c", "skipped", "needs: b", ""),
        ("d", "warn", "3", ""),
        ("e", "skipped", "needs: d", ""),
    ]


def test_a_40_ms_tail_is_told_from_a_slow_network():
    assert judge_round_trips([0.4] * 197 + [41.0] * 3).result is Result.WARN
    assert judge_round_trips([0.4] * 198 + [41.0] * 2).result is Result.OK
    assert judge_round_trips([80.0] * 200).result is Result.OK
    assert "median 0.40 ms, p99 41.00 ms" in judge_round_trips([0.4] * 197 + [41.0] * 3).measured


def test_several_late_bursts_are_told_from_a_pause():
    late = judge_bursts([2.0] * (BURSTS - 2) + [42.0] * 2)
    assert late.result is Result.WARN
    assert "set_tcp_nodelay" in late.advice
    assert judge_bursts([2.0] * (BURSTS - 1) + [42.0]).result is Result.OK
    assert judge_bursts([90.0] * BURSTS).result is Result.OK


def test_the_longest_bays_fit_into_a_message():
    name, number = "x" * 64, -12.345678901234567
    record = BayRecord(
        bay=name, zone=name, lat=number, lon=-112.34567890123456, gateway=name, resident=name,
        needs=["accessible", "ev", "large"], tariff=name,
    )  # fmt: skip
    payload = codec.encode(RegisterBays(request_id=name, bays=[record] * BAYS_A_MESSAGE))
    assert len(payload) <= codec.PAYLOAD_BYTES_MAX
    assert len(json.loads(payload)["bays"]) == BAYS_A_MESSAGE


@pytest.mark.parametrize(
    ("user", "expected"), [("op-7", "op-7"), ("operator", "operator"), ("gw-1", "op-cli"), (None, "op-cli")]
)
def test_the_operator_is_the_user_where_the_access_rules_know_it(user, expected):
    assert operator_name(BrokerAddress("localhost", 1883, user)) == expected
