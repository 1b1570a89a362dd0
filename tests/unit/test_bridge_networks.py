"""The networks' JSON, as documented: what is zero is left out."""

from __future__ import annotations

import json

import pytest
from bridge_world import EUI, NETWORKS, chirpstack, chirpstack_join, ttn

from broker_bridge.bridge.networks import Mapping, json_parser, parse_chirpstack, parse_ttn
from broker_bridge.bridge.uplink import UplinkError, device_name, time_ms

AT = 1_790_000_000_123
PARSERS = {"chirpstack": parse_chirpstack, "ttn": parse_ttn}


@pytest.mark.parametrize("network", PARSERS)
def test_an_uplink_has_all_its_fields(network):
    uplink = PARSERS[network](*NETWORKS[network](7, b"\x01\xff", AT, port=2))
    assert (uplink.device, uplink.f_cnt, uplink.port, uplink.frame) == (EUI, 7, 2, b"\x01\xff")
    assert (uplink.at_ms, uplink.session) == (AT, "01a2b3c4")
    assert uplink.rssi_dbm == (-101 if network == "chirpstack" else -35)


@pytest.mark.parametrize("network", PARSERS)
def test_fields_left_out_are_zero(network):
    topic, payload = NETWORKS[network](0, b"", AT, port=0)
    assert b"cnt" not in payload.lower()
    uplink = PARSERS[network](topic, payload)
    assert (uplink.f_cnt, uplink.port, uplink.frame) == (0, 0, b"")


def test_a_join_is_told_and_other_events_are_not():
    joined = parse_chirpstack(*chirpstack_join(AT))
    assert joined.joined
    assert joined.at_ms == AT
    assert parse_chirpstack(f"application/app/device/{EUI}/event/status", b"{}") is None
    assert parse_ttn(f"v3/app/devices/eui-{EUI}/down/ack", b"{}") is None


def test_the_network_servers_clock_wins_over_a_gateways_that_is_wrong():
    topic, payload = chirpstack(1, b"", AT)
    event = json.loads(payload)
    event["rxInfo"][0]["nsTime"] = "2026-09-21T14:13:20.000Z"
    event["time"] = "2001-01-01T00:00:00Z"
    assert parse_chirpstack(topic, json.dumps(event).encode()).at_ms == time_ms("2026-09-21T14:13:20.000Z")


def test_ttn_time_is_the_servers_and_nanoseconds_are_read():
    topic, payload = ttn(1, b"", AT)
    event = json.loads(payload)
    event["uplink_message"]["received_at"] = "2026-09-21T14:13:20.123456789Z"
    assert parse_ttn(topic, json.dumps(event).encode()).at_ms == time_ms("2026-09-21T14:13:20.123Z")


def test_any_json_is_read_by_paths_and_topic_levels():
    parse = json_parser(Mapping(device="topic:1", time="a.0.t", f_cnt="a.0.n"))
    uplink = parse("x/Sensor_7/y", json.dumps({"a": [{"t": 1_790_000_000, "n": "12"}], "status": "free"}).encode())
    assert (uplink.device, uplink.at_ms, uplink.f_cnt) == ("sensor_7", 1_790_000_000_000, 12)
    assert uplink.json["status"] == "free"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"deviceInfo": 3}',
        b'{"deviceInfo": {"devEui": "no spaces please"}}',
        b'{"fCnt": -1}',
        b'{"fCnt": 4294967296}',
        b'{"fCnt": true}',
        b'{"fPort": 256}',
        b'{"data": "***"}',
        b'{"data": 7}',
        b"[" * 50_000,
        b'{"a": "' + b"x" * 40_000 + b'"}',
    ],
)
def test_what_is_not_documented_is_one_error(payload):
    with pytest.raises(UplinkError):
        parse_chirpstack(f"application/a/device/{EUI}/event/up", payload)


def test_an_eui_has_one_spelling():
    assert device_name("70-B3-D5-7E-D0-00-10-01") == device_name("70B3D57ED0001001") == EUI
