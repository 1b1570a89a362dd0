"""Tekzitel TEKZIPARK: radar and magnetometer, with the Bluetooth beacons in sight."""

from __future__ import annotations

from typing import Final, Literal

from broker_bridge.devices.codec import Codec, Encoded, cannot, number_of, occupied_bit, read_by_port, whole
from broker_bridge.devices.frame import FREE_OR_OCCUPIED, Frame, Kind, Reading, Status

STATUS, DEBUG = 1, 2
KEEP_ALIVE, RESET, NO_BEACON, RADAR, OBSTRUCTION, GOOD_BATTERY = range(6)
OCCUPIED = 7
FLAGS: Final = {
    "keep_alive": KEEP_ALIVE,
    "reset": RESET,
    "no_beacon": NO_BEACON,
    "radar": RADAR,
    "obstruction": OBSTRUCTION,
    "good_battery": GOOD_BATTERY,
}
HEAD_BYTES, BEACONS_AT, DEBUG_BYTES = 3, 4, 12
SIGNED_DEBUG: Final = ("deflection_x", "deflection_y", "deflection_z", "baseline_x", "baseline_y", "baseline_z")
PLAIN_DEBUG: Final = ("fault_code", "obstruction_level", "reflection")


class TekzitelTekzipark(Codec):
    """TEKZIPARK."""

    family: Literal["tekzitel-tekzipark"]

    def decode(self, frame: Frame, before: Status | None) -> Reading:
        """Return what the frame says; raises FrameError only."""
        del before
        return read_by_port(frame, {STATUS: lambda: _status(frame), DEBUG: lambda: _debug(frame)})

    def encode(self, reading: Reading) -> Encoded:
        """Return the frame that says so, or raise ValueError."""
        if reading.kind not in {"status", "heartbeat", "startup"}:
            raise cannot(reading)
        told = {"good_battery": True} | reading.fields
        told |= {"keep_alive": reading.kind == "heartbeat", "reset": reading.kind == "startup"}
        flags = occupied_bit(reading) << OCCUPIED
        flags |= sum(1 << bit for name, bit in FLAGS.items() if told.get(name))
        celsius = whole(reading.temperature_c, "temperature_c", -128, 127)
        return STATUS, bytes([flags, celsius & 0xFF, number_of(reading, "parking_id")])


def _head(frame: Frame) -> dict[str, object]:
    frame.need(HEAD_BYTES)
    fields: dict[str, object] = {name: frame.bit(0, bit) for name, bit in FLAGS.items()}
    fields["parking_id"] = frame.unsigned(2)
    return fields


def _reading(frame: Frame, kind: Kind, fields: dict[str, object], *faults: str) -> Reading:
    told = [*faults]
    told += ["obstructed"] if fields["obstruction"] else []
    told += [] if fields["good_battery"] else ["battery low"]
    if told:
        fields["fault"] = ", ".join(told)
    status = FREE_OR_OCCUPIED[frame.bit(0, OCCUPIED)]
    return Reading(kind=kind, status=status, temperature_c=float(frame.signed(1)), fields=fields)


def _status(frame: Frame) -> Reading:
    fields = _head(frame)
    kind: Kind = "startup" if fields["reset"] else "heartbeat" if fields["keep_alive"] else "status"
    if len(frame) > HEAD_BYTES:
        if len(frame) % 2:
            raise frame.fail(f"{len(frame)} bytes, the last beacon is cut")
        fields["beacon_rssi_dbm"] = frame.signed(HEAD_BYTES)
        fields["beacons"] = [frame.unsigned(start, 2) for start in range(BEACONS_AT, len(frame), 2)]
    return _reading(frame, kind, fields)


def _debug(frame: Frame) -> Reading:
    frame.need(DEBUG_BYTES)
    fields = _head(frame)
    fields |= {name: frame.signed(3 + index) for index, name in enumerate(SIGNED_DEBUG)}
    fields |= {name: frame.unsigned(9 + index) for index, name in enumerate(PLAIN_DEBUG)}
    code = frame.unsigned(9)
    return _reading(frame, "error", fields, f"code {code}") if code else _reading(frame, "other", fields)
