"""What the feeds say is what happened: statuses, windows, prices, stays and pages."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from deskwork import START, DeskWork, spec
from feeds_world import CITY_TARIFF, TARIFFS, Served, lab_day, lively_day, set_now, write

from allocator.domain import commands as c
from allocator.domain.interval import DAY_MS, HOUR_MS, MINUTE_MS, Interval
from broker_bridge.wire.times import format_rfc3339

SEOUL = ZoneInfo("Asia/Seoul")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CDS, APDS = "/feeds/cds", "/feeds/apds"


@pytest.fixture(scope="module")
def work():
    return lively_day()


@pytest.fixture(scope="module")
def city(work, tmp_path_factory):
    return Served(write(work, tmp_path_factory.mktemp("meaning") / "city.db"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Served(lab_day(tmp_path_factory.mktemp("meaning") / "lab.db"))


def spaces(city, **query):
    return city.get(f"{CDS}/curbs/spaces", **query).json()["data"]["spaces"]


def space_ids(city):
    return {space["name"]: space["curb_space_id"] for space in spaces(city)}


# ---- bays


def test_every_feed_shows_what_the_allocator_shows(city, work):
    shown = {name: work.shows(name) for name in (f"b{number}" for number in range(1, 11))}
    assert {"available", "reserved", "closed", "unknown"} <= set(shown.values())
    assert {space["name"]: space["custom_attributes"]["status"] for space in spaces(city)} == shown
    elements = city.get(f"{APDS}/places", type="space").json()["data"]
    levels = {it["name"][0]["string"]: it["occupancyLevel"]["occupancyIndicator"] for it in elements}
    assert {name: level["entryDefinedValue"] for name, level in levels.items()} == shown
    spots = city.get("/feeds/ngsi-ld/ParkingSpot").json()
    free = {spot["name"]["value"] for spot in spots if spot["status"]["value"] == "free"}
    assert free == {name for name, status in shown.items() if status == "available"}


def test_unknown_is_neither_free_nor_taken(city, work):
    unknown = [space for space in spaces(city) if work.shows(space["name"]) == "unknown"]
    assert unknown
    assert all("available" not in space for space in unknown)


def test_a_reserved_spot_says_until_when_and_sends_nobody_there(city, work):
    (reserved,) = [spot for spot in city.get("/feeds/ngsi-ld/ParkingSpot").json() if "reservedUntil" in spot]
    assert reserved["status"]["value"] == "closed"
    assert work.shows(reserved["name"]["value"]) == "reserved"


def test_bays_are_found_by_zone_by_box_and_nearest_first(city):
    zones = city.get(f"{CDS}/curbs/zones").json()["data"]["zones"]
    for zone in zones:
        assert len(spaces(city, zone=zone["curb_zone_id"])) == zone["num_spaces"]
    assert spaces(city, zone="5d6c1f0e-31a3-5f2b-9a52-7b1f7d2c6e10") == []
    here = {"lat": 37.4782, "lng": 126.9515 + 60 * 4 / 88_400}
    assert [it["name"] for it in spaces(city, **here, radius=6_500)] == ["b4", "b3", "b5"]
    box = {"min_lat": 37.47, "max_lat": 37.48, "min_lng": 126.95, "max_lng": 126.9515 + 150 / 88_400}
    assert [it["name"] for it in spaces(city, **box)] == ["b1", "b2"]


def test_a_space_lies_within_its_zone(city):
    for zone in city.get(f"{CDS}/curbs/zones").json()["data"]["zones"]:
        corners = zone["geometry"]["coordinates"][0]
        west, south = (min(corner[at] for corner in corners) for at in (0, 1))
        east, north = (max(corner[at] for corner in corners) for at in (0, 1))
        for space in spaces(city, zone=zone["curb_zone_id"]):
            for lon, lat in space["geometry"]["coordinates"][0]:
                assert west - 1e-6 <= lon <= east + 1e-6
                assert south - 1e-6 <= lat <= north + 1e-6


def pages(city, path, **query):
    """Follow `next` and return each page."""
    answer = city.get(path, **query).json()
    found = [answer]
    while answer["links"]["next"]:
        answer = city.get(answer["links"]["next"]).json()
        found.append(answer)
    return found


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"{CDS}/curbs/spaces", "spaces"),
        (f"{CDS}/curbs/policies", "policies"),
        (f"{CDS}/events/status", "status"),
        (f"{CDS}/metrics/sessions", "session"),
    ],
)
def test_pages_are_the_whole(city, path, name):
    (whole,) = pages(city, path)
    parts = pages(city, path, **{"page[limit]": 2})
    assert len(parts) > 1
    assert [item for part in parts for item in part["data"][name]] == whole["data"][name]


def test_pages_of_ngsi_ld_follow_the_link_header(city):
    first = city.get("/feeds/ngsi-ld/ParkingSpot", limit=7)
    assert (len(first.json()), first.headers["NGSILD-Results-Count"]) == (7, "10")
    following = first.headers["link"].partition("<")[2].partition(">")[0]
    assert len(city.get(following).json()) == 3
    assert "link" not in city.get(following).headers


def test_apds_places_are_a_hierarchy(city):
    answer = city.get(f"{APDS}/places").json()
    assert answer["meta"]["total"] == len(answer["data"]) == 1 + 2 + 10
    by_id = {it["id"]: it for it in answer["data"]}
    for it in answer["data"][1:]:
        assert by_id[it["parentId"]["id"]]["layer"] == it["layer"] - 1
    assert [it["type"] for it in city.get(f"{APDS}/places", layer=1).json()["data"]] == ["campus", "place", "place"]
    assert city.get(f"{APDS}/places", page=2).json()["data"] == []


# ---- windows and prices


def holds(span, at_ms):
    """Read a CDS time span as CDS says it is read."""
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(SEOUL)
    clock = f"{local:%H:%M}"
    return (
        span.get("start_date", 0) <= at_ms < span.get("end_date", 2**53)
        and DAYS[local.weekday()] in span.get("days_of_week", DAYS)
        and span.get("time_of_day_start", "00:00") <= clock < span.get("time_of_day_end", "24:00")
    )


def allowed(policies, at_ms):
    """Whether the policy of the lowest priority number that holds allows anybody to park."""
    spans = [(p["priority"], p, p.get("time_spans", [{}])) for p in policies if "user_classes" not in p["rules"][0]]
    holding = [(number, p["rules"][0]["activity"]) for number, p, ss in spans if any(holds(s, at_ms) for s in ss)]
    return min(holding, default=(0, "no parking"))[1] == "parking"


def test_policies_open_a_bay_when_its_calendar_does(city, work):
    policies = {it["curb_policy_id"]: it for it in city.get(f"{CDS}/curbs/policies").json()["data"]["policies"]}
    of_bay = {it["name"]: it["custom_attributes"]["curb_policy_ids"].split(",") for it in spaces(city)}
    calendars, board = work.state.board.calendars, work.state.board
    for bay in ("b1", "b5", "b6", "b8"):
        own = [policies[uuid] for uuid in of_bay[bay]]
        for at_ms in range(work.now - work.now % HOUR_MS, work.now + 7 * DAY_MS, 30 * MINUTE_MS):
            offered = calendars.offered(board.number[bay], calendars.mask(Interval(at_ms, at_ms + 1)))
            assert allowed(own, at_ms) == offered, (bay, format_rfc3339(at_ms))


def cds_price(rates, stay_min):
    """What a stay costs by CDS: each rate for its part of the stay, in whole increments."""
    won = 0
    for rate in rates:
        part = min(stay_min, rate.get("end_duration", stay_min)) - rate.get("start_duration", 0)
        if part > 0:
            units = -(-part // rate["increment_duration"]) * rate["increment_duration"]
            amount = rate["increment_amount"]
            won += -(-units * rate["rate"] // amount) * amount
    return min(won, rates[0].get("maximum_fee", won))


def apds_price(table, stay_min):
    (collection,) = table["rateLineCollections"]
    base, step = collection["rateLines"]
    hours, minutes = base["durationEnd"].split(":")
    over = max(stay_min - int(hours) * 60 - int(minutes), 0)
    won = base["value"] + -(-over // int(step["incrementPeriod"][2:-1])) * step["value"]
    return min(won, collection.get("maxValueCollection", {}).get("currencyValue", won))


@pytest.mark.parametrize("stay_min", [6, 10, 29, 30, 31, 60, 95, 240, 1_000])
def test_prices_are_those_of_the_tariff(city, stay_min):
    policies = city.get(f"{CDS}/curbs/policies").json()["data"]["policies"]
    tables = {it["rateTableName"][0]["string"]: it for it in city.get(f"{APDS}/rates").json()["data"]}
    told = {cds_price(rule["rate"], stay_min) for it in policies for rule in it["rules"] if "rate" in rule}
    tariffs = {"seoul": CITY_TARIFF, **TARIFFS}
    due = {name: tariff.price_won(stay_min * MINUTE_MS) for name, tariff in tariffs.items()}
    assert told == set(due.values())
    assert {name: apds_price(table, stay_min) for name, table in tables.items()} == due


def test_the_same_regulation_is_one_policy_with_a_lasting_id(city, work, tmp_path):
    (permit,) = [
        it for it in city.get(f"{CDS}/curbs/policies").json()["data"]["policies"] if "user_classes" in it["rules"][0]
    ]
    of_bay = {it["name"]: it["custom_attributes"]["curb_policy_ids"].split(",") for it in spaces(city)}
    assert of_bay["b1"] == of_bay["b2"]
    assert all(permit["curb_policy_id"] in policies for policies in of_bay.values())
    later = Served(write(work, tmp_path / "copy.db"))
    set_now(tmp_path / "copy.db", work.now + HOUR_MS)
    assert {it["name"]: it["custom_attributes"]["curb_policy_ids"].split(",") for it in spaces(later)} == of_bay
    listed = city.get(f"{CDS}/curbs/policies", ids=",".join(of_bay["b5"])).json()["data"]["policies"]
    assert {it["curb_policy_id"] for it in listed} == set(of_bay["b5"])


def test_right_specifications_say_when_an_offer_holds(city):
    specs = city.get(f"{APDS}/rights/specs").json()["data"]
    by_bay = {}
    for it in specs:
        by_bay.setdefault(it["description"][0]["string"].split()[2].rstrip(","), []).append(it["validity"])
    (automatic,) = by_bay["b7"]
    assert automatic["validityStatus"] == "active"
    assert "validPeriods" not in automatic["validityTimeSpecification"]
    (all_day,) = by_bay["b8"]
    (period,) = all_day["validityTimeSpecification"]["validPeriods"]
    assert "recurringTimePeriodOfDay" not in period
    night = next(it for it in by_bay["b5"] if len(it["validityTimeSpecification"]["validPeriods"]) == 2)
    hours = [it["recurringTimePeriodOfDay"][0] for it in night["validityTimeSpecification"]["validPeriods"]]
    assert hours == [
        {"startTimeOfPeriod": "19:00", "endTimeOfPeriod": "23:59"},
        {"startTimeOfPeriod": "00:00", "endTimeOfPeriod": "08:30"},
    ]
    recalled = [it["validityTimeSpecification"].get("exceptionPeriods", []) for it in by_bay["b6"]]
    assert all(periods[0]["startOfPeriod"] == format_rfc3339(START + 7 * HOUR_MS) for periods in recalled)


# ---- what happened


def events(city, hour, **query):
    return city.get(f"{CDS}/events/events", event_time=f"2026-03-02T{hour:02}", **query).json()["data"]["events"]


def test_each_hour_has_its_events_newest_first_and_once(city):
    whole = [event for hour in range(6) for event in events(city, hour)]
    assert len({event["event_id"] for event in whole}) == len(whole)
    for hour in range(6):
        times = [event["event_time"] for event in events(city, hour)]
        assert times == sorted(times, reverse=True)
        assert all(START + hour * HOUR_MS <= at < START + (hour + 1) * HOUR_MS for at in times)
    some = {"event_time": "2026-03-02T03", "page[limit]": 2}
    paged = [event for part in pages(city, f"{CDS}/events/events", **some) for event in part["data"]["events"]]
    assert paged == events(city, 3)
    assert city.get(f"{CDS}/events", event_time="2026-03-02T03").json()["data"]["events"] == events(city, 3)


def test_a_stay_that_was_too_long_is_one_session_with_a_violation(city):
    b1 = space_ids(city)["b1"]
    story = [event for hour in range(3, -1, -1) for event in events(city, hour, curb_space_id=b1)]
    stay = [it for it in reversed(story) if it["event_time"] <= START + 181 * MINUTE_MS]
    kinds = [it["event_type"] for it in stay]
    assert kinds == ["park_start", "vehicle_violation_start", "park_end", "vehicle_violation_end"]
    assert len({it["event_session_id"] for it in stay}) == 1
    warned, over = stay[1]["enforcement"], stay[3]["enforcement"]
    assert warned["enforcement_id"] == over["enforcement_id"]
    assert warned["violations"][0]["violation_code"] == "overstay"
    rights = {
        it["assignedRight"]["id"] for one in city.get(f"{APDS}/sessions").json()["data"] for it in one["segments"]
    }
    assert stay[1]["custom_attributes"]["reservation_id"] in rights


def test_strangers_lost_sensors_and_retired_bays_are_events(city):
    told = {(it["curb_space_id"], it["event_type"]) for hour in range(4) for it in events(city, hour)}
    ids = space_ids(city)
    assert {
        (ids["b2"], "vehicle_violation_start"), (ids["b2"], "vehicle_violation_end"), (ids["b9"], "comms_lost"),
    } <= told  # fmt: skip
    assert "decommissioned" in {kind for _, kind in told}
    status = {it["data_source_device_id"]: it for it in city.get(f"{CDS}/events/status").json()["data"]["status"]}
    assert len(status) == 10
    assert sum(not it["sensor_status_is_online"] for it in status.values()) == 2


def test_without_an_hour_the_last_sixty_minutes_are_told(city, work):
    told = city.get(f"{CDS}/events/events").json()["data"]["events"]
    assert told
    assert all(work.now - HOUR_MS <= it["event_time"] <= work.now for it in told)


def test_sessions_of_cds_are_the_stays_of_the_events(lab):
    sessions = lab.get(f"{CDS}/metrics/sessions").json()["data"]["session"]
    told = [it for hour in range(14) for it in events(lab, hour)]
    starts = {it["event_id"]: it for it in told if it["event_type"] == "park_start"}
    ends = {it["event_session_id"]: it for it in told if it["event_type"] == "park_end"}
    assert {it["event_id_start"] for it in sessions} == set(starts)
    assert len(sessions) > 50
    for it in sessions:
        assert it["event_time_start"] == starts[it["event_id_start"]]["event_time"]
        if it["event_time_end"] is not None:
            assert it["event_id_end"] == ends[it["event_session_id"]]["event_id"]
            assert it["event_time_start"] <= it["event_time_end"]


def test_hours_add_up_to_the_sessions(lab):
    span = {"start_time": START, "end_time": START + 6 * HOUR_MS}
    sessions = lab.get(f"{CDS}/metrics/sessions", **span).json()["data"]["session"]
    rows = lab.get(f"{CDS}/metrics/aggregates", **span).json()["data"]["aggregate"]
    assert {it["hour"] for it in rows} == set(range(9, 15))
    assert sum(it["value"] for it in rows if it["metric_type"] == "total_sessions") == len(sessions)
    occupied_ms = sum(it["value"] for it in rows if it["metric_type"] == "occupancy_percent") * 20 * HOUR_MS
    until = span["end_time"]
    known = [(it["event_time_start"], min(it["event_time_end"] or until, until)) for it in sessions]
    assert occupied_ms == pytest.approx(sum(end - start for start, end in known), rel=0.1)


def test_an_hour_in_which_a_sensor_is_not_believed_is_minus_one(tmp_path):
    work = DeskWork(spec("b1"), spec("b2", east_m=10, zone="z2", gateway="gw-2"))
    work.give(c.ReportGateway(gateway="gw-2", online=False))
    work.pass_minutes(58)
    work.give(c.ReportGateway(gateway="gw-2", online=True))
    for bay in ("b1", "b2"):
        work.sense(bay, "occupied")
    work.pass_minutes(62)
    city = Served(write(work, tmp_path / "city.db"))
    span = {"start_time": START, "end_time": START + 2 * HOUR_MS, "metric_type": "occupancy_percent"}
    for bay, told in (("b1", [0.0333, 1]), ("b2", [-1, 1])):
        place = {"curb_place_type": "space", "curb_place_id": space_ids(city)[bay]}
        rows = city.get(f"{CDS}/metrics/aggregates", **span, **place).json()["data"]["aggregate"]
        assert [it["value"] for it in rows] == told


def test_apds_sessions_are_cut_where_something_changes(city):
    (session,) = city.get(f"{APDS}/sessions").json()["data"]
    starts = [it["actualStart"] for it in session["segments"]]
    assert starts == [format_rfc3339(START + minutes * MINUTE_MS) for minutes in (60, 80, 150)]
    ends = [it["actualEnd"] for it in session["segments"]]
    assert ends == [*starts[1:], format_rfc3339(START + 180 * MINUTE_MS)]
    assert (session["actualStart"], session["actualEnd"]) == (starts[0], ends[-1])


def test_assigned_rights_are_the_reservations_that_got_a_bay(city, work, tmp_path):
    rights = Served(write(work, tmp_path / "c.db"), "operator").get(f"{APDS}/rights/assigned").json()["data"]
    bound = [it for it in work.events if type(it.event).__name__ == "ReservationBound"]
    assert len(rights) == len({it.event.reservation_id for it in bound})
    specs = {it["id"] for it in city.get(f"{APDS}/rights/specs").json()["data"]}
    assert {it["rightSpecification"]["id"] for it in rights} <= specs
    assert sum("expiryTime" in it["plannedUses"][0] for it in rights) == 3
