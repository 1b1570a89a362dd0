"""The examples speak the contract: what they would publish is decoded as any sensor's message is."""

from __future__ import annotations

import importlib.util
import json
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from broker_bridge.wire import codec, topics
from broker_bridge.wire.topics import TopicKind

EXAMPLES = Path(__file__).parents[2] / "examples"
ESP32, FLOW = EXAMPLES / "esp32" / "main.py", EXAMPLES / "node-red" / "flow.json"
AT = 1_772_442_000
"""2026-03-02T09:00:00Z, as CPython counts."""


def decoded(topic, payload):
    parsed = topics.parse(topic)
    assert parsed.kind in topics.RETAINED
    return parsed, codec.decode(parsed.kind, payload)


class Wire:
    """What `umqtt.simple` does with a broker, kept instead of sent. The connection dies when `lives` are used up."""

    sessions: list[Wire]
    lives: int

    def __init__(self, *arguments):
        self.arguments, self.said, self.will, self.pings = arguments, [], None, 0
        self.sessions.append(self)

    def set_last_will(self, topic, payload, *, retain, qos):
        assert retain
        assert qos == 1
        self.will = (topic.decode(), payload)

    def connect(self):
        assert self.will is not None

    def publish(self, topic, payload, *, retain, qos):
        assert retain
        assert qos == 1
        self.said.append((topic.decode(), payload))

    def ping(self):
        self.pings += 1

    def check_msg(self):
        type(self).lives -= 1
        if type(self).lives < 0:
            raise OSError(104)


@pytest.fixture
def board(monkeypatch):
    """The program on a board that is not there: its clock goes on a second with each sleep."""
    clock = SimpleNamespace(now=AT, settings=0)
    wire = type("Wire", (Wire,), {"sessions": [], "lives": 0})
    monkeypatch.setitem(sys.modules, "machine", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "network", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "ntptime", SimpleNamespace(settime=lambda: None))
    monkeypatch.setitem(sys.modules, "umqtt", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "umqtt.simple", SimpleNamespace(MQTTClient=wire))
    specification = importlib.util.spec_from_file_location("esp32_main", ESP32)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    real = module.time

    def sleep(seconds):
        clock.now += seconds

    module.time = SimpleNamespace(time=lambda: clock.now, gmtime=real.gmtime, sleep=sleep)
    return SimpleNamespace(main=module, wire=wire, clock=clock)


def test_the_esp32_program_compiles(tmp_path):
    assert py_compile.compile(str(ESP32), cfile=str(tmp_path / "main.pyc"), doraise=True)


def serve(board, messages, judge, distances, lives):
    """One connection, which dies after `lives` seconds; return what was said."""
    board.wire.lives = lives
    measured = iter(distances)
    wlan = SimpleNamespace(status=lambda _: -61)
    with pytest.raises(OSError, match="104"):
        board.main.serve(wlan, messages, judge, lambda: next(measured), lambda: None)
    session = board.wire.sessions[-1]
    return [decoded(*message) for message in session.said], decoded(*session.will)[1], session


def test_the_esp32_speaks_the_contract_over_two_connections(board):
    messages, judge = board.main.Messages(AT), board.main.Judge()
    first, will, session = serve(board, messages, judge, [2000] * 3 + [400] * 6, lives=8)
    second, _, _ = serve(board, messages, judge, [400] * 3, lives=2)

    assert session.arguments[0] == "gw-home"
    assert (will.online, will.bays) == (False, 1)
    kinds = [parsed.kind for parsed, _ in first]
    assert kinds[:3] == [TopicKind.GATEWAY_STATUS, TopicKind.OCCUPANCY, TopicKind.DEVICE]
    assert first[0][1].online
    said = [message for parsed, message in first + second if parsed.kind is TopicKind.OCCUPANCY]
    assert [message.status for message in said] == ["unknown", "free", "occupied", "occupied"]
    assert [message.seq for message in said] == [0, 1, 2, 3]
    assert {message.boot_id for message in said} == {AT * 1000}
    assert [message.observed_at for message in said] == sorted(message.observed_at for message in said)
    health = [message for parsed, message in first + second if parsed.kind is TopicKind.DEVICE]
    assert [(message.seq, message.heartbeat_s, message.rssi_dbm) for message in health] == [
        (0, 600, -61),
        (1, 600, -61),
    ]


