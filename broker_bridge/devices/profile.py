"""Device profiles: `config/devices/NAME.toml` names a decoder with its settings, one file per device and firmware."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from broker_bridge.devices.bosch import BoschTps110
from broker_bridge.devices.frame import Frame, FrameError, Reading, Status
from broker_bridge.devices.generic_json import GenericJson
from broker_bridge.devices.libelium import LibeliumV1, LibeliumV2
from broker_bridge.devices.milesight import MilesightEm310Udl, MilesightEm400Mud
from broker_bridge.devices.nwave import NwaveNcc405, NwaveNps310, NwaveNps405
from broker_bridge.devices.placepod import PniPlacepod
from broker_bridge.devices.tekzitel import TekzitelTekzipark
from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from broker_bridge.devices.codec import Codec, Encoded

Text = Annotated[str, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=223)]
"""LoRaWAN's application ports."""
Decoder = Annotated[
    BoschTps110
    | NwaveNps310
    | NwaveNps405
    | NwaveNcc405
    | LibeliumV1
    | LibeliumV2
    | PniPlacepod
    | TekzitelTekzipark
    | MilesightEm310Udl
    | MilesightEm400Mud
    | GenericJson,
    Field(discriminator="family"),
]


class ProfileFile(BaseModel):
    """The fields of a profile's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vendor: Text
    model: Text
    firmware: Text
    heartbeat_s: int = Field(ge=1, le=604_800)
    ports: tuple[Port, ...] = ()
    source: Text
    notes: str = ""
    decoder: Decoder


@dataclass(frozen=True, slots=True)
class Profile:
    """One device with one firmware: what its frames mean. No ports: the device is heard on any, or has none."""

    name: str
    vendor: str
    model: str
    firmware: str
    heartbeat_s: int
    ports: tuple[int, ...]
    source: str
    notes: str
    codec: Codec

    def decode(self, frame: bytes, port: int | None, *, before: Status | None = None) -> Reading:
        """Return what the frame says; raises FrameError only. `before`: the status said before, for hysteresis."""
        if self.ports and port is not None and port not in self.ports:
            allowed = ", ".join(str(number) for number in self.ports)
            raise FrameError(self.name, port, frame, f"a wrong port, it sends on {allowed}")
        return self.codec.decode(Frame(self.name, port, frame), before)

    def decode_json(self, payload: object, *, before: Status | None = None) -> Reading:
        """Return what a parsed JSON payload says; raises FrameError, also where the device sends bytes."""
        frame = Frame(self.name, None, b"")
        if not isinstance(self.codec, GenericJson):
            raise frame.fail("it sends bytes, not JSON")
        return self.codec.decode_json(payload, frame, before)

    def encode(self, reading: Reading) -> Encoded:
        """Return port and frame as this device would send them; raises FrameError for what it cannot say."""
        try:
            return self.codec.encode(reading)
        except ValueError as error:
            raise FrameError(self.name, None, b"", str(error)) from None


def load_profiles(directory: Path) -> dict[str, Profile]:
    """Return the profiles of a folder by name; raises SettingsError naming file and field."""
    if not directory.is_dir():
        raise SettingsError(f"{directory}: no such folder of device profiles")
    return {path.stem: load_profile(path) for path in sorted(directory.glob("*.toml"))}


def load_profile(path: Path) -> Profile:
    """Return the profile of a file, named as the file is; raises SettingsError naming file and field."""
    try:
        file = ProfileFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        # a misspelt field is also a missing one: the spelling is the better news
        first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
        field = ".".join(str(part) for part in first["loc"]) or "profile"
        raise SettingsError(f"{path}: {field}: {first['msg'].removeprefix('Value error, ')}") from None
    return Profile(
        name=path.stem,
        vendor=file.vendor,
        model=file.model,
        firmware=file.firmware,
        heartbeat_s=file.heartbeat_s,
        ports=file.ports,
        source=file.source,
        notes=file.notes,
        codec=file.decoder,
    )
