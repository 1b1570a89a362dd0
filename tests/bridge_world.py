"""A bridge in process, the networks that feed it, and uplinks in the documented JSON."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service_world import CITY, WAIT_S, Client

from broker_bridge.bridge.registry import Registry
from broker_bridge.bridge.service import Bridge
from broker_bridge.bridge.settings import load_settings
from broker_bridge.devices import load_profiles
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.factory import create_transport
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from broker_bridge.transport.base import ClientOptions, OnConnect

CONFIG = Path(__file__).parents[1] / "config"
PROFILES = load_profiles(CONFIG / "devices")
EUI = "70b3d57ed0001001"
GATEWAY = "gw-bridge"
HEADER = "dev_eui,city,zone,bay,profile\n"
ROW = f"{EUI},{CITY},z-1,b-1,bosch-tps110\n"
OCCUPANCY = f"gateways/{GATEWAY}/bays/z-1/b-1/occupancy"
DEVICE = f"gateways/{GATEWAY}/bays/z-1/b-1/device"
FREE, OCCUPIED = b"\x00", b"\x01"
STATUS_PORT, HEARTBEAT_PORT = 1, 2


def make_transport(address: Any, options: ClientOptions, on_connect: OnConnect | None) -> Any:
    return create_transport("gmqtt", address, options, on_connect=on_connect)


def connect_to(url: str) -> Any:
    return lambda options, on_connect: make_transport(parse_address(url), options, on_connect)


def without_zeros(fields: dict[str, Any]) -> dict[str, Any]:
    """Both networks leave out what is zero, false or empty."""
    return {name: value for name, value in fields.items() if value}


def chirpstack(f_cnt: int, frame: bytes, at_ms: int, *, eui: str = EUI, addr: str = "01a2b3c4", port: int = 1):
    event = {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": format_rfc3339(at_ms),
        "deviceInfo": {"tenantName": "t", "applicationId": "app", "deviceName": "d", "devEui": eui, "tags": {}},
        "devAddr": addr,
        "dr": 1,
        "fCnt": f_cnt,
        "fPort": port,
        "data": base64.b64encode(frame).decode(),
        "rxInfo": [
            {"gatewayId": "0016c001f1500812", "rssi": -120, "snr": -2.5},
            {"gatewayId": "0016c001f1500813", "rssi": -101, "snr": 5},
        ],
        "txInfo": {"frequency": 868500000, "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 11}}},
    }
    return f"application/app/device/{eui}/event/up", json.dumps(without_zeros(event)).encode()


def chirpstack_join(at_ms: int, *, eui: str = EUI, addr: str = "01a2b3c4"):
    event = {"time": format_rfc3339(at_ms), "deviceInfo": {"devEui": eui}, "devAddr": addr}
    return f"application/app/device/{eui}/event/join", json.dumps(event).encode()


def ttn(f_cnt: int, frame: bytes, at_ms: int, *, eui: str = EUI, addr: str = "01A2B3C4", port: int = 1):
    at = format_rfc3339(at_ms)
    message = {
        "session_key_id": "AXA50Q==",
        "f_port": port,
        "f_cnt": f_cnt,
        "frm_payload": base64.b64encode(frame).decode(),
        "rx_metadata": [
            {"gateway_ids": {"gateway_id": "g"}, "time": "2001-01-01T00:00:00Z", "rssi": -35, "channel_rssi": -35}
        ],
        "settings": {"data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 7}}, "frequency": "868300000"},
        "received_at": at,
        "consumed_airtime": "0.056576s",
    }
    ids = {"device_id": f"eui-{eui}", "application_ids": {"application_id": "parking"}, "dev_eui": eui.upper()}
    upstream = {
        "end_device_ids": ids | {"dev_addr": addr},
        "correlation_ids": ["as:up:1"],
        "received_at": at,
        "uplink_message": without_zeros(message),
    }
    return f"v3/parking@tenant/devices/eui-{eui}/up", json.dumps(upstream).encode()


def mapped_json(f_cnt: int, frame: bytes, at_ms: int, *, eui: str = EUI, addr: str = "", port: int = 1):
    del addr
    said = {"meta": {"ts": at_ms, "n": f_cnt}, "port": port, "raw": frame.hex()}
    return f"acme/{eui.upper()}/data", json.dumps(said).encode()


NETWORKS = {"chirpstack": chirpstack, "ttn": ttn, "json": mapped_json}
MAPPING = """
topics = ["acme/+/data"]
[sources.fields]
device = "topic:1"
time = "meta.ts"
f_cnt = "meta.n"
port = "port"
frame = "raw"
encoding = "hex"
"""


def write_config(folder: Path, target: str, *networks: str, source: str | None = None, rows: str = ROW) -> Path:
    """Write settings with a source of each network, and the map."""
    text = f'city = "{CITY}"\ndevice_map = "devices.csv"\nregistry = "bridge.db"\n[target]\nbroker = "{target}"\n'
    for network in networks:
        text += f'[[sources]]\nname = "{network}"\nnetwork = "{network}"\nbroker = "{source or target}"\n'
        text += MAPPING if network == "json" else ""
    file = folder / "bridge.toml"
    file.write_text(text)
    (folder / "devices.csv").write_text(HEADER + rows)
    return file


@contextlib.asynccontextmanager
async def bridging(config: Path) -> AsyncIterator[Bridge]:
    """Run a bridge until the block ends; what it raises is raised here."""
    settings = load_settings(config)
    registry = Registry(settings.registry)
    stop = asyncio.Event()
    try:
        bridge = Bridge(settings, PROFILES, registry, make_transport, {})
        task = asyncio.create_task(bridge.run(stop), name="bridge")
        serving = asyncio.create_task(bridge.serving.wait(), name="bridge serving")
        await asyncio.wait({task, serving}, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        serving.cancel()
        try:
            if not task.done():
                yield bridge
        finally:
            stop.set()
            await asyncio.wait_for(task, WAIT_S)
    finally:
        registry.close()


class Listener(Client):
    """A client that also hears what gateways say."""

    async def __aenter__(self):
        await super().__aenter__()
        await self._transport.subscribe([f"parking/v1/{CITY}/gateways/#"])
        return self

    async def uplink(self, packet: tuple[str, bytes]) -> None:
        """Publish an uplink as a network does: not below our root."""
        await self._transport.publish(*packet)

    def said(self, topic: str = OCCUPANCY) -> list[dict[str, Any]]:
        return [message for where, message in self.heard if where == topic]

    async def until_said(self, number: int, topic: str = OCCUPANCY) -> list[dict[str, Any]]:
        return await self.until(lambda: self.said(topic) if len(self.said(topic)) >= number else None)
