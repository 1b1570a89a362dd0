"""Bad input ends with code 2 and one clear line, never with a traceback."""

from __future__ import annotations

import socket
import sys

import pytest

from baybroker.cli import main

HEAD = "bay,zone,lat,lon,gateway,resident,needs"


@pytest.fixture
def refused(monkeypatch, capsys):
    """Run the program's main function and return the one line it says."""

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["baybroker", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        said = capsys.readouterr()
        assert said.out == ""
        (line,) = said.err.splitlines()
        return line

    return run


@pytest.fixture
def unused_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("b-1,z-1,37.45,east,gw-1,,", "line 2: lat and lon: could not convert"),
        ("B 1,z-1,37.45,126.9,gw-1,,", "line 2: bay: "),
        ("b-1,z-1,97.45,126.9,gw-1,,", "line 2: lat: "),
        ("b-1,z-1,37.45,126.9,gw-1,,sauna", "line 2: needs.0: "),
        ("b-1,z-1,37.45,126.9,gw-1,,,,", "line 2: more values than columns"),
        ("b-1,z-1,1,1,gw-1,,\nb-1,z-1,1,1,gw-1,,", "line 3: bay b-1 stands on line 2 already"),
        ('b-1,"z-1', "line 2: unexpected end of data"),
        ("", "no bay in it"),
    ],
)
def test_a_bad_csv_is_told_with_its_line(refused, tmp_path, line, reason):
    file = tmp_path / "bays.csv"
    file.write_text(f"{HEAD}\n{line}")
    said = refused("bays", "add", file)
    assert f"{file}: {reason}" in said


def test_bad_input_is_one_line_and_code_2(refused, tmp_path):
    garbage = tmp_path / "garbage.toml"
    garbage.write_bytes(b"\xff\xfe")
    for arguments, reason in (
        (("tap", "--broker", "http://x"), "--broker 'http://x' is no address"),
        (("tap", "bays/#/state"), "is no MQTT filter"),
        (("tap", "--duration", "soon"), "is no duration"),
        (("tap", "--city", "Seoul"), "--city 'Seoul'"),
        (("doctor", "--topic-root", "a/#"), "--topic-root"),
        (("bays", "list", "--database", tmp_path / "missing.db"), "does not exist"),
        (("bays", "list", "--database", garbage), "cannot be read: file is not a database"),
        (("gateways", "list", "--database", garbage), "cannot be read: file is not a database"),
        (("bays", "add", tmp_path / "missing.csv"), "missing.csv: cannot be read: No such file or directory"),
        (("bays", "retire", "Bay 1"), "is no bay's name"),
        (("allocate", "--timezone", "Mars/Olympus"), "--timezone 'Mars/Olympus' is no IANA time zone"),
        (("allocate", "--tariff", "gold"), "no tariff is named 'gold'; there are: dongjak, "),
        (("statement", tmp_path / "missing.db", "--driver", "drv-1"), "does not exist"),
        (("statement", garbage), "name one of the two: --resident NAME or --driver NAME"),
        (("statement", garbage, "--driver", "d", "--from", "2026-03-02", "--until", "2026-03-01"), "is before --from"),
        (("explain", tmp_path / "missing.db", "r-1"), "does not exist"),
        (("demo", "--speed", "-4"), "--speed '-4'"),
        (("demo", "--policy", "foo"), "no policy is called 'foo': there are batch, bind-late, nearest"),
        (("scenario", "check", garbage), "garbage.toml: cannot be read"),
        (("scenario", "show", "atlantis"), "no scenario is named 'atlantis'; there are: demo, tiny"),
    ):
        assert reason in refused(*arguments)


def test_a_choice_that_is_none_is_refused_without_a_traceback(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["baybroker", "demo", "--seed", "-1"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "Invalid value for '--seed'" in said
    assert "Traceback" not in said


def test_a_demo_on_a_broker_that_does_not_answer_says_so(refused, monkeypatch, unused_port):
    monkeypatch.setattr("baybroker.demo.START_TIMEOUT_S", 0.5)
    said = refused("demo", "--headless", "--broker", f"mqtt://127.0.0.1:{unused_port}")
    assert (
        said
        == f"baybroker: no broker answers at mqtt://127.0.0.1:{unused_port}: start one there, or leave --broker out"
    )
