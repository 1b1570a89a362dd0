"""Users that `baybroker credentials` adds are let in by a real Mosquitto, and those it revokes are not."""

from __future__ import annotations

import os
import signal
import stat

import pytest
from mosquitto_house import MISSING, TIMEOUT_S, Client, new_house
from program import baybroker, one_line

from baybroker.keeping.broker_users import PasswordFile
from baybroker.keeping.files import KeepingError

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (apt-get install mosquitto)"
)


@pytest.fixture
def house():
    with new_house() as made:
        yield made


def lets_in(house, user, password):
    client = Client(house.port, user, password)
    client.close()
    return not client.answer.is_failure


def reload(house, witness):
    """Have the broker read its users anew, and wait until it has thrown out `witness`, whom it knows no more."""
    os.kill(house.pid, signal.SIGHUP)
    witness.ended.get(timeout=TIMEOUT_S)


async def test_added_changed_and_revoked_users_on_a_running_broker(house, tmp_path):
    with house.running(BAYBROKER_EXTRA_USERS="gw-old:x,gw-older:x"):
        passwd, own = house.run / "passwd", tmp_path / "own"
        before, at = passwd.stat(), ("--file", passwd)
        own.write_text("pass word with $ and ü\nsecond line\n")
        with Client(house.port, "gw-old", "x") as witness:
            added = (await baybroker("credentials", "add", "gw-home", *at, "--json")).json()
            assert (added["user"], added["changed"]) == ("gw-home", False)
            assert "kill -HUP" in added["then"]
            done = await baybroker("credentials", "add", "drv-me", *at, "--password-file", own, "--json")
            assert "password" not in done.json(), done
            assert (await baybroker("credentials", "revoke", "gw-old", *at)).out == "revoked gw-old\n"
            reload(house, witness)
        assert lets_in(house, "gw-home", added["password"])
        assert lets_in(house, "drv-me", "pass word with $ and ü")
        assert not lets_in(house, "gw-old", "x")
        assert lets_in(house, "allocator", house.secret("allocator"))

        with Client(house.port, "gw-older", "x") as witness:
            again = await baybroker("credentials", "add", "gw-home", *at)
            assert again.out.startswith("changed the password of gw-home\npassword: ")
            assert (await baybroker("credentials", "revoke", "gw-older", *at)).code == 0
            reload(house, witness)
        assert not lets_in(house, "gw-home", added["password"])
        assert lets_in(house, "gw-home", again.out.split()[-1])

        after = passwd.stat()
        assert (after.st_uid, stat.S_IMODE(after.st_mode)) == (before.st_uid, stat.S_IMODE(before.st_mode))
        listed = (await baybroker("credentials", "list", *at, "--json")).json()
        assert listed == ["allocator", "simulator", "web", "operator", "viewer", "health", "drv-me", "gw-home"]
        assert [file.name for file in house.run.iterdir() if file.name.startswith(".")] == []
        assert b"pass word" not in passwd.read_bytes()


async def test_users_of_the_compose_setup_are_let_in_after_a_start(house, tmp_path):
    env = tmp_path / ".env"
    env.write_bytes(b"# mine\r\nBAYBROKER_PORT=1884\nBAYBROKER_EXTRA_USERS='gw-1:first'\n\nTAIL=x")
    env.chmod(0o644)
    added = (await baybroker("credentials", "add", "op-kim", "--env-file", env, "--json")).json()
    assert "docker compose up -d" in added["then"]
    assert env.read_bytes() == (
        b"# mine\r\nBAYBROKER_PORT=1884\nBAYBROKER_EXTRA_USERS='gw-1:first,op-kim:"
        + added["password"].encode()
        + b"'\n\nTAIL=x"
    )
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    (value,) = [line.partition("=")[2].strip("'") for line in env.read_text().splitlines() if "EXTRA" in line]
    with house.running(BAYBROKER_EXTRA_USERS=value):
        assert lets_in(house, "op-kim", added["password"])
        assert lets_in(house, "gw-1", "first")


async def test_what_cannot_be_a_user_is_one_clear_line(tmp_path):
    passwd, bad = tmp_path / "passwd", tmp_path / "bad"
    bad.write_text("a:b\n")
    at = ("--file", passwd)
    for arguments, reason in (
        (("add", "home", *at), "'home' is no user's name: begin with gw-, drv-, res-, op-"),
        (("add", "gw-", *at), "'gw-' is no user's name"),
        (("add", "gw-Home", *at), "'gw-Home' is no user's name"),
        (("add", "gw-1", *at, "--password-file", bad), "has a colon or a line break"),
        (("add", "gw-1", *at, "--password-file", tmp_path / "none"), "none cannot be read: No such file"),
        (("add", "gw-1"), "--file PASSWORD_FILE for Mosquitto, or --env-file .env"),
        (("add", "gw-1", *at, "--env-file", passwd), "--file PASSWORD_FILE for Mosquitto, or --env-file .env"),
        (("revoke", "gw-1", *at), "passwd cannot be read: No such file"),
        (("list", *at), "passwd cannot be read: No such file"),
        (("add", "gw-1", "--file", tmp_path / "no" / "passwd"), "its folder does not exist"),
    ):
        assert reason in one_line(await baybroker("credentials", *arguments))
    assert not passwd.exists()
    assert (await baybroker("credentials", "add", "gw-1", *at)).code == 0
    assert stat.S_IMODE(passwd.stat().st_mode) == 0o600
    assert "has no user gw-2" in one_line(await baybroker("credentials", "revoke", "gw-2", *at))
    said = await baybroker("credentials", "add", "op-kim", *at)
    assert "copy that of `user operator`" in said.err


def test_without_mosquittos_program_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("baybroker.keeping.broker_users.PROGRAM", "mosquitto_passwd-that-is-not-there")
    with pytest.raises(KeepingError, match="is not installed here: it comes with Mosquitto"):
        PasswordFile(tmp_path / "passwd").put("gw-1", "secret")
    assert list(tmp_path.iterdir()) == []
