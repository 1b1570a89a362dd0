"""What start.sh makes: secrets, hashes, modes; and what it refuses to start with."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess

import pytest
from mosquitto_house import MISSING, START_SH, Client, free_port, new_house

pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (apt-get install mosquitto)"
)
BUILT_IN = ("allocator", "simulator", "web", "operator", "viewer", "health")
SERVICES_UID = 4711


@pytest.fixture
def house():
    with new_house() as made:
        yield made


def accepts(house, user, password):
    client = Client(house.port, user, password)
    client.close()
    return not client.answer.is_failure


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_makes_different_secrets_once_and_keeps_them(house):
    with house.running():
        first = {user: house.secret(user) for user in BUILT_IN}
        assert len(set(first.values())) == len(BUILT_IN)
        assert all(len(secret) == 48 for secret in first.values())
        assert all(accepts(house, user, secret) for user, secret in first.items())
    with house.running():
        assert {user: house.secret(user) for user in BUILT_IN} == first
        assert accepts(house, "allocator", first["allocator"])


def test_honours_a_given_password_and_keeps_it(house):
    with house.running():
        made = house.secret("viewer")
    with house.running(BAYBROKER_VIEWER_PASSWORD="a b$'c"):
        assert house.secret("viewer") == "a b$'c"
        assert accepts(house, "viewer", "a b$'c")
        assert not accepts(house, "viewer", made)


def test_a_user_taken_off_the_list_is_gone(house):
    with house.running(BAYBROKER_EXTRA_USERS="gw-1:one,drv-7:two=2"):
        assert accepts(house, "gw-1", "one")
        assert accepts(house, "drv-7", "two=2")
    with house.running(BAYBROKER_EXTRA_USERS="gw-1:one"):
        assert accepts(house, "gw-1", "one")
        assert not accepts(house, "drv-7", "two=2")


def test_nobody_else_can_read_what_it_writes(house):
    with house.running(BAYBROKER_EXTRA_USERS="gw-1:plain-secret", SERVICES_UID=str(SERVICES_UID)):
        files = [path for folder in (house.secrets, house.run, house.data) for path in folder.iterdir()]
        assert {mode(path) for path in files} == {0o600}
        assert mode(house.run) == mode(house.data) == 0o700
        passwords = (house.run / "passwd").read_text()
        assert "plain-secret" not in passwords
        assert house.secret("allocator") not in passwords
        if os.geteuid() == 0:
            assert (house.secrets / "allocator").stat().st_uid == SERVICES_UID
            assert (house.secrets / "operator").stat().st_uid == 0
            assert (house.run / "passwd").stat().st_uid not in (0, SERVICES_UID)


def test_leaves_no_password_in_the_brokers_environment(house):
    stand_in = house.tree / "bin" / "mosquitto"
    stand_in.parent.mkdir()
    stand_in.write_text('#!/bin/sh\nenv >"$RUN_DIR/environment"\n')
    stand_in.chmod(0o755)
    settings = house.environment(BAYBROKER_EXTRA_USERS="gw-1:plain-secret", BAYBROKER_VIEWER_PASSWORD="plain-secret")
    subprocess.run(["sh", START_SH], env=settings | {"PATH": f"{stand_in.parent}:{settings['PATH']}"}, check=True)
    seen = (house.run / "environment").read_text()
    assert "RUN_DIR=" in seen
    assert "plain-secret" not in seen


def test_retained_state_survives_a_clean_restart(house):
    topic = "parking/v1/seoul/allocator/status"
    with house.running(), Client(house.port, "allocator", house.secret("allocator")) as allocator:
        allocator.publish(topic, b"kept", retain=True)
    with house.running(), Client(house.port, "viewer", house.secret("viewer")) as viewer:
        viewer.subscribe(topic)
        assert viewer.next() == (topic, b"kept")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"BAYBROKER_EXTRA_USERS": "alice:x"}, "'alice' must begin with its role: gw-, drv-, res- or op-"),
        ({"BAYBROKER_EXTRA_USERS": "gw-1"}, "gw-1 has no password (write gw-1:password)"),
        ({"BAYBROKER_EXTRA_USERS": "gw-1:"}, "gw-1 has no password"),
        ({"BAYBROKER_EXTRA_USERS": "gw-+:x"}, "'gw-+' is no name (use a-z, 0-9 and -)"),
        ({"BAYBROKER_EXTRA_USERS": "gw-1:x\noperator:y"}, "the password of gw-1 has a line break in it"),
        ({"BAYBROKER_EXTRA_USERS": "gw-1:x:y"}, "the password of gw-1 has a colon in it"),
        ({"BAYBROKER_VIEWER_PASSWORD": "x\noperator:y"}, "the password of viewer has a line break in it"),
    ],
)
def test_refuses_in_one_line(house, settings, says):
    said = house.refusal(**settings)
    assert says in said
    assert len(said.splitlines()) == 1


@pytest.mark.skipif(shutil.which("openssl") is None, reason="not installed: openssl, which makes the certificate")
def test_the_tls_listener_of_the_comments_works(house):
    port, certificate, key = free_port(), house.tree / "server.crt", house.tree / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    key.chmod(0o644)
    config = house.tree / "config"
    shutil.copytree(START_SH.parent, config)
    text = (config / "mosquitto.conf").read_text()
    for line in ("listener 8883", "certfile /mosquitto/certs/server.crt", "keyfile /mosquitto/certs/server.key"):
        assert f"# {line}\n" in text
        text = text.replace(f"# {line}\n", f"{line}\n")
    text = text.replace("8883", f"{port} 127.0.0.1").replace("/mosquitto/certs", str(house.tree))
    (config / "mosquitto.conf").write_text(text.replace("# tls_version", "tls_version"))
    with house.running(CONFIG_DIR=str(config)), Client(port, "viewer", house.secret("viewer"), ca=certificate):
        assert accepts(house, "viewer", house.secret("viewer"))
        stranger = Client(port, ca=certificate)
        assert stranger.answer.is_failure
        stranger.close()


def test_is_plain_posix_shell():
    assert START_SH.read_text().startswith("#!/bin/sh\n")
    assert os.access(START_SH, os.X_OK)
