"""What every decoder is: a frozen settings model that turns frames into readings, and readings into frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from broker_bridge.devices.frame import Frame, Reading, Status

Encoded = tuple[int | None, bytes]
"""A port, where the device has one, and the frame."""


class Codec(BaseModel, ABC):
    """The decoder of one family of devices; its fields are the `[decoder]` table of the profile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def decode(self, frame: Frame, before: Status | None) -> Reading:
        """Return what the frame says; raises FrameError only. `before` is the status said before."""

    @abstractmethod
    def encode(self, reading: Reading) -> Encoded:
        """Return the frame that says so, or raise ValueError with what the device cannot say."""


def read_by_port(frame: Frame, ports: Mapping[int, Callable[[], Reading]]) -> Reading:
    """Return what the port's own way of reading says; raises FrameError where no frame comes on that port."""
    if frame.port is None:
        raise frame.fail("its port tells what a frame means, and none was given")
    read = ports.get(frame.port)
    if read is None:
        allowed = ", ".join(str(port) for port in ports)
        raise frame.fail(f"a wrong port, it sends on {allowed}")
    return read()


def occupied_bit(reading: Reading) -> int:
    """Return the status as the bit that most devices send; raises ValueError where it has none."""
    if reading.status not in {"free", "occupied"}:
        msg = f"it cannot say that the status is {reading.status}"
        raise ValueError(msg)
    return int(reading.status == "occupied")


def whole(value: object, name: str, low: int, high: int) -> int:
    """Return a number rounded as it is sent, 0 where none is given; raises ValueError beyond what its bytes hold."""
    number = 0 if value is None else value
    if not isinstance(number, int | float):
        msg = f"{name} is no number"
        raise ValueError(msg)  # noqa: TRY004 - what a device cannot say is one error
    # so written, NaN is refused, and so is infinity before it would be rounded
    if not (low - 1 < number < high + 1 and low <= round(number) <= high):
        msg = f"{name} is out of its range"
        raise ValueError(msg)
    return round(number)


def number_of(reading: Reading, name: str, low: int = 0, high: int = 255) -> int:
    """Return a whole number of the reading's fields, 0 where it is not there; raises ValueError out of range."""
    return whole(reading.fields.get(name), name, low, high)


def code_of(reading: Reading, name: str, codes: Mapping[int, str]) -> int:
    """Return the number of a text among the reading's fields, 0 where it is not there or has none."""
    return next((code for code, text in codes.items() if text == reading.fields.get(name)), 0)


def version_of(reading: Reading) -> bytes:
    """Return the firmware as three bytes, zeros where it is not told; raises ValueError if it is no a.b.c."""
    parts = str(reading.fields.get("firmware", "0.0.0")).split(".")
    if len(parts) != len(b"abc") or not all(part.isdecimal() for part in parts):
        msg = "firmware must be three numbers such as 1.2.3"
        raise ValueError(msg)
    return bytes(whole(int(part), "firmware", 0, 255) for part in parts)


def cannot(reading: Reading) -> ValueError:
    """Return the error for a kind of message that this device does not send."""
    return ValueError(f"it sends no frame of the kind {reading.kind}")
