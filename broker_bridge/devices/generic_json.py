"""Any device that sends JSON: the profile says where in it each value stands and which words mean free or occupied."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from broker_bridge.devices.codec import Codec, Encoded
from broker_bridge.devices.frame import Frame, Kind, Reading, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

PAYLOAD_BYTES_MAX = 16_384
TEXT_MAX = 64
NUMBER_MAX = 1e9
Path = Annotated[str, Field(min_length=1)]
"""A field's name; within objects the names with dots between, such as `sensor.state`."""
Word = bool | int | float | str


class Paths(BaseModel):
    """Where each value stands; one that is not named here is not read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Path | None = None
    battery_v: Path | None = None
    battery_pct: Path | None = None
    temperature_c: Path | None = None
    previous_state_s: Path | None = None
    firmware: Path | None = None
    fault: Path | None = None


class Words(BaseModel):
    """What means each status; texts in any case. The first of each is what `encode` writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    free: tuple[Word, ...] = Field(min_length=1)
    occupied: tuple[Word, ...] = Field(min_length=1)
    unknown: tuple[Word, ...] = ()


NUMBERS: Final = ("battery_v", "battery_pct", "temperature_c")
TEXTS: Final = ("firmware", "fault")


class GenericJson(Codec):
    """JSON objects; a field that is missing or null is not said."""

    family: Literal["generic-json"]
    paths: Paths
    words: Words

    def decode(self, frame: Frame, before: Status | None) -> Reading:
        """Return what the frame's JSON says; raises FrameError only."""
        if len(frame) > PAYLOAD_BYTES_MAX:
            raise frame.fail(f"{len(frame)} bytes, at most {PAYLOAD_BYTES_MAX} are read")
        try:
            payload = json.loads(frame.data)
        except (ValueError, RecursionError):
            raise frame.fail("it is no JSON") from None
        return self.decode_json(payload, frame, before)

    def decode_json(self, payload: object, frame: Frame, before: Status | None) -> Reading:
        """Return what the parsed JSON says; raises FrameError only."""
        del before
        if not isinstance(payload, dict):
            raise frame.fail("it is no JSON object")
        said = {name: _at(payload, path) for name, path in self.paths if path}
        said = {name: value for name, value in said.items() if value is not None and value != ""}
        if not said:
            named = ", ".join(path for _, path in self.paths if path)
            raise frame.fail(f"it has none of the fields {named}")
        numbers = {name: _number(frame, name, said[name]) for name in NUMBERS if name in said}
        previous = _number(frame, "previous_state_s", said.get("previous_state_s", -1))
        status = self._status(frame, said["status"]) if "status" in said else None
        kind: Kind = "status" if status else "error" if "fault" in said else "heartbeat"
        return Reading(
            kind=kind,
            status=status,
            previous_state_s=None if previous < 0 else int(previous),
            fields={name: _text(frame, name, said[name]) for name in TEXTS if name in said},
            **numbers,
        )

    def encode(self, reading: Reading) -> Encoded:
        """Return the JSON that says so, or raise ValueError."""
        said: dict[str, object] = {name: getattr(reading, name) for name in (*NUMBERS, "previous_state_s")}
        said |= {name: reading.fields.get(name) for name in TEXTS}
        if reading.status is not None:
            words: tuple[Word, ...] = getattr(self.words, reading.status)
            if not words:
                msg = f"no word means the status {reading.status}"
                raise ValueError(msg)
            said["status"] = words[0]
        paths = dict(self.paths)
        payload: dict[str, Any] = {}
        for name, value in said.items():
            if value is None:
                continue
            path = paths[name]
            if path is None:
                msg = f"no field holds {name}"
                raise ValueError(msg)
            _put(payload, path, value)
        return None, json.dumps(payload, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()

    def _status(self, frame: Frame, value: object) -> Status:
        statuses: tuple[Status, ...] = ("free", "occupied", "unknown")
        for status in statuses:
            if any(_same(value, word) for word in getattr(self.words, status)):
                return status
        shown = repr(value)[:TEXT_MAX] if isinstance(value, Word) else "that is a list or an object"
        raise frame.fail(f"the profile has no word for the status {shown}")


def _at(payload: Mapping[str, Any], path: str) -> object:
    part: object = payload
    for name in path.split("."):
        if not isinstance(part, dict):
            return None
        part = part.get(name)
    return part


def _put(payload: dict[str, Any], path: str, value: object) -> None:
    *folders, last = path.split(".")
    for folder in folders:
        payload = payload.setdefault(folder, {})
    payload[last] = value


def _same(value: object, word: Word) -> bool:
    if isinstance(value, bool) or isinstance(word, bool):
        return value is word
    if isinstance(value, str) and isinstance(word, str):
        return value.strip().casefold() == word.casefold()
    return isinstance(value, int | float) and value == word


def _number(frame: Frame, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise frame.fail(f"{name} is no number")
    # a comparison that neither NaN nor an integer beyond all floats survives
    if not -NUMBER_MAX <= value <= NUMBER_MAX:
        raise frame.fail(f"{name} is out of its range")
    return float(value)


def _text(frame: Frame, name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise frame.fail(f"{name} is no text")
    return str(value)[:TEXT_MAX]