def test_the_esp32_says_everything_again_with_each_heartbeat(board):
    said, _, session = serve(board, board.main.Messages(AT), board.main.Judge(), [2000] * 1300, lives=1250)
    health = [message for parsed, message in said if parsed.kind is TopicKind.DEVICE]
    assert [message.observed_at // 1000 - AT for message in health] == [0, 600, 1200]
    assert session.pings == 1250 // 30


def test_the_esp32_waits_for_agreement_and_keeps_its_mind_between_the_thresholds(board):
    judge = board.main.Judge()
    assert [judge.measured(mm) for mm in (2000, 2000, 400, 2000, 2000, 2000)] == [False] * 5 + [True]
    assert judge.status == "free"
    assert not any(judge.measured(1000) for _ in range(10))
    assert [judge.measured(mm) for mm in (899, 899, 899)] == [False, False, True]
    assert not any(judge.measured(1200) for _ in range(10))
    assert judge.status == "occupied"
    assert [judge.measured(None) for _ in range(3)] == [False, False, True]
    assert judge.status == "unknown"


def test_the_esp32_knows_its_epoch_and_the_speed_of_sound(board):
    assert board.main.now_ms(AT) == AT * 1000
    board.main.time.gmtime = lambda _: (2000, 1, 1, 0, 0, 0, 5, 1)
    assert board.main.now_ms(AT - 946_684_800) == AT * 1000
    assert board.main.millimetres(-1) is None
    assert board.main.millimetres(5831) == 1000


@pytest.fixture(scope="module")
def nodes():
    return {node["id"]: node for node in json.loads(FLOW.read_text())}


def test_the_flow_is_wired_and_publishes_as_a_sensor(nodes):
    outs = [node for node in nodes.values() if node["type"] == "mqtt out"]
    assert {topics.parse(node["topic"]).kind for node in outs} == {TopicKind.OCCUPANCY, TopicKind.DEVICE}
    assert {(node["qos"], node["retain"]) for node in outs} == {("1", "true")}
    assert {nodes[node["broker"]]["type"] for node in outs} == {"mqtt-broker"}
    wires = [target for node in nodes.values() for output in node.get("wires", []) for target in output]
    assert set(wires) <= nodes.keys()
    broker = nodes["bb-broker"]
    for prefix, online in (("birth", True), ("close", False), ("will", False)):
        parsed, message = decoded(broker[f"{prefix}Topic"], broker[f"{prefix}Payload"].encode())
        assert (parsed.kind, message.online) == (TopicKind.GATEWAY_STATUS, online)
        assert parsed.names["gateway"] == topics.parse(outs[0]["topic"]).names["gateway"]
        assert broker[f"{prefix}Retain"] == "true"


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed: the flow's function cannot be run")
def test_the_flows_function_counts_and_remembers(nodes):
    function = nodes["bb-number"]
    script = f"""
        const kept = {{}}, context = {{get: name => kept[name], set: (name, value) => {{ kept[name] = value; }}}};
        {function["initialize"]}
        const work = msg => {{ {function["func"]} }};
        console.log(JSON.stringify(["heartbeat", "occupied", "heartbeat"].map(payload => work({{payload}}))));
    """
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=True, timeout=30)
    (targets,) = zip(*function["wires"], strict=True)
    said = [
        [
            decoded(nodes[target]["topic"], json.dumps(message["payload"]).encode())
            for target, message in zip(targets, pair, strict=True)
        ]
        for pair in json.loads(done.stdout)
    ]
    assert [occupancy.status for (_, occupancy), _ in said] == ["unknown", "occupied", "occupied"]
    assert [(occupancy.seq, device.seq) for (_, occupancy), (_, device) in said] == [(0, 0), (1, 1), (2, 2)]
    assert {device.heartbeat_s for _, (_, device) in said} == {int(nodes["bb-beat"]["repeat"])}
