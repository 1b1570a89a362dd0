"""What happened at a bay, in words for everyone: no name of anybody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from baybroker.web.views import View, when

if TYPE_CHECKING:
    from baybroker.web.database import Database, Row

TOLD_MAX = 50
LOOKED_BACK = 20_000
"""Positions: only a sensor's changes have an index by bay, so the rest is looked for among the newest events."""
_TEXTS = {
    "occupancy_changed": "the sensor says {status}",
    "bay_closed": "closed by an operator",
    "bay_opened": "opened by an operator",
    "sensor_repaired": "the sensor was repaired",
    "sensor_lost": "nothing is known of the bay: {reason}",
    "sensor_restored": "the sensor is heard again",
    "bay_contested": "contested: {reason}",
    "bay_cleared": "no longer contested",
    "bay_recalled": "the resident wants it back",
    "reservation_bound": "promised to a driver",
    "reservation_activated": "the guest has arrived",
    "reservation_completed": "the guest has left",
}


async def bay_history(database: Database, bay: str) -> list[View]:
    """Return the newest events of a bay, newest first; raises StoreError."""
    last = await database.row("select_last")
    since = (last["position"] if last else 0) - LOOKED_BACK
    rows = await database.rows("select_bay_occupancy", bay, TOLD_MAX)
    rows += await database.rows("select_bay_events", since, bay, TOLD_MAX)
    return [_told(row) for row in sorted(rows, key=lambda row: -row["position"])[:TOLD_MAX]]


def _told(row: Row) -> View:
    data = {name: str(value).replace("_", " ") for name, value in json.loads(row["payload"]).items()}
    return {"at": when(row["at"]), "text": _TEXTS[row["type"]].format(**data)}
