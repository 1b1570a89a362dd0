"""Bosch Parking Lot Sensor TPS110, firmware 0.29: the port tells the type of the frame."""

from __future__ import annotations

from typing import Final, Literal

from broker_bridge.devices.codec import (
    Codec,
    Encoded,
    cannot,
    code_of,
    occupied_bit,
    read_by_port,
    version_of,
    whole,
)
from broker_bridge.devices.frame import FREE_OR_OCCUPIED, Frame, Reading, Status

STATUS, HEARTBEAT, STARTUP, INFORMATION, USAGE, DEBUG = range(1, 7)
RESET_CAUSES: Final = {1: "watchdog", 2: "power on", 3: "system request", 4: "other"}
STARTUP_BYTES, DEBUG_BYTES = 17, 10
DEBUG_CODES_AT: Final = (0, 4, 8)
DEBUG_CODE_BITS: Final = 0xFFF


class BoschTps110(Codec):
    """Bosch TPS110; a heartbeat of one byte comes from firmware that does not measure the temperature."""

    family: Literal["bosch-tps110"]

    def decode(self, frame: Frame, before: Status | None) -> Reading:
        """Return what the frame says; raises FrameError only."""
        del before
        return read_by_port(
            frame,
            {
                STATUS: lambda: Reading(kind="status", status=_occupied(frame)),
                HEARTBEAT: lambda: _heartbeat(frame),
                STARTUP: lambda: _startup(frame),
                INFORMATION: lambda: _bytes_only(frame, "device information"),
                USAGE: lambda: _bytes_only(frame, "device usage"),
                DEBUG: lambda: _debug(frame),
            },
        )

    def encode(self, reading: Reading) -> Encoded:
        """Return the frame that says so, or raise ValueError."""
        occupied = occupied_bit(reading)
        if reading.kind == "status":
            return STATUS, bytes([occupied])
        if reading.kind == "heartbeat":
            if reading.temperature_c is None:
                return HEARTBEAT, bytes([occupied])
            celsius = whole(reading.temperature_c, "temperature_c", -128, 127)
            return HEARTBEAT, bytes([occupied]) + celsius.to_bytes(1, signed=True)
        if reading.kind == "startup":
            return STARTUP, _debug_codes(reading) + version_of(reading) + bytes(
                [code_of(reading, "reset_cause", RESET_CAUSES), occupied]
            )
        raise cannot(reading)


def _occupied(frame: Frame, start: int = 0) -> Status:
    return FREE_OR_OCCUPIED[frame.bit(start, 0)]


def _heartbeat(frame: Frame) -> Reading:
    celsius = float(frame.signed(1)) if len(frame) > 1 else None
    return Reading(kind="heartbeat", status=_occupied(frame), temperature_c=celsius)


def _startup(frame: Frame) -> Reading:
    frame.need(STARTUP_BYTES)
    codes = (frame.unsigned(start, 2, little=True) & DEBUG_CODE_BITS for start in DEBUG_CODES_AT)
    fields: dict[str, object] = {
        "firmware": ".".join(str(number) for number in frame.data[12:15]),
        "reset_cause": RESET_CAUSES.get(frame.unsigned(15), "unknown"),
        "debug_codes": [code for code in codes if code],
    }
    return Reading(kind="startup", status=_occupied(frame, 16), fields=fields)


def _bytes_only(frame: Frame, what: str) -> Reading:
    frame.need(1)
    return Reading(kind="other", fields={"type": what, "bytes": frame.data.hex()})


def _debug(frame: Frame) -> Reading:
    frame.need(DEBUG_BYTES)
    fields: dict[str, object] = {
        "type": "debug",
        "timestamp": frame.unsigned(0, 4, little=True),
        "debug_code": frame.unsigned(4, 2, little=True) & DEBUG_CODE_BITS,
        "sequence_number": frame.unsigned(8, 2, little=True),
    }
    return Reading(kind="other", fields=fields)


def _debug_codes(reading: Reading) -> bytes:
    codes = reading.fields.get("debug_codes", [])
    if not isinstance(codes, list) or len(codes) > len(DEBUG_CODES_AT):
        msg = f"debug_codes must be a list of at most {len(DEBUG_CODES_AT)}"
        raise ValueError(msg)
    sent = [whole(code, "debug_codes", 1, DEBUG_CODE_BITS) for code in codes]
    return b"".join(code.to_bytes(4, "little") for code in [*sent, 0, 0, 0][: len(DEBUG_CODES_AT)])
