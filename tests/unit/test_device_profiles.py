"""A profile's file: what is wrong in it is told with its file and field; what is right reaches the decoder."""

from __future__ import annotations

import shutil

import pytest
from device_frames import PROFILES, ROOT

from broker_bridge.devices import load_profile, load_profiles
from broker_bridge.wire.errors import SettingsError

DEVICES = ROOT / "config" / "devices"


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("bosch-tps110", "heartbeat_s = 86400", "heartbeat_s = 0", "heartbeat_s: Input should be greater"),
        ("bosch-tps110", "heartbeat_s", "hartbeat_s", "hartbeat_s: Extra inputs are not permitted"),
        ("bosch-tps110", "ports = [1,", "ports = [0,", "ports.0: Input should be greater than or equal to 1"),
        ("bosch-tps110", 'vendor = "Bosch"', 'vendor = ""', "vendor: String should have at least 1 character"),
        ("bosch-tps110", 'family = "bosch-tps110"', 'family = "bosch"', "decoder: Input tag 'bosch' found using"),
        ("bosch-tps110", "[decoder]", "[decoder", "not TOML: "),
        (
            "nwave-nps405",
            "occupied_bit = 0",
            "occupied_bit = 3",
            "decoder.nwave-nps405.occupied_bit: Input should be 0",
        ),
        (
            "milesight-em310-udl",
            "free_above_mm = 1800",
            "free_above_mm = 1400",
            "decoder.milesight-em310-udl: occupied_below_mm, free_above_mm and reach_mm must not fall",
        ),
        (
            "milesight-em400-mud",
            "free_above_mm = 1800",
            "",
            "decoder.milesight-em400-mud.free_above_mm: Field required",
        ),
        ("generic-json", 'status = "status"', 'state = "status"', "decoder.generic-json.paths.state: Extra inputs"),
        ("generic-json", "free = [", "free = []\nspare = [", "decoder.generic-json.words.spare: Extra inputs"),
    ],
)
def test_a_mistake_is_told_with_its_file_and_field(tmp_path, name, old, new, reason):
    text = (DEVICES / f"{name}.toml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load_profile(file)
    assert str(refused.value).startswith(f"{file}: {reason}")
    assert len(str(refused.value).splitlines()) == 1
    with pytest.raises(SettingsError, match=r"mine\.toml"):
        load_profiles(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SettingsError, match="no such folder of device profiles"):
        load_profiles(tmp_path / "missing")


def test_a_profile_of_ones_own_is_named_as_its_file(tmp_path):
    shutil.copy(DEVICES / "milesight-em310-udl.toml", tmp_path / "low-ceiling.toml")
    file = tmp_path / "low-ceiling.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("1500", "900").replace("1800", "1000"), encoding="utf-8")
    mine = load_profiles(tmp_path)["low-ceiling"]
    frame = bytes.fromhex("0382") + (1200).to_bytes(2, "little")
    assert mine.decode(frame, 85).status == "free"
    assert PROFILES["milesight-em310-udl"].decode(frame, 85).status == "occupied"


def test_json_fields_may_stand_within_objects(tmp_path):
    text = (DEVICES / "generic-json.toml").read_text(encoding="utf-8")
    file = tmp_path / "nested.toml"
    file.write_text(text.replace('status = "status"', 'status = "sensor.state.now"'), encoding="utf-8")
    mine = load_profile(file)
    assert mine.decode(b'{"sensor": {"state": {"now": "taken"}}}', None).status == "occupied"
    said = mine.decode(b'{"sensor": {"state": "taken"}, "battery_pct": 7}', None)
    assert (said.kind, said.status, said.battery_pct) == ("heartbeat", None, 7.0)
    port, frame = mine.encode(said)
    assert (port, mine.decode(frame, port)) == (None, said)


def test_ports_in_the_file_narrow_what_is_heard(tmp_path):
    text = (DEVICES / "pni-placepod.toml").read_text(encoding="utf-8")
    file = tmp_path / "placepod.toml"
    file.write_text(text.replace("ports = []", "ports = [2]"), encoding="utf-8")
    mine = load_profile(file)
    assert mine.decode(b"\x15\x66\x01", 2).status == "occupied"
    with pytest.raises(Exception, match="a wrong port, it sends on 2"):
        mine.decode(b"\x15\x66\x01", 3)
