"""PNI PlacePod: one or several values in a frame, on any port; all of them are read."""

from __future__ import annotations

from typing import Final, Literal

from broker_bridge.devices import tlv
from broker_bridge.devices.codec import Codec, Encoded, cannot, occupied_bit, whole
from broker_bridge.devices.frame import FREE_OR_OCCUPIED, Frame, Kind, Reading, Status

RECALIBRATED, TEMPERATURE, BATTERY, STATUS, DEACTIVATED = 0x0101, 0x0267, 0x0302, 0x1566, 0x1C01
COUNT, KEEP_ALIVE_COUNT, KEEP_ALIVE, REBOOTED = 0x2100, 0x3700, 0x3766, 0x3F01
NAMES: Final = {
    RECALIBRATED: "recalibrate_response",
    DEACTIVATED: "deactivate_response",
    COUNT: "vehicle_count",
    KEEP_ALIVE_COUNT: "vehicle_count",
    REBOOTED: "reboot_response",
}
LENGTHS: Final = {**dict.fromkeys((*NAMES, STATUS, KEEP_ALIVE), 1), TEMPERATURE: 2, BATTERY: 2}
KINDS: Final[tuple[tuple[int, Kind], ...]] = (
    (REBOOTED, "startup"),
    (STATUS, "status"),
    (KEEP_ALIVE, "heartbeat"),
    (KEEP_ALIVE_COUNT, "heartbeat"),
    (COUNT, "other"),
    (RECALIBRATED, "other"),
    (DEACTIVATED, "other"),
)
"""What a frame is, by the first of these that it carries; with a temperature or a battery alone, a heartbeat."""


class PniPlacepod(Codec):
    """PlacePod, in ground or on the surface."""

    family: Literal["pni-placepod"]

    def decode(self, frame: Frame, before: Status | None) -> Reading:
        """Return what the frame says; raises FrameError only."""
        del before
        found = dict(tlv.values(frame, LENGTHS))
        kind: Kind = next((kind for key, kind in KINDS if key in found), "heartbeat")
        fields: dict[str, object] = {NAMES[key]: frame.unsigned(start) for key, start in found.items() if key in NAMES}
        told = [key for key in found if key in {STATUS, KEEP_ALIVE}]
        if told:
            fields["keep_alive"] = STATUS not in found
        return Reading(
            kind=kind,
            status=_status(frame, found[told[-1]]) if told else None,
            battery_v=frame.signed(found[BATTERY], 2) / 100 if BATTERY in found else None,
            temperature_c=frame.signed(found[TEMPERATURE], 2) / 10 if TEMPERATURE in found else None,
            fields=fields,
        )

    def encode(self, reading: Reading) -> Encoded:
        """Return the frame that says so, or raise ValueError."""
        if reading.kind not in {"status", "heartbeat", "startup"}:
            raise cannot(reading)
        data = b"\x3f\x01\x01" if reading.kind == "startup" else b""
        if reading.battery_v is not None:
            data += b"\x03\x02" + _two_bytes(reading.battery_v * 100, "battery_v")
        if reading.status is not None or reading.kind == "status":
            # only a status of its own makes a frame a status
            data += (b"\x37\x66" if reading.kind == "heartbeat" else b"\x15\x66") + bytes([occupied_bit(reading)])
        if reading.temperature_c is not None:
            data += b"\x02\x67" + _two_bytes(reading.temperature_c * 10, "temperature_c")
        if not data:
            msg = "a heartbeat needs a status, a battery or a temperature"
            raise ValueError(msg)
        return None, data


def _status(frame: Frame, start: int) -> Status:
    said = frame.unsigned(start)
    if said >= len(FREE_OR_OCCUPIED):
        raise frame.fail(f"an unknown parking status, {said}")
    return FREE_OR_OCCUPIED[said]


def _two_bytes(value: float, name: str) -> bytes:
    return whole(value, name, -0x8000, 0x7FFF).to_bytes(2, signed=True)
