"""Any bytes on any port are a reading or a FrameError, and what a device can say survives its own bytes."""

from __future__ import annotations

import json

import pytest
from device_frames import NAMES, PROFILES, numbers, readings, said
from hypothesis import event, given
from hypothesis import strategies as st

from baybroker.cli.bridge import as_record
from broker_bridge.devices import FrameError, Reading

LENGTHS = {
    "bosch-tps110": (1, 2, 10, 17),
    "libelium-v1": (12,),
    "libelium-v2": (11,),
    "nwave-ncc405": (2, 3, 4),
    "nwave-nps405": (1, 3, 5, 6),
    "tekzitel-tekzipark": (3, 4, 6, 12),
}
CHAINS = {
    "pni-placepod": ("156601", "376600", "026700e1", "0267ff38", "03020168", "010101", "210003", "370004", "3f0101"),
    "milesight-em310-udl": ("01755c", "03824408", "0382e803", "038210ff", "040001", "ff0bff", "ff0a0114", "ff0f00"),
    "milesight-em400-mud": (
        "0175ff",
        "03670101",
        "83679cff01",
        "0482e803",
        "8482410601",
        "050000",
        "ff166329c42503920003",
    ),
}
PORTS = st.none() | st.integers(0, 255)
BEFORE = st.sampled_from([None, "free", "occupied", "unknown"])
WORDS = st.sampled_from(
    ["free", "OCCUPIED", " taken", "maybe", "", True, False, 0, 1, 2.5, None, float("nan"), 10**400]
)
JSON_FIELDS = ("status", "battery_v", "battery_pct", "temperature_c", "previous_state_s", "firmware", "fault", "other")
NESTED = st.recursive(
    WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(JSON_FIELDS), inner),
    max_leaves=6,
)
PAYLOADS = st.dictionaries(st.sampled_from(JSON_FIELDS), WORDS | NESTED)


def frames(name):
    kinds = [st.binary(max_size=24)]
    if name in LENGTHS:
        kinds += [st.sampled_from(LENGTHS[name]).flatmap(lambda size: st.binary(min_size=size, max_size=size))]
    if name in CHAINS:
        links = st.lists(st.sampled_from(CHAINS[name]), min_size=1, max_size=5)
        kinds += [links.map("".join).map(lambda text: bytes.fromhex(text + "0" * (len(text) % 2)))]
    if name == "generic-json":
        kinds += [PAYLOADS.map(json.dumps).map(str.encode)]
    return st.one_of(kinds)


def ports(profile):
    return st.sampled_from(profile.ports or (None,)) | PORTS


def outcome(profile, frame, port, before):
    try:
        return profile.decode(frame, port, before=before)
    except FrameError as error:
        return error


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_any_bytes_decode_or_raise_the_documented_error(name, data):
    profile = PROFILES[name]
    frame, port, before = data.draw(frames(name)), data.draw(ports(profile)), data.draw(BEFORE)
    reading = outcome(profile, frame, port, before)
    if isinstance(reading, FrameError):
        event("refused")
        assert (reading.profile, reading.port, reading.frame) == (name, port, frame)
        assert reading.reason in str(reading)
        assert len(str(reading).splitlines()) == 1
        return
    event(f"decoded: {reading.kind}")
    assert json.loads(json.dumps(as_record(reading), allow_nan=False))["kind"] == reading.kind
    try:
        again, sent = profile.encode(reading)
    except FrameError:
        event("not to be said")
        return
    assert said(profile.decode(sent, again, before=before)) == said(reading)


@given(payload=NESTED | PAYLOADS)
def test_any_json_decodes_or_raises_the_documented_error(payload):
    try:
        reading = PROFILES["generic-json"].decode_json(payload)
    except FrameError:
        return
    assert reading.kind in {"status", "heartbeat", "error"}


SAYABLE = {
    "bosch-tps110": readings(kinds="heartbeat", temperature_c=numbers(-128, 127)) | readings(kinds="status startup"),
    "generic-json": readings(
        kinds="status",
        statuses=("free", "occupied", "unknown"),
        battery_v=numbers(0, 4, by=0.01),
        battery_pct=numbers(0, 100),
        temperature_c=numbers(-40, 80, by=0.5),
        previous_state_s=st.none() | st.integers(0, 10**6),
    ),
    "libelium-v1": readings(kinds="startup", battery_v=numbers(0, 65, by=0.001).filter(lambda v: v is not None))
    | readings(kinds="status heartbeat error"),
    "libelium-v2": readings(
        kinds="status error",
        battery_v=numbers(2.804, 3.82, by=0.004).filter(lambda v: v is not None),
        temperature_c=st.integers(-128, 127).map(float),
    ),
    "milesight-em310-udl": readings(
        kinds="status startup", statuses=("free", "occupied", "unknown"), battery_pct=numbers(0, 100)
    ),
    "milesight-em400-mud": readings(
        kinds="status startup",
        statuses=("free", "occupied", "unknown"),
        battery_pct=numbers(0, 100),
        temperature_c=numbers(-40, 80, by=0.1),
    ),
    "nwave-ncc405": st.builds(
        Reading, kind=st.just("heartbeat"), battery_v=numbers(2.5, 3.52, by=0.004).filter(lambda v: v is not None)
    ),
    "nwave-nps310": readings(),
    "nwave-nps405": readings(kinds="status", previous_state_s=st.integers(0, 89).map(lambda minutes: 60 * minutes))
    | readings(
        kinds="heartbeat",
        battery_v=numbers(2.5, 3.52, by=0.004).filter(lambda v: v is not None),
        temperature_c=numbers(-54, 73.5, by=0.5).filter(lambda c: c is not None),
    ),
    "pni-placepod": readings(battery_v=numbers(0, 4, by=0.01), temperature_c=numbers(-40, 80, by=0.1)),
    "tekzitel-tekzipark": readings(temperature_c=st.integers(-128, 127).map(float)),
}


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_what_a_device_says_survives_its_own_bytes(name, data):
    reading = data.draw(SAYABLE[name])
    port, frame = PROFILES[name].encode(reading)
    assert said(PROFILES[name].decode(frame, port)) == said(reading)
