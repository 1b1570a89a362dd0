"""Milesight EM310-UDL and EM400-MUD: they measure a distance, and a threshold of the profile makes it a status."""

from __future__ import annotations

from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from broker_bridge.devices import tlv
from broker_bridge.devices.codec import Codec, Encoded, cannot, number_of, whole
from broker_bridge.devices.frame import Frame, Kind, Reading, Status

POWER_ON, PROTOCOL, HARDWARE, FIRMWARE, DEVICE_CLASS, SERIAL, RESET, TSL = (
    0xFF0B,
    0xFF01,
    0xFF09,
    0xFF0A,
    0xFF0F,
    0xFF16,
    0xFFFE,
    0xFFFF,
)
BASIC: Final = {POWER_ON: 1, PROTOCOL: 1, HARDWARE: 2, FIRMWARE: 2, DEVICE_CLASS: 1, SERIAL: 8, RESET: 1, TSL: 2}
"""What both tell after joining, with the length of each value."""
BATTERY = 0x0175
PERCENT_MAX = 100


class _Milesight(Codec):
    """A bay is occupied below the one distance and free above the other; between them the status before stays."""

    occupied_below_mm: int = Field(ge=1, le=65_535)
    free_above_mm: int = Field(ge=1, le=65_535)
    reach_mm: int = Field(default=10_000, ge=1, le=65_535)
    """Beyond this no echo is to be believed: the status is unknown."""
    port: int = Field(default=85, ge=1, le=223)
    """The port that `encode` sends on."""

    _distances: ClassVar[dict[int, int]]
    _temperatures: ClassVar[dict[int, int]]
    _positions: ClassVar[dict[int, int]]
    _alarms: ClassVar[dict[int, str]] = {}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.occupied_below_mm <= self.free_above_mm <= self.reach_mm:
            msg = "occupied_below_mm, free_above_mm and reach_mm must not fall"
            raise ValueError(msg)
        return self

    def decode(self, frame: Frame, before: Status | None) -> Reading:
        """Return what the frame says; raises FrameError only. Of a value that is repeated the last one counts."""
        lengths = {**BASIC, BATTERY: 1, **self._distances, **self._temperatures, **self._positions}
        found: dict[str, int] = {}
        fields: dict[str, object] = {}
        for key, start in tlv.values(frame, lengths):
            if key == BATTERY:
                found["battery_pct"] = frame.unsigned(start)
            elif key in self._distances:
                found["distance_mm"] = frame.unsigned(start, 2, little=True)
            elif key in self._temperatures:
                found["temperature"] = frame.signed(start, 2, little=True)
            elif key in self._positions:
                fields["position"] = "tilt" if frame.unsigned(start) else "normal"
            else:
                fields |= _basic(frame, key, start)
            if key in self._alarms:
                fields[self._alarms[key]] = bool(frame.unsigned(start + 2))
        return self._reading(found, fields, before)

    def _reading(self, found: dict[str, int], fields: dict[str, object], before: Status | None) -> Reading:
        status: Status | None = None
        if "distance_mm" in found:
            status = self._status(found["distance_mm"], before)
            fields["distance_mm"] = found["distance_mm"]
        faults = ["tilted"] if fields.get("position") == "tilt" else []
        faults += ["no echo"] if found.get("distance_mm", 0) > self.reach_mm else []
        if faults:
            fields["fault"] = ", ".join(faults)
        kind: Kind = "startup" if "power_on" in fields else "heartbeat" if status is None else "status"
        battery = found.get("battery_pct")
        return Reading(
            kind=kind,
            status=status,
            battery_pct=None if battery is None or battery > PERCENT_MAX else float(battery),
            temperature_c=found["temperature"] / 10 if "temperature" in found else None,
            fields=fields,
        )

    def encode(self, reading: Reading) -> Encoded:
        """Return the frame that says so, or raise ValueError."""
        if reading.kind not in {"status", "heartbeat", "startup"}:
            raise cannot(reading)
        data = _startup_bytes(reading) if reading.kind == "startup" else b""
        if reading.battery_pct is not None:
            data += b"\x01\x75" + bytes([whole(reading.battery_pct, "battery_pct", 0, PERCENT_MAX)])
        if reading.temperature_c is not None:
            if not self._temperatures:
                msg = "it does not measure the temperature"
                raise ValueError(msg)
            celsius = whole(reading.temperature_c * 10, "temperature_c", -0x8000, 0x7FFF)
            data += min(self._temperatures).to_bytes(2) + celsius.to_bytes(2, "little", signed=True)
        if reading.status is not None:
            data += min(self._distances).to_bytes(2) + self._distance(reading).to_bytes(2, "little")
        if not data or (reading.kind == "status" and reading.status is None):
            msg = "it needs a status, a battery or a temperature to tell"
            raise ValueError(msg)
        return self.port, data

    def _status(self, distance_mm: int, before: Status | None) -> Status:
        if distance_mm > self.reach_mm:
            return "unknown"
        if distance_mm < self.occupied_below_mm:
            return "occupied"
        return "free" if distance_mm > self.free_above_mm else before or "unknown"

    def _distance(self, reading: Reading) -> int:
        """Return the distance told, or else one that means the status."""
        if "distance_mm" in reading.fields:
            return number_of(reading, "distance_mm", 0, 0xFFFF)
        usual = {"occupied": self.occupied_below_mm - 1, "free": self.free_above_mm + 1, "unknown": self.reach_mm + 1}
        return whole(usual[str(reading.status)], "distance_mm", 0, 0xFFFF)


