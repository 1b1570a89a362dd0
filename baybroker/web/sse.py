"""Server-sent events as bytes. A frame is made once and sent to many."""

from __future__ import annotations

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from pydantic_core import to_json

__all__ = ["KEEPALIVE_COMMENT", "frame", "joined"]


def frame(event: str, data: object, position: int | None = None) -> bytes:
    """Return a frame; with a position, a client that read it to its end may resume behind it."""
    body = data if isinstance(data, bytes) else to_json(data)
    return format_sse_event(data_str=body.decode(), event=event, id=None if position is None else str(position))


def joined(events: list[bytes]) -> bytes:
    """Return the data of an `events` frame, of events that are JSON already."""
    return b'{"events":[' + b",".join(events) + b"]}"
