"""What decodes, what is refused and under which name, and how strict times are."""

from __future__ import annotations

import json

import pytest

from broker_bridge.wire.codec import PAYLOAD_BYTES_MAX, decode, encode
from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.messages import Occupancy, OfferOnce, RequestBay
from broker_bridge.wire.times import format_rfc3339, parse_rfc3339
from broker_bridge.wire.topics import TopicKind

AT = 1_772_442_000_123
READING = {"boot_id": AT, "seq": 0, "observed_at": "2026-03-02T09:00:00.123Z", "status": "free"}
ASK = {
    "type": "request",
    "request_id": "r-1",
    "vehicle_id": "v",
    "destination": {"lat": 37.5, "lon": 126.9},
    "arrive_at": "2026-03-02T09:00:00Z",
    "stay_min": 60,
    "max_walk_m": 300,
}


def said(kind, fields):
    return decode(kind, json.dumps(fields).encode())


def refused(kind, payload):
    with pytest.raises(BadMessageError) as caught:
        decode(kind, payload)
    return caught.value


def test_decodes_and_encodes():
    message = said(TopicKind.OCCUPANCY, READING)
    assert message == Occupancy(boot_id=AT, seq=0, observed_at=AT, status="free")
    assert json.loads(encode(message)) == READING


def test_ignores_fields_that_it_does_not_know():
    assert said(TopicKind.OCCUPANCY, READING | {"colour": "red"}) == said(TopicKind.OCCUPANCY, READING)


def test_tells_the_variants_of_a_request_apart():
    assert isinstance(said(TopicKind.DRIVER_REQUEST, ASK), RequestBay)
    without = {key: value for key, value in ASK.items() if key != "type"}
    assert refused(TopicKind.DRIVER_REQUEST, json.dumps(without).encode()).reason == "wrong_fields"


def test_from_is_the_name_on_the_wire():
    offer = OfferOnce(request_id="r", bay="b", from_at=AT, until=AT + 1)
    assert json.loads(encode(offer))["from"] == "2026-03-02T09:00:00.123Z"
    assert decode(TopicKind.RESIDENT_OFFER, encode(offer)) == offer


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\xfe", b"nul", b'{"a":1}x', b"[" * 10_000, b'{"a":NaN,}'])
def test_what_is_not_json(payload):
    assert refused(TopicKind.OCCUPANCY, payload).reason == "not_json"


@pytest.mark.parametrize(
    "change",
    [
        {"seq": "0"},
        {"seq": 0.5},
        {"seq": -1},
        {"seq": True},
        {"seq": 2**53 + 1},
        {"boot_id": None},
        {"status": "FREE"},
        {"status": 1},
        {"confidence": 1.01},
        {"observed_at": AT},
        {"observed_at": "2026-03-02T09:00:00"},
    ],
)
def test_wrong_fields(change):
    assert refused(TopicKind.OCCUPANCY, json.dumps(READING | change).encode()).reason == "wrong_fields"


@pytest.mark.parametrize("payload", [b"null", b"[]", b"1", b'"x"', b"{}"])
@pytest.mark.parametrize("kind", TopicKind)
def test_json_of_another_shape(kind, payload):
    assert refused(kind, payload).reason == "wrong_fields"


@pytest.mark.parametrize("change", [{"stay_min": 4}, {"max_walk_m": 5_001}, {"vehicle_id": ""}, {"request_id": "a b"}])
def test_request_out_of_bounds(change):
    assert refused(TopicKind.DRIVER_REQUEST, json.dumps(ASK | change).encode()).reason == "wrong_fields"


@pytest.mark.parametrize("digits", ["٠٩:00", "24:01", "9:00", "09:60", "09:00\n"])
def test_wall_time_is_strict(digits):
    offer = {"type": "weekly", "request_id": "r", "bay": "b", "rrule": "FREQ=DAILY", "start": digits, "end": "18:00"}
    assert refused(TopicKind.RESIDENT_OFFER, json.dumps(offer).encode()).reason == "wrong_fields"


def test_the_limit_is_16_kib_exactly():
    short = json.dumps(READING).encode()
    fits = short + b" " * (PAYLOAD_BYTES_MAX - len(short))
    assert decode(TopicKind.OCCUPANCY, fits) == said(TopicKind.OCCUPANCY, READING)
    assert refused(TopicKind.OCCUPANCY, fits + b" ").reason == "too_large"


def test_says_which_field_is_wrong_and_not_its_value():
    error = refused(TopicKind.DRIVER_REQUEST, json.dumps(ASK | {"destination": {"lat": 999, "lon": 1}}).encode())
    assert "destination.lat" in error.detail
    assert "999" not in error.detail


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-03-02T09:00:00.123Z", AT),
        ("2026-03-02T18:00:00.123+09:00", AT),
        ("2026-03-02t09:00:00.123z", AT),
        ("2026-03-02T09:00:00.1234Z", AT),
        ("2100-01-01T00:00:00Z", 4_102_444_800_000),
    ],
)
def test_rfc3339_times(text, at_ms):
    assert parse_rfc3339(text) == at_ms


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02",
        "2026-03-02T09:00:00",
        "2026-03-02 09:00:00Z",
        "2026-03-02T09:00Z",
        "2026-3-2T09:00:00Z",
        "2026-02-30T09:00:00Z",
        "2026-03-02T25:00:00Z",
        "2026-03-02T09:00:61Z",
        "2026-03-02T09:00:00+0900",
        "2026-03-02T09:00:00+99:00",
        "2026-03-02T09:00:00.Z",
        "2026-03-02T09:00:00Z\n",
        "٢٠٢٦-03-02T09:00:00Z",
        "0000-01-01T00:00:00Z",
        "",
        None,
        0,
    ],
)
def test_no_rfc3339_times(text):
    with pytest.raises(ValueError, match=r"."):
        parse_rfc3339(text)


def test_formats_with_milliseconds_before_1970_too():
    assert format_rfc3339(-1) == "1969-12-31T23:59:59.999Z"
