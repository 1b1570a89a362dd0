"""What a decoder reads (Frame) and what it says (Reading), with the one error it may raise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from broker_bridge.wire.errors import BaybrokerError

Kind = Literal["status", "heartbeat", "startup", "error", "other"]
Status = Literal["free", "occupied", "unknown"]
FREE_OR_OCCUPIED: Final[tuple[Status, Status]] = ("free", "occupied")
"""By the bit or byte that says it."""
SHOWN_BYTES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one frame says.

    `previous_state_s` is how long the state before `status` lasted, as the device measured it: at least that long.
    `fields` holds the rest as JSON values, under the names of docs/reference/devices.md; in every profile
    `firmware` and `fault` (what is wrong with the device) are texts.
    """

    kind: Kind
    status: Status | None = None
    battery_v: float | None = None
    battery_pct: float | None = None
    temperature_c: float | None = None
    previous_state_s: int | None = None
    fields: dict[str, object] = field(default_factory=dict)


class FrameError(BaybrokerError):
    """A frame is not this device's: a wrong port, too short, or of an unknown type."""

    def __init__(self, profile: str, port: int | None, frame: bytes, reason: str) -> None:
        shown = frame[:SHOWN_BYTES].hex() + ("..." if len(frame) > SHOWN_BYTES else "")
        on_port = "without a port" if port is None else f"on port {port}"
        super().__init__(f"{profile}: {reason} (frame '{shown}' {on_port})")
        self.profile = profile
        self.port = port
        self.frame = frame
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame's bytes with where they came from; reading past the end raises FrameError."""

    profile: str
    port: int | None
    data: bytes

    def __len__(self) -> int:
        return len(self.data)

    def fail(self, reason: str) -> FrameError:
        """Return the error to raise."""
        return FrameError(self.profile, self.port, self.data, reason)

    def need(self, length: int) -> None:
        """Raise FrameError where there are fewer bytes than that."""
        if len(self.data) < length:
            raise self.fail(f"{len(self.data)} bytes, at least {length} are needed")

    def unsigned(self, start: int, length: int = 1, *, little: bool = False) -> int:
        """Return the unsigned integer there, big-endian if not told otherwise."""
        self.need(start + length)
        return int.from_bytes(self.data[start : start + length], "little" if little else "big")

    def signed(self, start: int, length: int = 1, *, little: bool = False) -> int:
        """Return the two's complement integer there, big-endian if not told otherwise."""
        self.need(start + length)
        return int.from_bytes(self.data[start : start + length], "little" if little else "big", signed=True)

    def bit(self, start: int, number: int) -> bool:
        """Return a bit of a byte, bit 0 being the lowest."""
        return bool(self.unsigned(start) >> number & 1)
