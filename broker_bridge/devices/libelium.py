"""Libelium Plug & Sense! Smart Parking: byte 0 tells status and frame type, firmware 1 and 2 differ in the rest.

Source: the vendor's technical guide, parts 7.1 (v2.x.x, 11 bytes) and 7.2 (v1.x.x, 12 bytes). Its formulas for the
temperature of v1 and the battery byte of its error frame are pictures that the public copies lost: both stay raw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from broker_bridge.devices.codec import Codec, Encoded, cannot, number_of, occupied_bit, whole
from broker_bridge.devices.frame import FREE_OR_OCCUPIED, Frame, Kind, Reading, Status

if TYPE_CHECKING:
    from collections.abc import Mapping


class Part(NamedTuple):
    """A number of a frame's body."""

    name: str
    start: int
    length: int = 1
    signed: bool = False


class Layout(NamedTuple):
    """One type of frame."""

    kind: Kind
    name: str
    parts: tuple[Part, ...] = ()


def _axes(start: int, suffix: str = "") -> tuple[Part, ...]:
    return tuple(Part(f"{axis}{suffix}", start + 2 * index, 2, signed=True) for index, axis in enumerate("xyz"))


def _bytes(start: int, *names: str) -> tuple[Part, ...]:
    return tuple(Part(name, start + index) for index, name in enumerate(names))


DAILY: Final = Layout(
    "other",
    "DAILY_UPDATE",
    (
        Part("sensor_measurements", 2, 2),
        Part("sigfox_transmissions", 4, 2),
        Part("lorawan_transmissions", 6, 2),
        *_bytes(8, "resets", "config_id"),
    ),
)
START_2: Final = Layout(
    "startup",
    "START_FRAME_2",
    _bytes(
        2,
        "firmware",
        "night_start_h",
        "night_duration_h",
        "night_sleep_time",
        "night_keep_alive",
        "radio_mode",
        "sleep_time",
        "keep_alive",
        "threshold",
    ),
)
CELSIUS, MILLIVOLTS, BATTERY_LEVEL, RAW = "temperature_c", "battery_mv", "battery_level", "temperature_raw"
V2: Final[Mapping[int, Layout]] = {
    0: Layout("status", "INFO", (Part(CELSIUS, 2, signed=True), *_axes(3), Part(BATTERY_LEVEL, 10))),
    1: Layout("heartbeat", "KEEP_ALIVE", (*_bytes(2, "hour", "minute"), Part(CELSIUS, 4, signed=True), *_axes(5))),
    2: DAILY,
    3: Layout(
        "error", "ERROR", (Part("error_data", 2), Part(CELSIUS, 3, signed=True), *_axes(4), Part(BATTERY_LEVEL, 10))
    ),
    4: Layout(
        "startup", "START_FRAME_1", (Part(CELSIUS, 2, signed=True), *_axes(3, "_reference"), Part(MILLIVOLTS, 9, 2))
    ),
    5: START_2,
    # reserved in the guide, seen in the field: their body is not documented
    6: Layout("other", "RTC_SYNC"),
    7: Layout("other", "RTC_UPDATE"),
}
V1: Final[Mapping[int, Layout]] = {
    0: Layout("status", "INFO", (Part(RAW, 2, 2, signed=True), *_axes(4))),
    1: Layout("heartbeat", "KEEP_ALIVE", (*_bytes(2, "hour", "minute"), Part(RAW, 4, 2, signed=True), *_axes(6))),
    2: DAILY,
    3: Layout(
        "error", "ERROR", (Part("error_data", 2), Part(RAW, 3, 2, signed=True), *_axes(5), Part(BATTERY_LEVEL, 11))
    ),
    4: Layout(
        "startup", "START_FRAME_1", (Part(RAW, 2, 2, signed=True), *_axes(4, "_reference"), Part(MILLIVOLTS, 10, 2))
    ),
    5: START_2,
}
ERRORS: Final = ("Z axis", "Y axis", "X axis", "RTC", "LoRaWAN", "Sigfox")
"""What each bit of the error byte, from the lowest, says is broken."""
OCCUPIED, BATTERY_LOW, TYPE_BITS = 0x80, 0x40, 0x0F
DEFAULT_TYPES: Final[Mapping[Kind, int]] = {"status": 0, "heartbeat": 1, "error": 3, "startup": 4}


