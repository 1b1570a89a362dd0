"""CDS 1.1 Events: what the sensors and the allocator saw, as curb events.

`event_time` is when the sensor saw it, `event_publication_time` when it was committed. What is chosen:
- A change that came late (an older word after a newer one) would set an end before its start: it is left out.
- `unknown` is no event: the sensor says neither that a car came nor that one left.
- Events are looked for among those committed up to an hour after the time asked for; what a sensor kept longer is not
  found. (CDS asks for hours of `event_time`; the history is in the order of the commits.)
- A stranger's car, and an overstay from the warning on, are violations; `enforcement` names them by one id, start and
  end. CDS has no event for a reservation: where one is meant its UUID, that of the APDS feed, is in
  `custom_attributes`.
- `event_session_id` ties all that concerns one stay of a car. The kind of a sensor is not in the register, so
  `data_source_type` is `other`.
Of cars CDS knows plates, permits, colours and more; nothing of that is known here, and none of it is published.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baybroker.web.feeds.reading import Feed, Row

Json = dict[str, Any]
_TYPES = {
    "sensor_lost": "comms_lost",
    "sensor_restored": "comms_restored",
    "bay_retired": "decommissioned",
    "bay_contested": "vehicle_violation_start",
    "bay_cleared": "vehicle_violation_end",
    "overstay_warned": "vehicle_violation_start",
    "reservation_completed": "vehicle_violation_end",
}
_VIOLATIONS = {
    "bay_contested": ("stranger", "A car in a bay that nobody booked it for"),
    "bay_cleared": ("stranger", "A car in a bay that nobody booked it for"),
    "overstay_warned": ("overstay", "A car that stays longer than booked"),
    "reservation_completed": ("overstay", "A car that stays longer than booked"),
}
_ONLINE = {"sensor_lost": False, "sensor_restored": True}


def curb_event(row: Row, feed: Feed) -> Json:
    """Return a row of `curb_events` as a Curb Event."""
    happened, data = row["type"], json.loads(row["payload"])
    event: Json = {
        "event_id": feed.ids.of("event", row["position"]),
        "event_type": _event_type(happened, data),
        "event_location": {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
        "event_time": row["event_time"],
        "event_publication_time": row["at"],
        "curb_zone_id": feed.ids.of("zone", row["zone"]),
        "curb_space_id": feed.ids.of("space", row["bay"]),
        "data_source_type": "other",
        "data_source_device_id": feed.ids.of("device", row["bay"]),
    }
    of_a_car = happened == "occupancy_changed" or happened in _VIOLATIONS
    if of_a_car:
        event["event_purpose"] = "vehicle_parking"
    if of_a_car and row["stay"] is not None:
        event["event_session_id"] = feed.ids.of("stay", row["stay"])
    if happened in _ONLINE:
        event["sensor_status_is_online"] = _ONLINE[happened]
    if happened in _VIOLATIONS:
        event["enforcement"] = _enforcement(happened, row, feed)
    said = _attributes(data, feed)
    return event | ({"custom_attributes": said} if said else {})


def curb_status(row: Row, feed: Feed) -> Json:
    """Return a bay's sensor as a Status."""
    return {
        "data_source_device_id": feed.ids.of("device", row["bay"]),
        "data_source_type": "other",
        "sensor_status_is_commissioned": not row["closed"],
        "sensor_status_is_online": row["lost"] is None and row["last_heard_at"] is not None,
    }


def _event_type(happened: str, data: Json) -> str:
    if happened == "occupancy_changed":
        return "park_start" if data["status"] == "occupied" else "park_end"
    return _TYPES[happened]


def _enforcement(happened: str, row: Row, feed: Feed) -> Json:
    code, name = _VIOLATIONS[happened]
    of_what = row["stay"] if row["stay"] is not None else row["position"]
    return {
        "enforcement_id": feed.ids.of("enforcement", f"{code}/{of_what}"),
        "is_warning": True,
        "violations": [{"violation_code": code, "violation_name": name}],
    }


def _attributes(data: Json, feed: Feed) -> dict[str, str]:
    said = {"reason": data["reason"]} if "reason" in data else {}
    if data.get("reservation_id") is not None:
        said["reservation_id"] = feed.ids.of("reservation", data["reservation_id"])
    return said
