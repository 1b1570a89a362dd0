"""The contract as an AsyncAPI 3.0 document, made from the topics and the message models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from broker_bridge.wire.messages import PAYLOADS
from broker_bridge.wire.topics import NAME_PATTERN, PREFIX, RETAINED, TopicKind

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTRACT_VERSION = "1.0.0"
OURS = frozenset({"allocator", "simulator"})
"""Publishers that are baybroker's own programs; the others are the world around it."""

PUBLISHERS: Mapping[TopicKind, str] = {
    TopicKind.GATEWAY_STATUS: "gateway",
    TopicKind.OCCUPANCY: "sensor",
    TopicKind.DEVICE: "sensor",
    TopicKind.BAY_STATE: "allocator",
    TopicKind.ZONE_AVAILABILITY: "allocator",
    TopicKind.ZONE_EVENTS: "allocator",
    TopicKind.DRIVER_REQUEST: "driver",
    TopicKind.DRIVER_REPLY: "allocator",
    TopicKind.RESIDENT_OFFER: "resident",
    TopicKind.RESIDENT_NOTICE: "allocator",
    TopicKind.OPERATOR_COMMAND: "operator",
    TopicKind.OPERATOR_REPLY: "allocator",
    TopicKind.ALLOCATOR_STATUS: "allocator",
    TopicKind.CLOCK: "simulator",
    TopicKind.SIMULATOR_COMMAND: "operator",
}
PARAMETERS: Mapping[str, str] = {
    "city": "The city; one installation may serve several",
    "gateway": "What the sensors connect through; a lone sensor is a gateway of one",
    "zone": "A part of the city, with event numbers of its own",
    "bay": "A parking bay",
    "driver": "A driver, by a pseudonymous name",
    "resident": "A resident who shares a bay, by a pseudonymous name",
    "operator": "An operator of the installation",
}
_DESCRIPTION = (
    "Shared parking over MQTT 3.1.1. Every message is JSON in UTF-8, at most 16 KiB, published at QoS 1. Names in"
    f" topics match `{NAME_PATTERN}`. Receivers ignore fields that they do not know. Written from baybroker's side:"
    " it sends what its allocator and its simulator publish, and receives what sensors, drivers, residents and"
    " operators do."
)


def models_of(kind: TopicKind) -> tuple[type[BaseModel], ...]:
    """Return the models that a topic's payload may have: one, or one for each `type`."""
    payload = PAYLOADS[kind]
    if isinstance(payload, type) and issubclass(payload, BaseModel):
        return (payload,)
    return get_args(get_args(payload)[0])


def parameters_of(kind: TopicKind) -> tuple[str, ...]:
    """Return the placeholders of the topic, the city first."""
    return ("city", *(level[1:-1] for level in kind.value.split("/") if level.startswith("{")))


def document() -> dict[str, Any]:
    """Return the AsyncAPI document as plain dicts, lists and scalars, in a stable order."""
    return {
        "asyncapi": "3.0.0",
        "id": "urn:baybroker:parking:v1",
        "info": {
            "title": "baybroker",
            "version": CONTRACT_VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "localhost:1883",
                "protocol": "mqtt",
                "protocolVersion": "3.1.1",
                "security": [{"$ref": "#/components/securitySchemes/password"}],
            },
        },
        "channels": {_camel(kind): _channel(kind) for kind in TopicKind},
        "operations": {_operation_name(kind): _operation(kind) for kind in TopicKind},
        "components": _components(),
    }


def _camel(kind: TopicKind) -> str:
    first, *rest = kind.name.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


def _action(kind: TopicKind) -> str:
    return "send" if PUBLISHERS[kind] in OURS else "receive"


def _operation_name(kind: TopicKind) -> str:
    name = _camel(kind)
    return f"{_action(kind)}{name[0].upper()}{name[1:]}"


def _channel(kind: TopicKind) -> dict[str, Any]:
    retained = "retained" if kind in RETAINED else "not retained"
    return {
        "address": f"{PREFIX}/{{city}}/{kind.value}",
        "description": f"Published by: {PUBLISHERS[kind]}; {retained}.",
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in parameters_of(kind)},
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"} for model in models_of(kind)},
    }


def _operation(kind: TopicKind) -> dict[str, Any]:
    channel = f"#/channels/{_camel(kind)}"
    return {
        "action": _action(kind),
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{model.__name__}"} for model in models_of(kind)],
        "bindings": {"mqtt": {"qos": 1, "retain": kind in RETAINED, "bindingVersion": "0.2.0"}},
    }


def _components() -> dict[str, Any]:
    models = [model for kind in TopicKind for model in models_of(kind)]
    _, definitions = models_json_schema(
        [(model, "validation") for model in models],
        ref_template="#/components/schemas/{model}",
    )
    schemas = definitions["$defs"]
    for kind in TopicKind:
        if len(variants := models_of(kind)) > 1:
            # Within one message `type` has its default; on the wire it tells the variants apart and must be there.
            for model in variants:
                schema = schemas[model.__name__]
                schema["required"] = sorted({"type", *schema["required"]})
    return {
        "messages": {
            model.__name__: {
                "name": model.__name__,
                "summary": model.__doc__,
                "contentType": "application/json",
                "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
            }
            for model in models
        },
        "parameters": {name: {"description": text} for name, text in PARAMETERS.items()},
        "schemas": schemas,
        "securitySchemes": {
            "password": {"type": "userPassword", "description": "The user's name is that in its topics, such as gw-1"},
        },
    }
