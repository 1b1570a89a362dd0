"""Frames written from the documented layouts: each type of each device, and the traps between them."""

from __future__ import annotations

import pytest
from device_frames import NAMES, PROFILES, decode

from broker_bridge.devices import FrameError, Profile, Reading
from broker_bridge.devices.nwave import NwaveNps405

# profile, port, frame -> kind, status, the other shared fields, some of the device's own
LAYOUTS = [
    ("bosch-tps110", 2, "00", "heartbeat", "free", {}, {}),
    ("bosch-tps110", 2, "00d8", "heartbeat", "free", {"temperature_c": -40.0}, {}),
    # 12-bit debug codes, little-endian; the upper half of the second byte is not theirs
    (
        "bosch-tps110", 3, "24f300007503000000000000001d020301", "startup", "occupied", {},
        {"debug_codes": [804, 885], "firmware": "0.29.2", "reset_cause": "system request"},
    ),
    ("bosch-tps110", 3, "000000000000000000000000001d020900", "startup", "free", {}, {"reset_cause": "unknown"}),
    ("bosch-tps110", 4, "0102", "other", None, {}, {"type": "device information", "bytes": "0102"}),
    ("bosch-tps110", 6, "10000000c9f000000201", "other", None, {}, {
        "timestamp": 16, "debug_code": 201, "sequence_number": 258,
    }),
    ("nwave-nps310", 3, "010d000200", "startup", "free", {}, {"firmware": "1.13.0", "reset_cause": "power_on"}),
    ("nwave-nps310", 3, "010d000401", "startup", "occupied", {}, {"reset_cause": "brownout"}),
    ("nwave-nps405", 3, "0204090001", "startup", "occupied", {}, {"reset_cause": "rejoining_lorawan_network"}),
    ("nwave-nps405", 3, "0204090600", "startup", "free", {}, {"firmware": "2.4.9", "reset_cause": "brownout"}),
    # the last code of each step of the compressed duration
    ("nwave-nps405", 1, "b3", "status", "occupied", {"previous_state_s": 89 * 60}, {"previous_state_error_s": 0}),
    ("nwave-nps405", 1, "ee", "status", "free", {"previous_state_s": 235 * 60}, {"previous_state_error_s": 240}),
    ("nwave-nps405", 1, "ff", "status", "occupied", {"previous_state_s": 660 * 60}, {"previous_state_overflow": True}),
    # the health must not take the status bit for one of its own
    ("nwave-nps405", 2, "01d3d8", "heartbeat", "occupied", {"battery_v": 3.344, "temperature_c": -10.0}, {
        "hw_health_status": 0, "battery_health": "normal",
    }),
    ("nwave-nps405", 2, "00737f", "heartbeat", "free", {"battery_v": 2.96, "temperature_c": 73.5}, {
        "battery_health": "low", "fault": "battery low",
    }),
    ("nwave-nps405", 2, "0073d8", "heartbeat", "free", {"battery_v": 2.96, "temperature_c": -10.0}, {
        "battery_health": "normal",
    }),
    ("nwave-nps405", 2, "005080", "heartbeat", "free", {"battery_v": 2.82, "temperature_c": -54.0}, {
        "battery_health": "low",
    }),
    ("nwave-nps405", 2, "0000e2", "heartbeat", "free", {"battery_v": 2.5, "temperature_c": -5.0}, {
        "fault": "battery critical",
    }),
    # a tag's registration: the old layout, the new one with the tag's battery, and without a car
    ("nwave-nps405", 10, "d11f345678", "other", "occupied", {"previous_state_s": 160 * 60}, {"tag_id": "1F345678"}),
    ("nwave-nps405", 10, "d1200f345678", "other", "occupied", {"previous_state_s": 160 * 60}, {
        "tag_id": "0F345678", "tag_battery_v": 3.2,
    }),
    ("nwave-nps405", 10, "d01f345678", "other", None, {}, {"tag_id": "1F345678"}),
    ("nwave-ncc405", 1, "ffff", "other", None, {}, {"counter_value": 65535}),
    ("nwave-ncc405", 3, "010d0003", "startup", None, {}, {"firmware": "1.13.0", "reset_cause": "user_request"}),
    ("libelium-v2", None, "80041e01ad109393ee00c7", "status", "occupied", {"battery_v": 3.596, "temperature_c": 30.0}, {
        "x": 429, "y": 4243, "z": -27666, "frame_counter": 4,
    }),
    ("libelium-v2", None, "4114160011f35a1095f3b5", "heartbeat", "free", {"temperature_c": 17.0}, {
        "hour": 22, "minute": 0, "battery_low": True, "fault": "battery low",
    }),
    ("libelium-v2", None, "829f665700000d9f02ff00", "other", "occupied", {}, {
        "sensor_measurements": 26199, "lorawan_transmissions": 3487, "resets": 2, "config_id": 255,
    }),
    ("libelium-v2", None, "03030ff601921085853ac6", "error", "free", {"battery_v": 3.592, "temperature_c": -10.0}, {
        "error_data": 15, "fault": "Z axis, Y axis, X axis, RTC",
    }),
    ("libelium-v2", None, "04001e0e7cf2d9f91e0ddf", "startup", "free", {"battery_v": 3.551, "temperature_c": 30.0}, {
        "x_reference": 3708,
    }),
    ("libelium-v2", None, "050106160801010100014b", "startup", "free", {}, {"firmware": "6", "threshold": 75}),
    ("libelium-v2", None, "060a00001f00c60561ed91", "other", "free", {}, {"frame_type_name": "RTC_SYNC"}),
    ("libelium-v1", None, "8005ffc00001fffe00030000", "status", "occupied", {}, {
        "temperature_raw": -64, "x": 1, "y": -2, "z": 3,
    }),
    ("libelium-v1", None, "01050e1e003f0001fffe0003", "heartbeat", "free", {}, {"hour": 14, "minute": 30, "z": 3}),
    ("libelium-v1", None, "0305200000000000000000c7", "error", "free", {}, {"fault": "Sigfox", "battery_level": 199}),
    ("libelium-v1", None, "0400003f34b909173f600fc2", "startup", "free", {"battery_v": 4.034}, {"y_reference": 2327}),
    ("pni-placepod", None, "376601", "heartbeat", "occupied", {}, {"keep_alive": True}),
    ("pni-placepod", 7, "0267ff380302014c376600", "heartbeat", "free", {
        "battery_v": 3.32, "temperature_c": -20.0,
    }, {}),
    ("pni-placepod", None, "370005026700e1", "heartbeat", None, {"temperature_c": 22.5}, {"vehicle_count": 5}),
    ("pni-placepod", None, "210005", "other", None, {}, {"vehicle_count": 5}),
    ("pni-placepod", None, "1c0101", "other", None, {}, {"deactivate_response": 1}),
    ("tekzitel-tekzipark", 1, "292e62", "heartbeat", "free", {"temperature_c": 46.0}, {"parking_id": 98}),
    ("tekzitel-tekzipark", 1, "82f601", "startup", "occupied", {"temperature_c": -10.0}, {"fault": "battery low"}),
    ("tekzitel-tekzipark", 1, "b02d63b0", "status", "occupied", {}, {"fault": "obstructed", "beacons": []}),
    ("tekzitel-tekzipark", 2, "a02d63ff0102fefdfc00030a", "other", "occupied", {"temperature_c": 45.0}, {
        "deflection_x": -1, "baseline_z": -4, "reflection": 10,
    }),
    ("tekzitel-tekzipark", 2, "a02d63ff0102fefdfc05030a", "error", "occupied", {}, {"fault": "code 5"}),
    ("milesight-em310-udl", 85, "01755c0382e803040000", "status", "occupied", {"battery_pct": 92.0}, {
        "distance_mm": 1000, "position": "normal",
    }),
    ("milesight-em310-udl", None, "017564", "heartbeat", None, {"battery_pct": 100.0}, {}),
    ("milesight-em310-udl", 85, "0382ffff", "status", "unknown", {}, {"fault": "no echo"}),
    ("milesight-em400-mud", 85, "03679cff0482d007", "status", "free", {"temperature_c": -10.0}, {}),
    ("milesight-em400-mud", 85, "b482140001", "status", "occupied", {}, {"distance_blind": True}),
    ("milesight-em400-mud", 85, "ff0bffff0101ff166329c42503920003ff090140ff0a0114ff0f00", "startup", None, {}, {
        "firmware": "1.14", "hardware": "1.4", "serial_number": "6329c42503920003", "lorawan_class": "A",
    }),
]  # fmt: skip


