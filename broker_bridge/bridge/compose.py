"""Uplinks as the networks publish them, for a device that is simulated. What is zero is left out, as they do."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    from collections.abc import Callable

APPLICATION = "baybroker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A frame on its way through a network."""

    dev_eui: str
    dev_addr: str
    f_cnt: int
    port: int | None
    frame: bytes
    at_ms: int
    rssi_dbm: int = -97


def chirpstack(sent: Sent) -> tuple[str, bytes]:
    """Return topic and payload of a ChirpStack v4 uplink event."""
    dev_eui = sent.dev_eui
    event: dict[str, Any] = {
        "deduplicationId": f"{dev_eui[:8]}-{dev_eui[8:12]}-{dev_eui[12:]}-8000-{sent.f_cnt:012x}",
        "time": format_rfc3339(sent.at_ms),
        "deviceInfo": {
            "tenantName": APPLICATION,
            "applicationName": APPLICATION,
            "deviceName": dev_eui,
            "devEui": dev_eui,
        },
        "devAddr": sent.dev_addr,
        "adr": True,
        "fCnt": sent.f_cnt,
        "fPort": sent.port,
        "data": base64.b64encode(sent.frame).decode(),
        "rxInfo": [{"gatewayId": "0016c001f1500812", "rssi": sent.rssi_dbm, "snr": 7.5}],
        "txInfo": {"frequency": 922_100_000, "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 9}}},
    }
    return f"application/{APPLICATION}/device/{sent.dev_eui}/event/up", _json(event)


def ttn(sent: Sent) -> tuple[str, bytes]:
    """Return topic and payload of an upstream message of The Things Stack v3."""
    at = format_rfc3339(sent.at_ms)
    device_id = f"eui-{sent.dev_eui}"
    message: dict[str, Any] = {
        "f_port": sent.port,
        "f_cnt": sent.f_cnt,
        "frm_payload": base64.b64encode(sent.frame).decode(),
        "rx_metadata": [{"gateway_ids": {"gateway_id": "gateway-1"}, "time": at, "rssi": sent.rssi_dbm, "snr": 7.5}],
        "settings": {"data_rate": {"lora": {"bandwidth": 125_000, "spreading_factor": 9}}, "frequency": "922100000"},
        "received_at": at,
    }
    upstream = {
        "end_device_ids": {
            "device_id": device_id,
            "application_ids": {"application_id": APPLICATION},
            "dev_eui": sent.dev_eui.upper(),
            "dev_addr": sent.dev_addr.upper(),
        },
        "received_at": at,
        "uplink_message": {name: value for name, value in message.items() if value},
    }
    return f"v3/{APPLICATION}/devices/{device_id}/up", _json(upstream)


NETWORKS: dict[str, Callable[[Sent], tuple[str, bytes]]] = {"chirpstack": chirpstack, "ttn": ttn}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps({name: part for name, part in value.items() if part}, separators=(",", ":")).encode()
