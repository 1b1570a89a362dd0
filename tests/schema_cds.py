"""JSON Schemas of CDS 1.1.0, written from the published fields: every name that may be there, and which must be."""

from __future__ import annotations

UUID = {"type": "string", "format": "uuid"}
MS = {"type": "integer", "minimum": 1_000_000_000_000}
TEXT, BOOL, WHOLE, NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}, {"type": "number"}
UUIDS = {"type": "array", "items": UUID, "uniqueItems": True}
HH_MM = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
URL = {"type": "string", "format": "uri"}
UNIT = {"enum": ["second", "minute", "hour", "day", "week", "month", "quarter", "year"]}
ATTRIBUTES = {"type": "object", "additionalProperties": TEXT}


def thing(required, **properties):
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def listing(item):
    return {"type": "array", "items": item}


LONLAT = {"type": "array", "prefixItems": [{"minimum": -180, "maximum": 180}, {"minimum": -90, "maximum": 90}],
          "items": NUMBER, "minItems": 2, "maxItems": 2}  # fmt: skip
POINT = thing("type coordinates", type={"const": "Point"}, coordinates=LONLAT)
POLYGON = thing(
    "type coordinates",
    type={"const": "Polygon"},
    coordinates={"type": "array", "minItems": 1, "items": {"type": "array", "minItems": 4, "items": LONLAT}},
)
REFERENCE = thing("reference_url", reference_url=URL, name=TEXT, public=BOOL, identifier_name=TEXT, ids=listing(TEXT))
COMMON = {"custom_attributes": ATTRIBUTES, "external_references": listing(REFERENCE)}

SPACE = thing(
    "curb_space_id geometry published_date last_updated_date curb_zone_id length",
    curb_space_id=UUID, geometry=POLYGON, published_date=MS, last_updated_date=MS, curb_zone_id=UUID,
    length={"type": "integer", "minimum": 1}, name=TEXT, space_number=WHOLE, width=WHOLE, available=BOOL,
    availability_time=MS, curb_object_ids=UUIDS, **COMMON,
)  # fmt: skip
ZONE = thing(
    "curb_zone_id geometry curb_policy_ids published_date last_updated_date start_date",
    curb_zone_id=UUID, geometry=POLYGON, curb_policy_ids=UUIDS, prev_policies=listing({}), published_date=MS,
    last_updated_date=MS, prev_curb_zone_ids=UUIDS, start_date=MS, end_date=MS, location_references=listing({}),
    name=TEXT, description=TEXT, user_zone_id=TEXT, jurisdiction_type={"enum": ["public", "private", "other"]},
    owner_name=TEXT, address_number=TEXT, street_name=TEXT, cross_street_start_name=TEXT, cross_street_end_name=TEXT,
    length=WHOLE, available=BOOL, available_spaces=WHOLE, available_space_lengths=listing(WHOLE),
    availability_time=MS, width=WHOLE, parking_angle={"enum": ["parallel", "perpendicular", "angled"]},
    num_spaces=WHOLE, street_side=TEXT, median=BOOL, entire_roadway=BOOL, curb_area_ids=UUIDS, curb_space_ids=UUIDS,
    curb_object_ids=UUIDS, geometry_line={}, **COMMON,
)  # fmt: skip
RATE = thing(
    "rate rate_unit",
    rate={"type": "integer", "minimum": 0}, rate_unit=UNIT, rate_unit_period={"enum": ["rolling", "calendar"]},
    increment_duration=WHOLE, increment_amount=WHOLE, start_duration=WHOLE, end_duration=WHOLE, maximum_fee=WHOLE,
)  # fmt: skip
ACTIVITIES = [
    "parking", "no parking", "loading", "no loading", "unloading", "no unloading", "stopping", "no stopping", "travel",
    "no travel",
]  # fmt: skip
USER_CLASSES = [
    "bicycle", "bus", "cargo_bicycle", "car", "moped", "motorcycle", "scooter", "truck", "van", "accessible",
    "disabled_parking_permit", "human", "electric_assist", "electric", "combustion", "autonomous", "construction",
    "delivery", "emergency_use", "freight", "parking", "permit", "rideshare", "school", "service_vehicles",
    "special_events", "taxi", "utilities", "vending", "waste_management",
]  # fmt: skip
RULE = thing(
    "activity",
    activity={"enum": ACTIVITIES}, name=TEXT, description=TEXT, max_stay=WHOLE, max_stay_unit=UNIT, no_return=WHOLE,
    no_return_unit=UNIT, user_classes=listing({"enum": USER_CLASSES}), rate=listing(RATE),
)  # fmt: skip
SPAN = thing(
    "",
    start_date=MS, end_date=MS,
    days_of_week={"type": "array", "uniqueItems": True, "minItems": 1,
                  "items": {"enum": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]}},
    days_of_month=listing(WHOLE), weeks_of_month=listing(WHOLE), months=listing(WHOLE), time_of_day_start=HH_MM,
    time_of_day_end=HH_MM, designated_period=TEXT, designated_period_except=BOOL,
)  # fmt: skip
POLICY = thing(
    "curb_policy_id published_date priority rules",
    curb_policy_id=UUID, published_date=MS, priority=WHOLE, rules={"type": "array", "minItems": 1, "items": RULE},
    time_spans=listing(SPAN), data_source_operator_id=UUIDS, name=TEXT, description=TEXT, primary_color=TEXT,
    pattern=TEXT, **COMMON,
)  # fmt: skip
EVENT_TYPES = [
    "comms_lost", "comms_restored", "decommissioned", "park_start", "park_end", "scheduled_report", "enter_area",
    "exit_area", "vehicle_detected", "vehicle_violation_start", "vehicle_violation_end", "citation_issued",
]  # fmt: skip
SOURCES = ["data_feed", "camera", "above_ground", "in_ground", "meter", "payment", "in_person", "other"]
VIOLATION = thing("", violation_code=TEXT, violation_name=TEXT, violation_cost=TEXT)
ENFORCEMENT = thing(
    "enforcement_id",
    enforcement_id=UUID, citation_id=TEXT, is_warning=BOOL, citation_cost=TEXT, violations=listing(VIOLATION),
    action_taken={"enum": ["citation_registered", "citation_posted", "citation_served", "citation_emailed"]},
)  # fmt: skip
EVENT = thing(
    "event_id event_type event_time event_publication_time data_source_type data_source_device_id curb_zone_id",
    event_id=UUID, event_type={"enum": EVENT_TYPES}, event_time=MS, event_publication_time=MS,
    data_source_type={"enum": SOURCES}, data_source_device_id=UUID,
    event_purpose={"enum": ["parking", "vehicle_parking", "vehicle_charging", "delivery"]}, event_location=POINT,
    event_session_id=UUID, curb_zone_id=UUID, curb_area_ids=UUIDS, curb_space_id=UUID, curb_object_id=UUID,
    data_source_operator_id=UUID, data_source_operator_name=TEXT, data_source_device_name=TEXT,
    data_source_manufacturer=TEXT, data_source_model=TEXT, sensor_status_is_commissioned=BOOL,
    sensor_status_is_online=BOOL, curb_occupants=listing({}), actual_cost=WHOLE, enforcement=ENFORCEMENT, **COMMON,
)  # fmt: skip
"""Of a vehicle there is nothing here: its id, plate, permit, colour and so on are in CDS, and not for a public feed."""
STATUS = thing(
    "data_source_device_id data_source_type",
    data_source_device_id=UUID, data_source_type={"enum": SOURCES}, data_source_operator_id=UUID,
    sensor_status_is_commissioned=BOOL, sensor_status_is_online=BOOL,
)  # fmt: skip