@pytest.mark.parametrize(("name", "port", "frame", "kind", "status", "shared", "own"), LAYOUTS)
def test_documented_layout(name, port, frame, kind, status, shared, own):
    reading = decode(name, port, frame)
    assert (reading.kind, reading.status) == (kind, status)
    assert {field: getattr(reading, field) for field in shared} == shared
    assert {field: reading.fields.get(field) for field in own} == own


def test_every_profile_is_there():
    assert tuple(PROFILES) == NAMES


@pytest.mark.parametrize(
    ("name", "port", "frame", "reason"),
    [
        ("bosch-tps110", 7, "01", "a wrong port, it sends on 1, 2, 3, 4, 5, 6"),
        ("bosch-tps110", None, "01", "its port tells what a frame means, and none was given"),
        ("bosch-tps110", 1, "", "0 bytes, at least 1 are needed"),
        ("bosch-tps110", 3, "24030000750300000000000000001d02", "16 bytes, at least 17 are needed"),
        ("nwave-nps405", 2, "01d3", "2 bytes, at least 3 are needed"),
        ("nwave-nps405", 10, "d11f3456", "4 bytes, at least 5 are needed"),
        ("nwave-nps405", 10, "d1201f34567800", "7 bytes, a tag's registration has 5 or 6"),
        ("nwave-ncc405", 10, "d11f345678", "a wrong port, it sends on 1, 2, 3, 6"),
        ("libelium-v1", None, "0001000000000000000000", "11 bytes, a frame of this firmware has 12"),
        ("libelium-v2", None, "000100000000000000000000", "12 bytes, a frame of this firmware has 11"),
        ("libelium-v1", None, "060000000000000000000000", "an unknown frame type, 6"),
        ("libelium-v2", None, "0f00000000000000000000", "an unknown frame type, 15"),
        ("pni-placepod", None, "1566", "2 bytes, at least 3 are needed"),
        ("pni-placepod", None, "15660102", "4 bytes, at least 5 are needed"),
        ("pni-placepod", None, "156602", "an unknown parking status, 2"),
        ("pni-placepod", None, "15660155aa00", "an unknown channel and type, 55 aa"),
        ("tekzitel-tekzipark", 1, "a82d", "2 bytes, at least 3 are needed"),
        ("tekzitel-tekzipark", 1, "a82d63b000", "5 bytes, the last beacon is cut"),
        ("tekzitel-tekzipark", 2, "a82d63", "3 bytes, at least 12 are needed"),
        ("tekzitel-tekzipark", 3, "a82d63", "a wrong port, it sends on 1, 2"),
        ("milesight-em310-udl", 100, "038210", "3 bytes, at least 4 are needed"),
        ("milesight-em310-udl", 1, "03821000", "a wrong port, it sends on 85, 100"),
        ("milesight-em310-udl", 85, "03670101", "an unknown channel and type, 03 67"),
        ("generic-json", None, "7b", "it is no JSON"),
        ("generic-json", None, "5b5d", "it is no JSON object"),
    ],
)
def test_a_frame_that_is_not_the_devices_is_refused_with_its_bytes(name, port, frame, reason):
    with pytest.raises(FrameError) as refused:
        decode(name, port, frame)
    error = refused.value
    assert (error.reason, error.profile, error.port, error.frame.hex()) == (reason, name, port, frame)
    assert str(error).startswith(f"{name}: {reason} (frame '{frame}'")


