"""What a network says of a device, in one shape for all networks, and what they share in reading JSON."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from broker_bridge.wire.errors import BaybrokerError
from broker_bridge.wire.times import parse_rfc3339

PAYLOAD_BYTES_MAX = 32 * 1024
F_CNT_MAX = 2**32 - 1
_DEVICE = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_EUI = re.compile(r"[0-9a-fA-F]{2}(?:[:-]?[0-9a-fA-F]{2}){7}")
_RSSI_DBM = (-200, 50)


class UplinkError(BaybrokerError):
    """A message of a network does not have the documented shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """One message of a device. `at_ms` is the network's time, None where it gives none.

    `f_cnt` is None where nothing counts; `session` changes with each join (the device's address). `frame` has the
    bytes; `json` is what the network's own codec made of them, or all there is where nothing sends bytes. A `joined`
    one says that the device joined, no more.
    """

    device: str
    at_ms: int | None
    f_cnt: int | None = None
    port: int | None = None
    session: str | None = None
    frame: bytes = b""
    json: object | None = None
    rssi_dbm: float | None = None
    joined: bool = False


Encoding = Literal["base64", "hex"]


def device_name(text: object) -> str:
    """Return how a device is named everywhere: an EUI as 16 small hex digits; raises UplinkError."""
    if isinstance(text, str) and _EUI.fullmatch(text):
        return text.replace(":", "").replace("-", "").lower()
    if isinstance(text, str) and _DEVICE.fullmatch(text):
        return text.lower()
    raise UplinkError(f"{text!r:.80} is no device: use a DevEUI, or letters, digits and . _ : -")


def read_object(payload: bytes) -> dict[str, Any]:
    """Return the JSON object in a payload; raises UplinkError."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise UplinkError(f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        raise UplinkError("not JSON") from None
    if not isinstance(value, dict):
        raise UplinkError("no JSON object")
    return value


def part(value: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object inside an object, empty where it is left out; raises UplinkError."""
    inner = value.get(name) or {}
    if not isinstance(inner, dict):
        raise UplinkError(f"{name} is no object")
    return inner


def whole(value: object, name: str, most: int) -> int:
    """Return a count between 0 and `most`; raises UplinkError. Networks leave a zero out, so None is one."""
    if value is None:
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise UplinkError(f"{name} {value!r:.80} is no whole number up to {most}")
    return value


def time_ms(value: object) -> int | None:
    """Return epoch milliseconds, from RFC 3339 or a number of seconds or milliseconds; None where it is no time."""
    if isinstance(value, str):
        try:
            return parse_rfc3339(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e14:  # noqa: PLR2004
        return None
    # 1e11 seconds are in the year 5138, 1e11 milliseconds in 1973.
    return round(value if value > 1e11 else value * 1000)  # noqa: PLR2004


def frame_bytes(text: Any, encoding: Encoding = "base64") -> bytes:
    """Return the bytes of a frame; an empty one may be left out. Raises UplinkError."""
    if text is None:
        return b""
    try:
        return base64.b64decode(text, validate=True) if encoding == "base64" else bytes.fromhex(text)
    except (ValueError, TypeError, binascii.Error):
        raise UplinkError(f"the frame {text!r:.80} is not {encoding}") from None


def best_rssi(heard_by: object) -> float | None:
    """Return the strongest `rssi` among the gateways that heard the frame."""
    if not isinstance(heard_by, list):
        return None
    values = [one.get("rssi") for one in heard_by if isinstance(one, dict)]
    usable = [
        value
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool) and _RSSI_DBM[0] <= value <= _RSSI_DBM[1]
    ]
    return float(max(usable)) if usable else None
