"""What happened, in words: at a bay for everyone, to a request for whoever made it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING

from baybroker.history.explain import explain
from baybroker.web import models
from baybroker.web.views import View, when

if TYPE_CHECKING:
    from pathlib import Path

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

_HIDDEN = re.compile(r", planned on .*")
_RESERVATION = re.compile(r"\br-[0-9]+\b")


async def request_story(database: Path, request_id: str, driver: str | None) -> models.RequestStory:
    """Return what became of a driver's request, or of anyone's; raises HistoryError, UnknownNameError."""
    story = await asyncio.to_thread(explain, database, request_id, driver)
    told = _lines(story, whole=driver is None)
    return models.RequestStory(
        request_id=story["request_id"] or request_id,
        reservation_id=story["reservation_id"],
        status=story["status"],
        explanation=[line for _, lines in told for line in lines],
        history=[models.Told(at=at, text=lines[0]) for at, lines in told],
    )


async def reservation_story(database: Path, reservation_id: str, *, whole: bool) -> View:
    """Return a reservation's explanation and history, `whole` or as its driver may know it."""
    told = _lines(await asyncio.to_thread(explain, database, reservation_id, None), whole=whole)
    return {
        "explanation": [line for _, lines in told for line in lines],
        "history": [{"at": at, "text": lines[0]} for at, lines in told],
    }


def _lines(story: View, *, whole: bool) -> list[tuple[str, list[str]]]:
    """Return when, and what is said of it. A driver is told of no plan, and of nobody else's reservation."""
    own = story["reservation_id"]
    told = []
    for step in story["steps"]:
        if whole:
            told.append((step["at"], step["said"]))
        elif step["event"] != "replanned":
            lines = [_HIDDEN.sub("", line) for line in step["said"] if {*_RESERVATION.findall(line)} <= {own}]
            told.append((step["at"], lines))
    return [(at, lines) for at, lines in told if lines]


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