def test_a_long_frame_is_shown_cut():
    with pytest.raises(FrameError) as refused:
        decode("libelium-v2", None, "ab" * 200)
    assert refused.value.frame == b"\xab" * 200
    assert str(refused.value).endswith(f"(frame '{'ab' * 64}...' without a port)")


@pytest.mark.parametrize(
    ("distance_mm", "before", "status"),
    [
        (1499, "free", "occupied"),
        (1500, "free", "free"),
        (1500, "occupied", "occupied"),
        (1800, "occupied", "occupied"),
        (1800, "free", "free"),
        (1650, None, "unknown"),
        (1650, "unknown", "unknown"),
        (1801, "occupied", "free"),
        (10_001, "occupied", "unknown"),
    ],
)
def test_between_the_thresholds_the_status_stays(distance_mm, before, status):
    for name, head in (("milesight-em310-udl", "0382"), ("milesight-em400-mud", "0482")):
        frame = head + distance_mm.to_bytes(2, "little").hex()
        assert decode(name, 85, frame, before=before).status == status


def early(codec):
    shipped = PROFILES["nwave-nps405"]
    return Profile("early", "Nwave", "NPS405", "1", 1, shipped.ports, "test", "", codec)


def test_the_bit_order_of_the_nps405_is_the_profiles():
    frame = b"\x95"
    said = early(NwaveNps405(family="nwave-nps405", occupied_bit=7)).decode(frame, 1)
    assert (said.status, said.previous_state_s) == ("occupied", 21 * 60)
    assert PROFILES["nwave-nps405"].decode(frame, 1).previous_state_s == 74 * 60
    beat = early(NwaveNps405(family="nwave-nps405", occupied_bit=7)).decode(b"\x85\xd3\xd8", 2)
    assert (beat.status, beat.fields["hw_health_status"]) == ("occupied", 5)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"status": "Occupied"}, {"kind": "status", "status": "occupied"}),
        ({"status": 0, "battery_pct": 80}, {"kind": "status", "status": "free", "battery_pct": 80.0}),
        ({"status": True, "previous_state_s": 90.0}, {"status": "occupied", "previous_state_s": 90}),
        ({"status": None, "temperature_c": -3.5}, {"kind": "heartbeat", "status": None, "temperature_c": -3.5}),
        ({"fault": "no echo"}, {"kind": "error", "status": None, "fields": {"fault": "no echo"}}),
        ({"status": "free", "firmware": 2.1, "other": []}, {"fields": {"firmware": "2.1"}}),
    ],
)
def test_generic_json(payload, expected):
    reading = PROFILES["generic-json"].decode_json(payload)
    assert {field: getattr(reading, field) for field in expected} == expected


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, "it has none of the fields status, battery_v"),
        ({"other": 1}, "it has none of the fields"),
        ({"status": "maybe"}, "the profile has no word for the status 'maybe'"),
        ({"status": 2}, "the profile has no word for the status 2"),
        ({"status": ["free"]}, "the profile has no word for the status that is a list"),
        ({"battery_v": "3.6"}, "battery_v is no number"),
        ({"battery_v": True}, "battery_v is no number"),
        ({"battery_v": float("nan")}, "battery_v is out of its range"),
        ({"temperature_c": 10**400}, "temperature_c is out of its range"),
        ({"fault": {}}, "fault is no text"),
        (["free"], "it is no JSON object"),
    ],
)
def test_generic_json_refuses(payload, reason):
    with pytest.raises(FrameError, match=reason):
        PROFILES["generic-json"].decode_json(payload)


