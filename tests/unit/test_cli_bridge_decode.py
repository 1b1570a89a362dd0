"""`baybroker bridge decode` and `profiles`, through the program's main function."""

from __future__ import annotations

import json
import sys

import pytest
from device_frames import NAMES

from baybroker.cli import main


@pytest.fixture
def program(monkeypatch, capsys):
    """Run the program and return its exit code and what it said on both outputs."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["baybroker", "bridge", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ("--profile", "bosch-tps110", "--port", "2", "01ff"),
            {"kind": "heartbeat", "status": "occupied", "temperature_c": -1.0, "fields": {}},
        ),
        (
            ("--profile", "milesight-em310-udl", "--port", "85", "01755C"),
            {"kind": "heartbeat", "status": None, "battery_pct": 92.0, "fields": {}},
        ),
        (
            ("--profile", "pni-placepod", "03 02 01 68 15 66 01"),
            {"kind": "status", "status": "occupied", "battery_v": 3.6, "fields": {"keep_alive": False}},
        ),
        (
            ("--profile", "nwave-nps405", "--port", "1", "95"),
            {
                "kind": "status",
                "status": "occupied",
                "previous_state_s": 4440,
                "fields": {"previous_state_error_s": 0, "previous_state_overflow": False},
            },
        ),
    ],
)
def test_decode_prints_the_reading_as_json(program, arguments, expected):
    code, out, err = program("decode", *arguments, "--json")
    assert (code, json.loads(out), err) == (0, expected, "")


def test_decode_prints_the_reading_for_people(program):
    code, out, _ = program("decode", "--profile", "tekzitel-tekzipark", "--port", "1", "82f601")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert code == 0
    assert (lines["kind"], lines["status"], lines["temperature_c"]) == ("startup", "occupied", "-10.0")
    assert lines["fault"] == "battery low"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--profile", "bosch-tps110", "--port", "9", "01"), "a wrong port, it sends on 1, 2, 3, 4, 5, 6 (frame '01'"),
        (("--profile", "bosch-tps110", "--port", "3", "01"), "1 bytes, at least 17 are needed (frame '01' on port 3)"),
        (("--profile", "bosch-tps110", "01"), "its port tells what a frame means, and none was given"),
        (("--profile", "libelium-v2", "0f00000000000000000000"), "an unknown frame type, 15"),
        (("--profile", "libelium-v2", "xyz"), "'xyz' is no frame: write its bytes in hexadecimal, such as 01ff"),
        (("--profile", "atlantis", "01"), "no device is named 'atlantis'; there are: bosch-tps110, generic-json, "),
    ],
)
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_frame_that_is_not_the_devices_is_code_2_and_one_line(program, arguments, reason, as_json):
    code, out, err = program("decode", *arguments, *as_json)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("baybroker: ")
    assert reason in line


def test_profiles_are_listed(program):
    code, out, _ = program("profiles", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert tuple(rows) == NAMES
    assert rows["nwave-nps405"]["ports"] == [1, 2, 3, 6, 10]
    code, out, _ = program("profiles")
    assert code == 0
    assert all(name in out for name in NAMES)
