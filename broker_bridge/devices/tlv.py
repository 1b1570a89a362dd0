"""Frames that are a chain of values, each led by its channel and its type (Cayenne LPP and the like)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from broker_bridge.devices.frame import Frame

HEAD_BYTES = 2


def values(frame: Frame, lengths: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Yield (channel << 8 | type, where its value starts) of every value.

    `lengths` gives the bytes of each value. Raises FrameError for an empty frame, an unknown channel and type, and a
    value cut short.
    """
    frame.need(HEAD_BYTES)
    start = 0
    while start < len(frame):
        key = frame.unsigned(start, HEAD_BYTES)
        length = lengths.get(key)
        if length is None:
            raise frame.fail(f"an unknown channel and type, {key >> 8:02x} {key & 0xFF:02x}")
        start += HEAD_BYTES
        frame.need(start + length)
        yield key, start
        start += length
