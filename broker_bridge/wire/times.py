"""Times on the wire are RFC 3339 UTC with milliseconds; in the programs they are epoch milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_MS = 1000
# The ends of the calendar, years 1 to 9999: past them a time could be read that cannot be written.
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999


def parse_rfc3339(text: object) -> int:
    """Return epoch milliseconds; raises ValueError where `text` is no RFC 3339 time with an offset."""
    if not isinstance(text, str) or _RFC3339.fullmatch(text) is None:
        msg = "not an RFC 3339 time with an offset, such as 2026-03-02T09:00:00.000Z"
        raise ValueError(msg)
    at_ms = round(datetime.fromisoformat(text.upper()).timestamp() * _MS)
    if not _FIRST_MS <= at_ms <= _LAST_MS:
        msg = "not between the years 1 and 9999"
        raise ValueError(msg)
    return at_ms


@lru_cache(maxsize=1024)  # a batch is of one time
def format_rfc3339(at_ms: int) -> str:
    """Return the time as `2026-03-02T09:00:00.000Z`."""
    seconds, ms = divmod(at_ms, _MS)
    return f"{datetime.fromtimestamp(seconds, UTC).isoformat()[:19]}.{ms:03d}Z"


def _from_either(value: object, info: ValidationInfo) -> object:
    return parse_rfc3339(value) if info.mode == "json" else value


EpochMs = Annotated[
    int,
    BeforeValidator(_from_either),
    PlainSerializer(format_rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-02T09:00:00.000Z"]}),
]
"""Epoch milliseconds in Python, an RFC 3339 string in JSON."""