class MilesightEm310Udl(_Milesight):
    """EM310-UDL: ultrasonic, no temperature."""

    family: Literal["milesight-em310-udl"]
    _distances: ClassVar[dict[int, int]] = {0x0382: 2}
    _temperatures: ClassVar[dict[int, int]] = {}
    _positions: ClassVar[dict[int, int]] = {0x0400: 1}


class MilesightEm400Mud(_Milesight):
    """EM400-MUD: ultrasonic, with alarms of its own that say nothing of a bay."""

    family: Literal["milesight-em400-mud"]
    _distances: ClassVar[dict[int, int]] = {0x0482: 2, 0x8482: 3, 0xB482: 3}
    _temperatures: ClassVar[dict[int, int]] = {0x0367: 2, 0x8367: 3}
    _positions: ClassVar[dict[int, int]] = {0x0500: 1}
    _alarms: ClassVar[dict[int, str]] = {
        0x8367: "temperature_abnormal",
        0x8482: "distance_alarming",
        0xB482: "distance_blind",
    }


def _basic(frame: Frame, key: int, start: int) -> dict[str, object]:
    """Return what a value of the device information says; versions are written as the vendor writes them."""
    major, minor = frame.unsigned(start), frame.unsigned(start + 1) if BASIC[key] > 1 else 0
    said: dict[int, dict[str, object]] = {
        POWER_ON: {"power_on": True},
        PROTOCOL: {"protocol_version": major},
        HARDWARE: {"hardware": f"{major:x}.{minor >> 4:x}"},
        FIRMWARE: {"firmware": f"{major:x}.{minor:x}"},
        DEVICE_CLASS: {"lorawan_class": "ABC"[major] if major < len("ABC") else str(major)},
        SERIAL: {"serial_number": frame.data[start : start + BASIC[SERIAL]].hex()},
        RESET: {"reset": True},
        TSL: {"tsl_version": f"{major:x}.{minor:x}"},
    }
    return said[key]


def _startup_bytes(reading: Reading) -> bytes:
    major, dot, minor = str(reading.fields.get("firmware", "1.1")).partition(".")
    if not dot or not (major + minor).isdecimal():
        msg = "firmware must be two numbers such as 1.14"
        raise ValueError(msg)
    return b"\xff\x0b\xff\xff\x0a" + bytes(whole(int(part, 16), "firmware", 0, 255) for part in (major, minor))
