"""Bytes to messages and back, bounded in size. A payload that is not valid raises BadMessageError."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.messages import PAYLOADS

if TYPE_CHECKING:
    from pydantic import BaseModel

    from broker_bridge.wire.topics import TopicKind

PAYLOAD_BYTES_MAX = 16 * 1024
_ADAPTERS: dict[TopicKind, TypeAdapter[Any]] = {kind: TypeAdapter(model) for kind, model in PAYLOADS.items()}


def decode(kind: TopicKind, payload: bytes) -> Any:
    """Return the message of `kind`; raises BadMessageError (too_large, not_json, wrong_fields)."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise BadMessageError("too_large", f"{len(payload)} bytes, at most {PAYLOAD_BYTES_MAX}")
    try:
        return _ADAPTERS[kind].validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        reason = "not_json" if first["type"] == "json_invalid" else "wrong_fields"
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise BadMessageError(reason, f"{where}: {first['msg']}") from None


def encode(message: BaseModel) -> bytes:
    """Return the message as JSON; fields that are None are left out."""
    return message.model_dump_json(exclude_none=True, by_alias=True).encode()
