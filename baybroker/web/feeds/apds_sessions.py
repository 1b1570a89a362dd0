"""APDS 4.0 Sessions: what became of a reservation from the car's coming on, in segments.

A segment ends where something changes: an extension, an overstay (from the end that was promised), a relocation to
another bay. A session must identify its credential. Here that is the assigned right itself, by its UUID: every session
has another, so nothing ties the sessions of one person together.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from baybroker.web.feeds.apds_places import issuer, versioned
from baybroker.web.feeds.apds_rights import CREDENTIAL
from broker_bridge.wire.times import format_rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baybroker.web.feeds.reading import Feed, Row

Json = dict[str, Any]
_ENDING = frozenset(
    {"reservation_completed", "reservation_failed", "reservation_relocated", "reservation_cancelled"}
)  # fmt: skip


def session(row: Row, events: Sequence[Row], feed: Feed) -> Json:
    """Return the use of a reservation, of its row and all its events in order."""
    uuid = feed.ids.of("reservation", row["reservation_id"])
    segments = _segments(row, events, feed)
    last = segments[-1]
    ended = {"actualEnd": last["actualEnd"]} if "actualEnd" in last else {}
    identified = {
        "type": CREDENTIAL,
        "credentialAssignedType": "other",
        "identifier": {"id": uuid, "className": "AssignedRight"},
    }
    return {
        "id": feed.ids.of("session", row["reservation_id"]),
        "version": max(len(events), 1),
        "actualStart": segments[0]["actualStart"],
        **ended,
        "initiator": issuer(feed),
        "hierarchyElement": last["spaceId"],
        "identifiedCredentials": [identified],
        "segments": segments,
    }


def _segments(row: Row, events: Sequence[Row], feed: Feed) -> list[Json]:
    """Fold the events into segments."""
    spans: list[tuple[int, int | None, str, int]] = []
    current: tuple[int, str, int] | None = None
    until = row["until"]
    for number, event in enumerate(events, 1):
        kind, data = event["type"], json.loads(event["payload"])
        at = data.get("at", event["at"])
        if kind in ("reservation_accepted", "request_waitlisted", "guest_recalled", "reservation_extended"):
            until = data["until"]
        if kind == "reservation_activated":
            current = (at, data["bay"], number)
        elif current is not None and (kind in _ENDING or kind in ("reservation_extended", "overstay_warned")):
            changed_at = max(until if kind == "overstay_warned" else at, current[0])
            spans.append((current[0], changed_at, current[1], current[2]))
            current = None if kind in _ENDING else (changed_at, current[1], number)
    if current is not None:
        spans.append((current[0], None, current[1], current[2]))
    if not spans:  # its events are archived
        spans.append((row["activated_at"], row["ended_at"], row["bay"], 1))
    return [_segment(row, index, span, feed) for index, span in enumerate(spans)]


def _segment(row: Row, index: int, span: tuple[int, int | None, str, int], feed: Feed) -> Json:
    started_at, ended_at, bay, version = span
    ended = {} if ended_at is None else {"actualEnd": format_rfc3339(ended_at)}
    return {
        "id": feed.ids.of("segment", f"{row['reservation_id']}/{index}"),
        "version": 1,
        "actualStart": format_rfc3339(started_at),
        **ended,
        "assignedRight": versioned(feed.ids.of("reservation", row["reservation_id"]), "AssignedRight", version),
        "spaceId": versioned(feed.ids.of("space", bay), "Space"),
        "validationType": [CREDENTIAL],
    }
