"""The one line of `.env` that has the broker's users; everything else stays byte for byte."""

from __future__ import annotations

import pytest

from baybroker.keeping.env_users import EnvUsers
from baybroker.keeping.files import KeepingError


@pytest.fixture
def env(tmp_path):
    return tmp_path / ".env"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"BAYBROKER_EXTRA_USERS=gw-2:b\n"),
        (b"A=1", b"A=1\nBAYBROKER_EXTRA_USERS=gw-2:b\n"),
        (b"# BAYBROKER_EXTRA_USERS=x:y\n", b"# BAYBROKER_EXTRA_USERS=x:y\nBAYBROKER_EXTRA_USERS=gw-2:b\n"),
        (b"BAYBROKER_EXTRA_USERS=\nA=\xff\n", b"BAYBROKER_EXTRA_USERS=gw-2:b\nA=\xff\n"),
        (b"BAYBROKER_EXTRA_USERS=gw-1:a\r\nA=1\r\n", b"BAYBROKER_EXTRA_USERS=gw-1:a,gw-2:b\r\nA=1\r\n"),
        (b'export BAYBROKER_EXTRA_USERS="gw-1:a" \nA=1', b'export BAYBROKER_EXTRA_USERS="gw-1:a,gw-2:b" \nA=1'),
        (b"BAYBROKER_EXTRA_USERS=gw-2:old,gw-1:a", b"BAYBROKER_EXTRA_USERS=gw-2:b,gw-1:a"),
        (b"BAYBROKER_EXTRA_USERS_NOT=1\n", b"BAYBROKER_EXTRA_USERS_NOT=1\nBAYBROKER_EXTRA_USERS=gw-2:b\n"),
    ],
)
def test_a_user_is_added_and_nothing_else_changed(env, before, after):
    env.write_bytes(before)
    assert EnvUsers(env).put({"gw-2": "b"}) == (["gw-2"] if b"gw-2" in before else [])
    assert env.read_bytes() == after


def test_the_last_user_can_go(env):
    env.write_bytes(b"A=1\nBAYBROKER_EXTRA_USERS=gw-1:a\nB=2\n")
    users = EnvUsers(env)
    users.drop("gw-1")
    assert env.read_bytes() == b"A=1\nBAYBROKER_EXTRA_USERS=\nB=2\n"
    assert users.names() == []
    with pytest.raises(KeepingError, match="has no user gw-1"):
        users.drop("gw-1")


def test_a_missing_file_is_made_for_its_owner_only(env):
    assert EnvUsers(env).put({"gw-1": "a"}) == []
    assert env.read_bytes() == b"BAYBROKER_EXTRA_USERS=gw-1:a\n"
    assert env.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"BAYBROKER_EXTRA_USERS=gw-1:a\nBAYBROKER_EXTRA_USERS=gw-2:b\n", "2 times"),
        (b"BAYBROKER_EXTRA_USERS=gw-1:a # mine\n", "blanks, quotes"),
        (b"BAYBROKER_EXTRA_USERS=gw-1:$SECRET\n", "blanks, quotes"),
        (b"BAYBROKER_EXTRA_USERS='gw-1:a\n", "blanks, quotes"),
        (b"BAYBROKER_EXTRA_USERS=gw-1:a,gw-2\n", "gw-2 has no password"),
    ],
)
def test_what_is_not_surely_understood_is_left_alone(env, content, says):
    env.write_bytes(content)
    with pytest.raises(KeepingError, match=says):
        EnvUsers(env).put({"gw-3": "c"})
    assert env.read_bytes() == content


@pytest.mark.parametrize("password", ["", "a,b", "a b", "a$b", "a#b", "a'b", "a:b", "ü", "a\nb"])
def test_a_password_that_env_cannot_hold_is_refused(env, password):
    with pytest.raises(KeepingError, match="the password"):
        EnvUsers(env).put({"gw-1": password})
    assert not env.exists()
