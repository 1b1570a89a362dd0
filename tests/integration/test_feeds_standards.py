"""Every feed, of two days that the real core wrote, against JSON Schemas made from the standards (jsonschema_rs)."""

from __future__ import annotations

import csv
import io
import re

import jsonschema_rs
import pytest
import schema_apds
import schema_cds
import schema_ngsi
from feeds_world import PLANTED, Served, lab_day, lively_day, write

from baybroker.web.feeds.routes.index import FEEDS
from broker_bridge.wire.times import parse_rfc3339

DESK, LAB = "desk", "lab"
STANDARDS = {"/feeds/cds": schema_cds, "/feeds/apds": schema_apds, "/feeds/ngsi-ld": schema_ngsi}
SCHEMAS = {root + path: schema for root, module in STANDARDS.items() for path, schema in module.ANSWERS.items()}
PUBLIC = [path for path in SCHEMAS if "assigned" not in path]
PERSONAL = re.compile(rf"\b(?:drv|res|op|req|say|r)-[a-z0-9]|car-of|{'|'.join(PLANTED)}")
HOURS = [f"2026-03-02T{hour:02}" for hour in range(10)]


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("feeds")
    return {DESK: write(lively_day(), folder / "desk.db"), LAB: lab_day(folder / "lab.db")}


def served(databases, world, path):
    return Served(databases[world], "operator" if "assigned" in path else "public")


def queries(path):
    """Events are asked for by the hour."""
    return [{"event_time": hour} for hour in HOURS] if path.endswith("/events") else [{}]


def items(answer):
    data = answer if isinstance(answer, list) else answer["data"]
    return data if isinstance(data, list) else next(iter(data.values()))


@pytest.mark.parametrize("path", SCHEMAS)
@pytest.mark.parametrize("world", [DESK, LAB])
def test_a_feed_is_as_published(databases, world, path):
    validator = jsonschema_rs.validator_for(SCHEMAS[path], validate_formats=True)
    found = 0
    for query in queries(path):
        answer = served(databases, world, path).get(path, **query)
        assert answer.status_code == 200
        problems = [f"{list(error.instance_path)}: {error}" for error in validator.iter_errors(answer.json())]
        assert problems == []
        found += len(items(answer.json()))
    assert found, "an empty list shows nothing"


@pytest.mark.parametrize("path", SCHEMAS)
def test_the_schema_refuses_a_name_that_is_not_published(databases, path):
    query = {"event_time": "2026-03-02T03"} if path.endswith("/events") else {}
    answer = served(databases, DESK, path).get(path, **query).json()
    validator = jsonschema_rs.validator_for(SCHEMAS[path], validate_formats=True)
    assert validator.is_valid(answer)
    items(answer)[0]["plate"] = "12ga3456"
    assert not validator.is_valid(answer)


@pytest.mark.parametrize("world", [DESK, LAB])
def test_no_public_feed_names_a_person(databases, world):
    for path in [*PUBLIC, "/feeds/", "/.well-known/baybroker-feeds"]:
        for accept in ("application/json", "*/*"):
            for query in queries(path):
                told = Served(databases[world]).get(path, accept, **query).text
                assert PERSONAL.search(told) is None, path


def test_what_is_planted_can_be_found(databases):
    told = Served(databases[DESK], "operator").get("/feeds/apds/rights/assigned").text
    assert PERSONAL.search(told) is not None


@pytest.mark.parametrize("path", ["/feeds/", "/.well-known/baybroker-feeds"])
def test_the_index_leads_to_every_feed(databases, path):
    index = Served(databases[DESK]).get(path).json()
    assert set(index) == {"last_updated", "ttl", "version", "data"}
    assert parse_rfc3339(index["last_updated"])
    assert isinstance(index["ttl"], int)
    listed = index["data"]["feeds"]
    assert {feed["url"] for feed in listed} == {f"http://city.test{path}" for path, _ in FEEDS.values()}
    assert {path for path, _ in FEEDS.values()} == set(SCHEMAS) - {"/feeds/cds/events"}
    for feed in listed:
        assert served(databases, DESK, feed["url"]).get(feed["url"]).status_code == 200


@pytest.mark.parametrize(("role", "status"), [("public", 401), ("driver", 403), ("resident", 403), ("operator", 200)])
def test_assigned_rights_are_the_operators(databases, role, status):
    answer = Served(databases[DESK], role).get("/feeds/apds/rights/assigned")
    assert answer.status_code == status
    assert status == 200 or answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/feeds/cds/curbs/areas"),
        ("GET", "/feeds/cds/curbs/objects"),
        ("GET", "/feeds/cds/curbs/spaces/5d6c1f0e-31a3-5f2b-9a52-7b1f7d2c6e10"),
        ("POST", "/feeds/cds/events/event"),
        ("POST", "/feeds/cds/events/events"),
        ("GET", "/feeds/apds/contacts"),
        ("POST", "/feeds/apds/webhooks"),
        ("GET", "/feeds/apds/sessions/5d6c1f0e-31a3-5f2b-9a52-7b1f7d2c6e10"),
    ],
)
def test_what_a_standard_leaves_open_and_is_not_served_is_said_so(databases, method, path):
    answer = Served(databases[DESK]).ask(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (501, "application/problem+json")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        ("application/json", 200),
        ("application/vnd.cds+json;version=1.1", 200),
        ("text/html, application/vnd.cds+json; version=1.1.0", 200),
        ("application/vnd.cds+json;version=1.0", 406),
        ("application/vnd.cds+json;version=2.0", 406),
        ("image/png", 406),
    ],
)
def test_cds_answers_in_its_own_version_only(databases, accept, status):
    answer = Served(databases[DESK]).get("/feeds/cds/curbs/spaces", accept)
    assert answer.status_code == status
    assert status == 406 or answer.headers["content-type"] == "application/vnd.cds+json;version=1.1"


@pytest.mark.parametrize("name", ["sessions", "aggregates"])
def test_cds_metrics_are_csv_unless_json_is_asked_for(databases, name):
    client, path = Served(databases[DESK]), f"/feeds/cds/metrics/{name}"
    answer = client.get(path, "*/*")
    assert answer.headers["content-type"].startswith("application/vnd.cds+csv;version=1.1")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    told = [
        {key: "" if value is None else str(value) for key, value in item.items()}
        for item in items(client.get(path).json())
    ]
    assert rows == told


@pytest.mark.parametrize(
    "query",
    [
        {"min_lat": 37.0},
        {"lat": 37.0, "lng": 127.0},
        {"lat": 37.0, "lng": 127.0, "radius": 1, "min_lat": 1, "min_lng": 1, "max_lat": 2, "max_lng": 2},
        {"page[limit]": 0},
        {"page[limit]": 10_001},
        {"zone": "z1"},
        {"time": 1_772_409_600_000},
    ],
)
def test_parameters_that_make_no_sense_are_refused(databases, query):
    assert Served(databases[DESK]).get("/feeds/cds/curbs/spaces", **query).status_code == 422
