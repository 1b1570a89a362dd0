"""Domain objects to JSON and back, at the store's edge. Old rows stay readable: a field added later has a default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from allocator.domain.events import EVENTS_BY_NAME
from allocator.domain.model import StateImage
from allocator.store.base import StoreError

if TYPE_CHECKING:
    from allocator.domain.events import Event

_ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in EVENTS_BY_NAME.items()}
_NAMES: dict[type[Event], str] = {kind: name for name, kind in EVENTS_BY_NAME.items()}
_IMAGE = TypeAdapter(StateImage)
_TEXTS = TypeAdapter(tuple[str, ...], config=ConfigDict(strict=True))


def encode_event(event: Event) -> tuple[str, str]:
    """Return the event's name and its fields as JSON."""
    name = _NAMES[type(event)]
    return name, _ADAPTERS[name].dump_json(event).decode()


def decode_event(name: str, payload: str) -> Event:
    """Return the event; raises StoreError where this program does not know it."""
    adapter = _ADAPTERS.get(name)
    if adapter is None:
        raise StoreError(f"the database holds an event {name!r} that this version does not know: upgrade baybroker")
    try:
        event: Event = adapter.validate_json(payload, strict=True)
    except ValidationError as error:
        raise StoreError(f"the database holds an event {name!r} that cannot be read: {_first(error)}") from None
    return event


def encode_image(image: StateImage) -> str:
    """Return a snapshot as JSON."""
    return _IMAGE.dump_json(image).decode()


def decode_image(text: str) -> StateImage | None:
    """Return the snapshot, or None where it cannot be read: the events say the same, only slower."""
    try:
        return _IMAGE.validate_json(text, strict=True)
    except ValidationError:
        return None


def encode_texts(texts: tuple[str, ...]) -> str:
    """Return a tuple of texts as a JSON list."""
    return _TEXTS.dump_json(texts).decode()


def decode_texts(text: str) -> tuple[str, ...]:
    """Return the tuple of a JSON list."""
    return _TEXTS.validate_json(text)


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'payload'}: {first['msg']}"