def or_null(schema):
    return {"anyOf": [schema, {"type": "null"}]}


SESSION = thing(
    "session_type event_id_start event_time_start curb_zone_id curb_space_id",
    session_type={"enum": ["parking", "area"]}, event_session_id=UUID, event_id_start=or_null(UUID),
    event_id_end=or_null(UUID), event_location_start_latitude=or_null(NUMBER),
    event_location_start_longitude=or_null(NUMBER), event_location_end_latitude=or_null(NUMBER),
    event_location_end_longitude=or_null(NUMBER), event_time_start=or_null(MS), event_time_end=or_null(MS),
    curb_zone_id=UUID, curb_area_ids=UUIDS, curb_space_id=UUID, curb_object_id=UUID,
)  # fmt: skip
AGGREGATE = thing(
    "curb_place_type curb_place_id metric_type date hour value",
    curb_place_type={"enum": ["area", "zone", "space"]}, curb_place_id=UUID,
    metric_type={"enum": ["total_sessions", "total_events", "turnover", "average_dwell_time", "occupancy_percent"]},
    date={"type": "string", "format": "date"}, hour={"type": "integer", "minimum": 0, "maximum": 23},
    value={"type": "number", "minimum": -1},
)  # fmt: skip


def answer(name, item):
    """What surrounds a list: REST endpoints and pagination of CDS's general information."""
    link = or_null(URL)
    return thing(
        "version time_zone last_updated currency data",
        version={"type": "string", "pattern": r"^1\.1\.\d+$"}, time_zone=TEXT, last_updated=MS,
        currency={"type": "string", "pattern": "^[A-Z]{3}$"}, author=TEXT, license_url=URL,
        custom_attributes_dictionary=URL, data=thing(name, **{name: listing(item)}),
        links=thing("next", first=link, last=link, prev=link, next=link),
    )  # fmt: skip


ANSWERS = {
    "/curbs/zones": answer("zones", ZONE),
    "/curbs/spaces": answer("spaces", SPACE),
    "/curbs/policies": answer("policies", POLICY),
    "/events": answer("events", EVENT),
    "/events/events": answer("events", EVENT),
    "/events/status": answer("status", STATUS),
    "/metrics/sessions": answer("session", SESSION),
    "/metrics/aggregates": answer("aggregate", AGGREGATE),
}
