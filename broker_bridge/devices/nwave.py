"""Nwave parking sensors NPS310 and NPS405 and the car counter NCC405: the port tells the type of the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from broker_bridge.devices.codec import (
    Codec,
    Encoded,
    cannot,
    code_of,
    number_of,
    occupied_bit,
    read_by_port,
    version_of,
    whole,
)
from broker_bridge.devices.frame import FREE_OR_OCCUPIED, Frame, Reading, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

STATUS, HEARTBEAT, STARTUP, DEBUG, TAG = 1, 2, 3, 6, 10
RESETS_310: Final = {1: "watchdog", 2: "power_on", 3: "user_request", 4: "brownout", 5: "other"}
RESETS_405: Final = {
    0: "rejoining_lorawan_network",
    1: "watchdog",
    2: "power_on",
    3: "user_request",
    6: "brownout",
    7: "other",
}
DURATIONS: Final = ((0, 0, 1, 0), (90, 90, 5, 4), (120, 240, 60, 59))
"""Steps of the compressed duration: first code, its minutes, minutes per code, how much longer it may have been."""
OVERFLOW, OVERFLOW_MIN = 127, 660
MINUTE_S = 60
HEALTH_BITS: Final = 0x7F
TAG_BYTES, TAG_WITH_BATTERY_BYTES = 5, 6
COLD_C = -5


class NwaveNps310(Codec):
    """NPS310SM: status and heartbeat are one bit."""

    family: Literal["nwave-nps310"]

    def decode(self, frame: Frame, before: Status | None) -> Reading:
        """Return what the frame says; raises FrameError only."""
        del before
        return read_by_port(
            frame,
            {
                STATUS: lambda: Reading(kind="status", status=_said(frame)),
                HEARTBEAT: lambda: Reading(kind="heartbeat", status=_said(frame)),
                STARTUP: lambda: _startup(frame, RESETS_310, _said(frame, 4)),
                DEBUG: lambda: _debug(frame),
            },
        )

    def encode(self, reading: Reading) -> Encoded:
        """Return the frame that says so, or raise ValueError."""
        if reading.kind in {"status", "heartbeat"}:
            return (STATUS if reading.kind == "status" else HEARTBEAT), bytes([occupied_bit(reading)])
        return _startup_frame(reading, RESETS_310, bytes([occupied_bit(reading)]))


class NwaveNps405(Codec):
    """NPS405 generation 4: how long the previous state lasted stands beside the bit that says the new one.

    Early firmware had the bit at the top of its byte (`occupied_bit` 7), all since then at the bottom.
    """

    family: Literal["nwave-nps405"]
    occupied_bit: Literal[0, 7] = 0

    def decode(self, frame: Frame, before: Status | None) -> Reading:
        """Return what the frame says; raises FrameError only."""
        del before
        return read_by_port(
            frame,
            {
                STATUS: lambda: self._status(frame),
                HEARTBEAT: lambda: self._heartbeat(frame),
                STARTUP: lambda: _startup(frame, RESETS_405, _said(frame, 4)),
                DEBUG: lambda: _debug(frame),
                TAG: lambda: self._tag(frame),
            },
        )

    def encode(self, reading: Reading) -> Encoded:
        """Return the frame that says so, or raise ValueError."""
        state = occupied_bit(reading) << self.occupied_bit
        if reading.kind == "status":
            return STATUS, bytes([state | _compress(reading.previous_state_s or 0) << self._duration_shift])
        if reading.kind == "heartbeat":
            health = number_of(reading, "hw_health_status", high=HEALTH_BITS) & self._health_bits
            half_degrees = None if reading.temperature_c is None else (reading.temperature_c - 10) * 2
            celsius = whole(half_degrees, "temperature_c", -128, 127)
            return HEARTBEAT, bytes([state | health, _battery_byte(reading.battery_v), celsius & 0xFF])
        return _startup_frame(reading, RESETS_405, bytes([occupied_bit(reading)]))

    @property
    def _duration_shift(self) -> int:
        return 0 if self.occupied_bit else 1

    @property
    def _health_bits(self) -> int:
        """Published decoders let the health overlap the bit of the status; it is masked out here."""
        return HEALTH_BITS & ~(1 << self.occupied_bit)

    def _state(self, frame: Frame) -> Status:
        return FREE_OR_OCCUPIED[frame.bit(0, self.occupied_bit)]

    def _duration(self, frame: Frame) -> tuple[int, dict[str, object]]:
        code = frame.unsigned(0) >> self._duration_shift & OVERFLOW
        minutes, error = _expand(code)
        fields: dict[str, object] = {
            "previous_state_error_s": None if error is None else error * MINUTE_S,
            "previous_state_overflow": error is None,
        }
        return minutes * MINUTE_S, fields

    def _status(self, frame: Frame) -> Reading:
        previous_s, fields = self._duration(frame)
        return Reading(kind="status", status=self._state(frame), previous_state_s=previous_s, fields=fields)

    def _heartbeat(self, frame: Frame) -> Reading:
        frame.need(3)
        battery_v, celsius = _battery_v(frame, 1), frame.signed(2) / 2 + 10
        health = _battery_health(battery_v, celsius)
        fields: dict[str, object] = {
            "hw_health_status": frame.unsigned(0) & self._health_bits,
            "battery_health": health,
        }
        if health != "normal":
            fields["fault"] = f"battery {health}"
        return Reading(
            kind="heartbeat", status=self._state(frame), battery_v=battery_v, temperature_c=celsius, fields=fields
        )

    def _tag(self, frame: Frame) -> Reading:
        frame.need(TAG_BYTES)
        if len(frame) > TAG_WITH_BATTERY_BYTES:
            raise frame.fail(f"{len(frame)} bytes, a tag's registration has 5 or 6")
        fields: dict[str, object] = {"type": "user_registration", "tag_id": frame.data[-4:].hex().upper()}
        if len(frame) == TAG_WITH_BATTERY_BYTES:
            fields["tag_battery_v"] = frame.unsigned(1) / 10
        # without a car the byte carries neither a status nor a duration
        if self._state(frame) == "free":
            return Reading(kind="other", fields=fields)
        previous_s, about = self._duration(frame)
        return Reading(kind="other", status="occupied", previous_state_s=previous_s, fields=fields | about)


class NwaveNcc405(Codec):
    """NCC405: counts cars that pass; it says nothing of a bay."""

    family: Literal["nwave-ncc405"]

    def decode(self, frame: Frame, before: Status | None) -> Reading:
        """Return what the frame says; raises FrameError only."""
        del before
        return read_by_port(
            frame,
            {
                STATUS: lambda: Reading(kind="other", fields={"counter_value": frame.unsigned(0, 2)}),
                HEARTBEAT: lambda: _counter_heartbeat(frame),
                STARTUP: lambda: _startup(frame, RESETS_405, None),
                DEBUG: lambda: _debug(frame),
            },
        )

    def encode(self, reading: Reading) -> Encoded:
        """Return the frame that says so, or raise ValueError."""
        if reading.status is not None:
            msg = "it counts cars and says no status"
            raise ValueError(msg)
        if reading.kind == "other":
            return STATUS, number_of(reading, "counter_value", high=0xFFFF).to_bytes(2)
        if reading.kind == "heartbeat":
            mean = reading.fields.get("battery_mean_24h_v", reading.battery_v)
            health = number_of(reading, "hw_health_status", high=HEALTH_BITS)
            mean_byte = _battery_byte(mean if isinstance(mean, int | float) else None)
            return HEARTBEAT, bytes([health, _battery_byte(reading.battery_v), mean_byte])
        return _startup_frame(reading, RESETS_405, b"")


def _said(frame: Frame, start: int = 0) -> Status:
    return FREE_OR_OCCUPIED[frame.bit(start, 0)]


def _startup(frame: Frame, resets: Mapping[int, str], status: Status | None) -> Reading:
    frame.need(4)
    fields: dict[str, object] = {
        "firmware": ".".join(str(number) for number in frame.data[:3]),
        "reset_cause": resets.get(frame.unsigned(3), "unknown"),
    }
    return Reading(kind="startup", status=status, fields=fields)


def _startup_frame(reading: Reading, resets: Mapping[int, str], last: bytes) -> Encoded:
    if reading.kind != "startup":
        raise cannot(reading)
    return STARTUP, version_of(reading) + bytes([code_of(reading, "reset_cause", resets)]) + last


def _debug(frame: Frame) -> Reading:
    frame.need(1)
    return Reading(kind="other", fields={"type": "debug", "bytes": frame.data.hex()})


def _counter_heartbeat(frame: Frame) -> Reading:
    frame.need(3)
    fields: dict[str, object] = {
        "hw_health_status": frame.unsigned(0) & HEALTH_BITS,
        "battery_mean_24h_v": _battery_v(frame, 2),
    }
    return Reading(kind="heartbeat", battery_v=_battery_v(frame, 1), fields=fields)


def _battery_v(frame: Frame, start: int) -> float:
    return (2500 + 4 * frame.unsigned(start)) / 1000


def _battery_byte(volts: float | None) -> int:
    return whole(None if volts is None else (volts * 1000 - 2500) / 4, "battery_v", 0, 255)


def _battery_health(volts: float, celsius: float) -> str:
    """Nwave's own limits; a cold battery may be 0.1 V lower."""
    low, critical = (3.0, 2.9) if celsius >= COLD_C else (2.9, 2.8)
    return "normal" if volts >= low else "low" if volts >= critical else "critical"


def _expand(code: int) -> tuple[int, int | None]:
    """Return the minutes of a code, and by how many they may be too few; None where there is no limit."""
    if code == OVERFLOW:
        return OVERFLOW_MIN, None
    first, minutes, step, error = max(step for step in DURATIONS if step[0] <= code)
    return minutes + (code - first) * step, error


def _compress(seconds: int) -> int:
    minutes = max(seconds, 0) // MINUTE_S
    if minutes >= OVERFLOW_MIN:
        return OVERFLOW
    first, start, step, _ = max(step for step in DURATIONS if step[1] <= minutes)
    return first + (minutes - start) // step