class _Libelium(Codec):
    def decode(self, frame: Frame, before: Status | None) -> Reading:
        """Return what the frame says; raises FrameError only."""
        del before
        layouts, length = self._version()
        if len(frame) != length:
            raise frame.fail(f"{len(frame)} bytes, a frame of this firmware has {length}")
        head = frame.unsigned(0)
        layout = layouts.get(head & TYPE_BITS)
        if layout is None:
            raise frame.fail(f"an unknown frame type, {head & TYPE_BITS}")
        values = {
            part.name: (frame.signed if part.signed else frame.unsigned)(part.start, part.length)
            for part in layout.parts
        }
        celsius = values.pop(CELSIUS, None)
        battery_v = self._battery_v(values)
        low = bool(head & BATTERY_LOW)
        fields: dict[str, object] = {
            "frame_type": head & TYPE_BITS,
            "frame_type_name": layout.name,
            "frame_counter": frame.unsigned(1),
            "battery_low": low,
            **values,
        }
        if "firmware" in values:
            fields["firmware"] = str(values["firmware"])
        if faults := _faults(values.get("error_data", 0), low=low):
            fields["fault"] = faults
        return Reading(
            kind=layout.kind,
            status=FREE_OR_OCCUPIED[bool(head & OCCUPIED)],
            battery_v=battery_v,
            temperature_c=None if celsius is None else float(celsius),
            fields=fields,
        )

    def encode(self, reading: Reading) -> Encoded:
        """Return the frame that says so, or raise ValueError; `frame_type` chooses where a kind has several."""
        layouts, length = self._version()
        default = DEFAULT_TYPES.get(reading.kind, -1)
        number = number_of(reading, "frame_type", high=TYPE_BITS) if "frame_type" in reading.fields else default
        layout = layouts.get(number)
        if layout is None or layout.kind != reading.kind:
            raise cannot(reading)
        data = bytearray(length)
        low = BATTERY_LOW if reading.fields.get("battery_low") else 0
        data[0] = (OCCUPIED if occupied_bit(reading) else 0) | low | number
        data[1] = number_of(reading, "frame_counter")
        for part in layout.parts:
            size = 1 << 8 * part.length
            lowest, highest = (-size // 2, size // 2 - 1) if part.signed else (0, size - 1)
            raw = self._raw(reading, part.name, lowest, highest)
            data[part.start : part.start + part.length] = raw.to_bytes(part.length, signed=part.signed)
        return None, bytes(data)

    def _version(self) -> tuple[Mapping[int, Layout], int]:
        raise NotImplementedError

    def _battery_v(self, values: dict[str, int]) -> float | None:
        """Take the battery out of the numbers, as volts."""
        millivolts = values.pop(MILLIVOLTS, None)
        return None if millivolts is None else millivolts / 1000

    def _raw(self, reading: Reading, name: str, low: int, high: int) -> int:
        """Return the number as it is sent; raises ValueError out of range."""
        if name == CELSIUS:
            return whole(reading.temperature_c, name, low, high)
        if name == MILLIVOLTS:
            return whole(None if reading.battery_v is None else reading.battery_v * 1000, "battery_v", low, high)
        if name == "firmware":
            text = str(reading.fields.get(name, 0))
            return whole(int(text) if text.isdecimal() else text, name, low, high)
        return number_of(reading, name, low, high)


class LibeliumV1(_Libelium):
    """Firmware 1.x.x: frames of 12 bytes."""

    family: Literal["libelium-v1"]

    def _version(self) -> tuple[Mapping[int, Layout], int]:
        return V1, 12


class LibeliumV2(_Libelium):
    """Firmware 2.x.x: frames of 11 bytes."""

    family: Literal["libelium-v2"]

    def _version(self) -> tuple[Mapping[int, Layout], int]:
        return V2, 11

    def _battery_v(self, values: dict[str, int]) -> float | None:
        """A level of 0 is not measured: older guides call that byte of the info frame reserved."""
        level = values.pop(BATTERY_LEVEL, 0)
        return (2800 + 4 * level) / 1000 if level else super()._battery_v(values)

    def _raw(self, reading: Reading, name: str, low: int, high: int) -> int:
        if name == BATTERY_LEVEL:
            level = None if reading.battery_v is None else (reading.battery_v * 1000 - 2800) / 4
            return whole(level, "battery_v", low, high)
        return super()._raw(reading, name, low, high)


def _faults(error_data: int, *, low: bool) -> str:
    broken = [name for bit, name in enumerate(ERRORS) if error_data >> bit & 1]
    return ", ".join([*broken, "battery low"] if low else broken)
