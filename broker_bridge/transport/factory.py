"""From a name to a transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from broker_bridge.transport.aiomqtt import AiomqttTransport
from broker_bridge.transport.gmqtt import GmqttTransport

if TYPE_CHECKING:
    from broker_bridge.transport.base import BrokerAddress, ClientOptions, OnConnect, Transport

TransportKind = Literal["gmqtt", "aiomqtt"]
_TRANSPORTS = {"gmqtt": GmqttTransport, "aiomqtt": AiomqttTransport}


def create_transport(
    kind: TransportKind,
    address: BrokerAddress,
    options: ClientOptions,
    *,
    on_connect: OnConnect | None = None,
) -> Transport:
    """Return a transport of `kind` that is not started yet."""
    return _TRANSPORTS[kind](address, options, on_connect=on_connect)
