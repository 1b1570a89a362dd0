"""Every sensor with its own connection and its own broker user, under the shipped access rules of a real Mosquitto."""

from __future__ import annotations

import os
import signal
import stat

import pytest
from mosquitto_house import MISSING, TIMEOUT_S, Client, new_house
from program import baybroker, one_line

from baybroker.keeping.logins import read_logins

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (apt-get install mosquitto)"
)
BAYS = 12
SCENARIO = f"""
city = "lonely"
start = 2026-03-02T09:00:00
[[zones]]
name = "street"
lat = 37.4842
lon = 126.9296
bays = {BAYS}
streets = 1
[drivers]
background_share = 1.0
requests_per_hour = 0
[sensors]
connection = "device"
heartbeat_s = 60
"""
TOPIC = "parking/v1/lonely/gateways/gw-{0}/bays/street/{0}/occupancy"
SAID = b'{"boot_id":1,"seq":1,"observed_at":"2026-03-02T00:00:00Z","status":"occupied"}'


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "lonely.toml"
    path.write_text(SCENARIO)
    return path


async def test_a_scenarios_devices_get_users_and_none_can_speak_for_another(scenario, tmp_path):
    logins = tmp_path / "logins"
    with new_house() as house, house.running(BAYBROKER_EXTRA_USERS="gw-old:x"):
        passwd = house.run / "passwd"
        with Client(house.port, "gw-old", "x") as witness:
            made = ("credentials", "add", "--scenario", scenario, "--file", passwd, "--out", logins)
            told = (await baybroker(*made, "--json")).json()
            assert told["users"] == [f"gw-street-{number:04d}" for number in range(1, BAYS + 1)]
            assert stat.S_IMODE(logins.stat().st_mode) == 0o600
            assert (await baybroker("credentials", "revoke", "gw-old", "--file", passwd)).code == 0
            os.kill(house.pid, signal.SIGHUP)
            witness.ended.get(timeout=TIMEOUT_S)
        broker = f"mqtt://simulator:{house.secret('simulator')}@127.0.0.1:{house.port}"
        run = ("simulate", "--broker", broker, "--scenario", scenario, "--speed", "flood", "--limit", 200, "--json")
        done = await baybroker(*run, "--credentials", logins)
        load = done.json()["load"]
        assert (load["sent"], load["acknowledged"], load["delivered"]) == (200, 200, 200), done

        passwords = read_logins(logins)
        with (
            Client(house.port, "operator", house.secret("operator")) as watcher,
            Client(house.port, "gw-street-0001", passwords["gw-street-0001"]) as device,
        ):
            watcher.subscribe(TOPIC.format("+").replace("gw-+", "+"))
            for _ in range(BAYS):
                watcher.next()
            device.publish(TOPIC.format("street-0002"), SAID)
            device.publish(TOPIC.format("street-0001"), SAID)
            assert watcher.next() == (TOPIC.format("street-0001"), SAID), "what it said for another was acknowledged"
            assert watcher.messages.empty()


async def test_a_second_time_the_passwords_are_changed_and_others_stay(scenario, tmp_path):
    passwd, logins = tmp_path / "passwd", tmp_path / "logins"
    logins.write_text("gw-mine:secret\n")
    made = ("credentials", "add", "--scenario", scenario, "--file", passwd, "--out", logins)
    assert f"added {BAYS} users, changed the passwords of 0" in (await baybroker(*made)).out
    first = read_logins(logins)
    assert f"added 0 users, changed the passwords of {BAYS}" in (await baybroker(*made)).out
    second = read_logins(logins)
    assert first["gw-mine"] == second["gw-mine"] == "secret"
    assert first.keys() == second.keys()
    assert not {first[name] == second[name] for name in first if name != "gw-mine"} - {False}
    assert len(passwd.read_bytes().splitlines()) == BAYS


async def test_what_cannot_be_done_is_one_clear_line_and_changes_nothing(scenario, tmp_path):
    passwd, logins = tmp_path / "passwd", tmp_path / "logins"
    to, add = ("--file", passwd), ("credentials", "add")
    for arguments, reason in (
        ((*add, *to), "name a user, or a scenario's gateways: --scenario NAME --out FILE"),
        ((*add, "gw-1", "--out", logins, *to), "name a user, or a scenario's gateways"),
        ((*add, "--scenario", scenario, *to), "give it --out FILE, no name, no password"),
        ((*add, "gw-1", "--scenario", scenario, "--out", logins, *to), "give it --out FILE, no name"),
        ((*add, "--scenario", scenario, "--out", logins, "--file", tmp_path / "no" / "passwd"), "does not exist"),
    ):
        assert reason in one_line(await baybroker(*arguments))
    assert not logins.exists()
    assert not passwd.exists()
    logins.write_text("gw-street-0001:secret\n\nnonsense\n")
    run = ("simulate", "--scenario", scenario, "--credentials", logins)
    assert "line 3 is no user:password" in one_line(await baybroker(*run))
    logins.write_text("gw-street-0001:secret\n")
    assert f"no user gw-street-0002 ({BAYS - 1} of {BAYS} gateways are missing)" in one_line(await baybroker(*run))