def test_a_device_of_bytes_reads_no_json():
    with pytest.raises(FrameError, match="it sends bytes, not JSON"):
        PROFILES["bosch-tps110"].decode_json({"status": "free"})


@pytest.mark.parametrize(
    ("name", "reading", "reason"),
    [
        ("bosch-tps110", Reading(kind="error", status="free"), "it sends no frame of the kind error"),
        ("bosch-tps110", Reading(kind="status"), "it cannot say that the status is None"),
        ("bosch-tps110", Reading(kind="status", status="unknown"), "it cannot say that the status is unknown"),
        ("bosch-tps110", Reading(kind="heartbeat", status="free", temperature_c=200), "temperature_c is out of"),
        ("bosch-tps110", Reading(kind="startup", status="free", fields={"firmware": "2"}), "firmware must be three"),
        ("nwave-ncc405", Reading(kind="status", status="free"), "it counts cars and says no status"),
        ("nwave-nps405", Reading(kind="heartbeat", status="free", battery_v=9.0), "battery_v is out of its range"),
        ("nwave-nps405", Reading(kind="heartbeat", status="free", battery_v=float("nan")), "battery_v is out of its"),
        (
            "tekzitel-tekzipark",
            Reading(kind="status", status="free", temperature_c=float("inf")),
            "temperature_c is out",
        ),
        (
            "bosch-tps110",
            Reading(kind="startup", status="free", fields={"debug_codes": ["x"]}),
            "debug_codes is no num",
        ),
        (
            "libelium-v1",
            Reading(kind="startup", status="free", fields={"frame_type": 5, "firmware": "x"}),
            "firmware is",
        ),
        ("milesight-em400-mud", Reading(kind="startup", fields={"firmware": "1.x"}), "firmware must be two numbers"),
        ("libelium-v2", Reading(kind="other", status="free"), "it sends no frame of the kind other"),
        ("pni-placepod", Reading(kind="heartbeat"), "a heartbeat needs a status, a battery or a temperature"),
        ("milesight-em310-udl", Reading(kind="status", status="free", temperature_c=20), "not measure the temperature"),
        ("generic-json", Reading(kind="status", status="free", battery_pct=float("nan")), "Out of range float"),
    ],
)
def test_what_a_device_cannot_say_is_refused(name, reading, reason):
    with pytest.raises(FrameError, match=reason):
        PROFILES[name].encode(reading)
