"""What was told to others, against what was committed (S7)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from baybroker.verify.report import Report

_TOLD = (
    "SELECT 'outbox row ' || outbox_id, payload FROM outbox "
    "UNION ALL SELECT 'the answer to ' || request_id || ' of ' || party, payload FROM answer"
)


def check_announced(
    connection: sqlite3.Connection, report: Report, last_position: int, last_event_nos: Mapping[str, int]
) -> None:
    """Note every message that names a position, or an event_no of a zone, that is not in the events."""
    for what, payload in connection.execute(_TOLD):
        if not payload:
            continue  # an empty retained message takes a topic's state away
        try:
            message = json.loads(payload)
        except ValueError:
            report.add("S7", f"{what} is no JSON")
            continue
        numbers = message.get("data", message) if isinstance(message, dict) else {}
        position, zone, event_no = (numbers.get(name) for name in ("position", "zone", "event_no"))
        if isinstance(position, int) and position > last_position:
            report.add("S7", f"{what} tells of position {position}, the last is {last_position}")
        if isinstance(event_no, int) and zone is not None and event_no > last_event_nos.get(zone, 0):
            report.add("S7", f"{what} tells of event {event_no} of {zone}, the last is {last_event_nos.get(zone, 0)}")
