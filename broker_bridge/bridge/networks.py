"""The networks' JSON: ChirpStack v4, The Things Stack v3, and any other by a mapping of fields.

A field that is zero, false or empty is left out by both networks, `f_cnt` 0 and port 0 included.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker_bridge.bridge.uplink import (
    F_CNT_MAX,
    Encoding,
    Uplink,
    UplinkError,
    best_rssi,
    device_name,
    frame_bytes,
    part,
    read_object,
    time_ms,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PORT_MAX = 255
GATEWAY_CLOCK_OFF_MS = 60_000

CHIRPSTACK_TOPICS = ("application/+/device/+/event/up", "application/+/device/+/event/join")
TTN_TOPICS = ("v3/{user}/devices/+/up", "v3/{user}/devices/+/join")


@dataclass(frozen=True, slots=True)
class Mapping:
    """Where the fields of any JSON are: a path such as `data.id`, or `topic:2` for a level of the topic from 0.

    Without `frame` the whole payload goes to the profile (`generic-json`).
    """

    device: str
    time: str | None = None
    f_cnt: str | None = None
    port: str | None = None
    frame: str | None = None
    encoding: Encoding = "base64"


def parse_chirpstack(topic: str, payload: bytes) -> Uplink | None:
    """Return what an event says; None for an event that is of no interest. Raises UplinkError."""
    event = topic.rpartition("/")[2]
    if event not in ("up", "join"):
        return None
    said = read_object(payload)
    device = device_name(part(said, "deviceInfo").get("devEui") or _level(topic, 3))
    session = _text(said.get("devAddr"))
    at_ms = _chirpstack_time(said)
    if event == "join":
        return Uplink(device=device, at_ms=at_ms, session=session, joined=True)
    return Uplink(
        device=device,
        at_ms=at_ms,
        f_cnt=whole(said.get("fCnt"), "fCnt", F_CNT_MAX),
        port=whole(said.get("fPort"), "fPort", PORT_MAX),
        session=session,
        frame=frame_bytes(said.get("data")),
        json=part(said, "object") or None,
        rssi_dbm=best_rssi(said.get("rxInfo")),
    )


def parse_ttn(topic: str, payload: bytes) -> Uplink | None:
    """Return what an upstream message says; None for one that is of no interest. Raises UplinkError."""
    kind = topic.rpartition("/")[2]
    if kind not in ("up", "join"):
        return None
    said = read_object(payload)
    if said.get("simulated") is True:
        return None
    ids = part(said, "end_device_ids")
    device = device_name(ids.get("dev_eui") or ids.get("device_id") or _level(topic, 3))
    session = _text(ids.get("dev_addr"))
    if kind == "join":
        return Uplink(device=device, at_ms=time_ms(said.get("received_at")), session=session, joined=True)
    message = part(said, "uplink_message")
    # The gateways' own `time` in rx_metadata may be wrong; the servers' is not.
    at_ms = time_ms(message.get("received_at")) or time_ms(said.get("received_at"))
    return Uplink(
        device=device,
        at_ms=at_ms,
        f_cnt=whole(message.get("f_cnt"), "f_cnt", F_CNT_MAX),
        port=whole(message.get("f_port"), "f_port", PORT_MAX),
        session=session,
        frame=frame_bytes(message.get("frm_payload")),
        json=part(message, "decoded_payload") or None,
        rssi_dbm=best_rssi(message.get("rx_metadata")),
    )


def json_parser(mapping: Mapping) -> Callable[[str, bytes], Uplink]:
    """Return a parser of any JSON object by a mapping; it raises UplinkError."""

    def parse(topic: str, payload: bytes) -> Uplink:
        said = read_object(payload)

        def field(where: str | None) -> Any:
            if where is None:
                return None
            if where.startswith("topic:"):
                return _level(topic, int(where.removeprefix("topic:")))
            return at_path(said, where)

        return Uplink(
            device=device_name(field(mapping.device)),
            at_ms=time_ms(field(mapping.time)),
            f_cnt=whole(field(mapping.f_cnt), "f_cnt", F_CNT_MAX) if mapping.f_cnt else None,
            port=whole(field(mapping.port), "port", PORT_MAX) if mapping.port else None,
            frame=frame_bytes(field(mapping.frame), mapping.encoding) if mapping.frame else b"",
            json=None if mapping.frame else said,
        )

    return parse


def at_path(value: object, path: str) -> Any:
    """Return what is at `a.b.0.c` in JSON, None where there is nothing."""
    for key in path.split("."):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _chirpstack_time(said: dict[str, Any]) -> int | None:
    """Return the time of an event: a gateway's clock, unless the network server's own says that it is wrong."""
    by_gateway = time_ms(said.get("time"))
    heard_by = said.get("rxInfo")
    first = heard_by[0] if isinstance(heard_by, list) and heard_by and isinstance(heard_by[0], dict) else {}
    by_server = time_ms(first.get("nsTime"))
    if by_server is not None and (by_gateway is None or abs(by_gateway - by_server) > GATEWAY_CLOCK_OFF_MS):
        return by_server
    return by_gateway


def _level(topic: str, number: int) -> str:
    levels = topic.split("/")
    if number >= len(levels):
        raise UplinkError(f"the topic {topic!r:.80} has no level {number}")
    return levels[number]


def _text(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and value else None
