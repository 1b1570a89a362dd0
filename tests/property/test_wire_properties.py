"""Whatever comes in: it decodes or it is a BadMessageError; what goes out comes in again."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker_bridge.wire.codec import PAYLOAD_BYTES_MAX, decode, encode
from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.times import format_rfc3339, parse_rfc3339
from broker_bridge.wire.topics import TopicKind, build, is_name, matches, parse, subscription

KINDS = st.sampled_from(list(TopicKind))
NAMES = st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True)
# 0001-01-01 and 9999-12-31, the ends of Python's calendar.
TIMES = st.integers(-62_135_596_800_000, 253_402_300_799_999)
FIELDS = ("type", "request_id", "bay", "seq", "boot_id", "observed_at", "status", "from", "until", "online", "position")
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | TIMES.map(format_rfc3339)
    | st.sampled_from(["request", "cancel", "once", "weekly", "register", "free", "r-1", "b-1"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=8),
    max_leaves=20,
)


def decodes_or_is_refused(kind, payload):
    try:
        message = decode(kind, payload)
    except BadMessageError:
        return
    assert decode(kind, encode(message)) == message


@given(kind=KINDS, payload=st.binary(max_size=300))
def test_any_bytes(kind, payload):
    decodes_or_is_refused(kind, payload)


@given(kind=KINDS, value=JSON)
@example(kind=TopicKind.OCCUPANCY, value={"boot_id": 10**400, "seq": 0})
def test_any_json(kind, value):
    decodes_or_is_refused(kind, json.dumps(value).encode())


@given(status=st.sampled_from(["free", "occupied", "unknown"]), seq=st.integers(0, 2**53), at=TIMES)
def test_valid_occupancy_round_trips(status, seq, at):
    fields = {"boot_id": 0, "seq": seq, "observed_at": format_rfc3339(at), "status": status}
    message = decode(TopicKind.OCCUPANCY, json.dumps(fields).encode())
    assert message.observed_at == at
    assert decode(TopicKind.OCCUPANCY, encode(message)) == message


@given(kind=KINDS, size=st.integers(PAYLOAD_BYTES_MAX + 1, PAYLOAD_BYTES_MAX * 2))
def test_nothing_above_the_limit_is_looked_at(kind, size):
    with pytest.raises(BadMessageError, match="too_large"):
        decode(kind, b" " * size)


@given(at=TIMES)
def test_times_round_trip(at):
    assert parse_rfc3339(format_rfc3339(at)) == at


@given(text=st.text(alphabet="0123456789-+:.TtZz ", max_size=35) | st.text(max_size=35))
@example(text="9999-12-31T23:59:59.9999Z")
@example(text="0001-01-01T00:00:00+23:59")
def test_any_text_is_a_time_that_can_be_said_again_or_a_value_error(text):
    try:
        at = parse_rfc3339(text)
    except ValueError:
        return
    assert parse_rfc3339(format_rfc3339(at)) == at


@given(kind=KINDS, data=st.data())
def test_topics_round_trip_and_match_their_subscription(kind, data):
    wanted = [level[1:-1] for level in kind.value.split("/") if level.startswith("{")]
    city, *values = (data.draw(NAMES) for _ in range(len(wanted) + 1))
    names = dict(zip(wanted, values, strict=True))
    topic = build(kind, city, **names)
    assert (parse(topic).kind, parse(topic).city, dict(parse(topic).names)) == (kind, city, names)
    assert matches(subscription(kind, city), topic)
    assert matches(subscription(kind, city, **names), topic)
    for other in TopicKind:
        assert other is kind or not matches(subscription(other, city), topic)


@given(levels=st.lists(st.text(max_size=8) | NAMES | st.sampled_from(["bays", "status", "gateways"]), max_size=9))
@example(levels=["c", "gateways", "g", "anything", "z", "b", "occupancy"])
def test_any_topic_parses_to_itself_or_is_refused(levels):
    topic = "/".join(["parking/v1", *levels])
    try:
        parsed = parse(topic)
    except BadMessageError:
        return
    assert build(parsed.kind, parsed.city, **parsed.names) == topic


@given(text=st.text(max_size=70))
def test_a_name_is_of_the_alphabet(text):
    assert is_name(text) == (1 <= len(text) <= 64 and set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-"))
