"""The bridge's settings: a TOML file. Passwords stand in the environment, never in the file."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from broker_bridge.bridge.networks import (
    CHIRPSTACK_TOPICS,
    TTN_TOPICS,
    Mapping,
    json_parser,
    parse_chirpstack,
    parse_ttn,
)
from broker_bridge.bridge.uplink import Encoding
from broker_bridge.transport.address import parse_address
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.messages import Name

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as Environment

    from broker_bridge.bridge.uplink import Uplink
    from broker_bridge.transport.base import BrokerAddress

Where = Annotated[str, StringConstraints(pattern=r"^(topic:[0-9]{1,2}|[^:]+)$", max_length=200)]
Filter = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
BROKER_DEFAULT = "mqtt://127.0.0.1:1883"


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Login(_Table):
    """Which broker, and as whom; `username_env` and `password_env` name variables of the environment."""

    broker: str = BROKER_DEFAULT
    username: str | None = None
    username_env: Variable | None = None
    password_env: Variable | None = None

    def address(self, environment: Environment[str, str]) -> BrokerAddress:
        """Return the broker's address with its credentials; raises SettingsError."""
        address = parse_address(self.broker)
        if address.password is not None:
            raise SettingsError("broker: keep the password out of the file: name its variable with password_env")
        username = _variable(self.username_env, environment) or self.username or address.username
        return replace(address, username=username, password=_variable(self.password_env, environment))


class JsonFields(_Table):
    """Where the fields of a JSON source are: a path such as `data.id`, or `topic:2` for a level of the topic from 0."""

    device: Where
    time: Where | None = None
    f_cnt: Where | None = None
    port: Where | None = None
    frame: Where | None = None
    encoding: Encoding = "base64"


class Source(Login):
    """A network to listen to."""

    name: Name
    network: Literal["chirpstack", "ttn", "json"]
    topics: Annotated[list[Filter], Field(max_length=50)] = []
    fields: JsonFields | None = None

    @model_validator(mode="after")
    def _json_needs_a_mapping(self) -> Self:
        if (self.network == "json") != (self.fields is not None):
            msg = "a json source needs [sources.fields] with `device`, and only a json source has it"
            raise ValueError(msg)
        if self.network == "json" and not self.topics:
            msg = "a json source needs `topics`"
            raise ValueError(msg)
        return self

    @property
    def is_persistent(self) -> bool:
        """Whether the broker keeps what comes while the bridge is away; The Things Stack publishes at QoS 0 only."""
        return self.network != "ttn"

    def filters(self, username: str | None) -> list[str]:
        """Return what to subscribe to. The Things Stack's users see their own application only."""
        defaults = {"chirpstack": CHIRPSTACK_TOPICS, "ttn": TTN_TOPICS, "json": ()}[self.network]
        return list(self.topics) or [topic.format(user=username or "+") for topic in defaults]

    def parser(self) -> Callable[[str, bytes], Uplink | None]:
        """Return what reads this source's messages."""
        if self.fields is not None:
            return json_parser(Mapping(**self.fields.model_dump()))
        return parse_chirpstack if self.network == "chirpstack" else parse_ttn


class BridgeSettings(_Table):
    """Everything the bridge is told. Files are relative to the settings' folder."""

    city: Name
    gateway: Name = "gw-bridge"
    target: Login = Login()
    device_map: Path
    registry: Path
    sources: Annotated[list[Source], Field(min_length=1, max_length=20)]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            msg = "two sources have the same name"
            raise ValueError(msg)
        return self


def load_settings(file: Path) -> BridgeSettings:
    """Return the settings of a file; raises SettingsError naming the file and the field."""
    try:
        settings = BridgeSettings.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file}: not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "settings"
        raise SettingsError(f"{file}: {field}: {first['msg'].removeprefix('Value error, ')}") from None
    folder = file.parent
    return settings.model_copy(
        update={"device_map": folder / settings.device_map, "registry": folder / settings.registry}
    )


def _variable(name: str | None, environment: Environment[str, str]) -> str | None:
    if name is None:
        return None
    value = environment.get(name)
    if not value:
        raise SettingsError(f"the environment variable {name} is not set: the bridge's settings name it")
    return value
