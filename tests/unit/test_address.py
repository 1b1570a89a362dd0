"""The `--broker` option."""

from __future__ import annotations

import pytest

from broker_bridge.transport.address import parse_address
from broker_bridge.transport.base import BrokerAddress
from broker_bridge.wire.errors import SettingsError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://localhost", BrokerAddress("localhost", 1883)),
        ("mqtts://broker.example", BrokerAddress("broker.example", 8883, tls=True)),
        ("mqtt://127.0.0.1:41883/", BrokerAddress("127.0.0.1", 41883)),
        ("mqtt://[::1]:1884", BrokerAddress("::1", 1884)),
        ("mqtt://ann@host", BrokerAddress("host", 1883, username="ann")),
        ("mqtts://ann:p%40ss%3A%2F@host:1", BrokerAddress("host", 1, "ann", "p@ss:/", tls=True)),
    ],
)
def test_good(url: str, expected: BrokerAddress) -> None:
    assert parse_address(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost",
        "http://host",
        "mqtt://",
        "mqtt://:1883",
        "mqtt://host:x",
        "mqtt://host:70000",
        "mqtt://host/path",
    ],
)
def test_bad_addresses_say_what_to_write(url: str) -> None:
    with pytest.raises(SettingsError, match="write mqtt://host:1883"):
        parse_address(url)


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(parse_address("mqtt://ann:secret@host"))
