"""The `--broker` option: `mqtt[s]://[user:password@]host:port`."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from broker_bridge.transport.base import BrokerAddress
from broker_bridge.wire.errors import SettingsError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


def parse_address(url: str) -> BrokerAddress:
    """Return the address that `url` names; raises SettingsError."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in _PORTS or not parts.hostname or port == -1 or parts.path not in ("", "/"):
        raise SettingsError(
            f"--broker {url!r} is no address: write mqtt://host:1883 or mqtts://user:password@host:8883"
        )
    return BrokerAddress(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "mqtts",
    )
