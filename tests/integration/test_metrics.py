"""The metrics: the counts of the history and of the server, and the files that ask for them."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
from collections import Counter
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import yaml
from deskwork import DeskWork, spec
from fastapi import FastAPI, HTTPException
from feeds_world import lively_day, write
from prometheus_client.parser import text_string_to_metric_families

from allocator.domain.events import EVENTS_BY_NAME
from baybroker.web.happened import History, statements
from baybroker.web.metrics import BUCKETS_S, DESCRIBED, Live, Metrics, RequestMeter

CONFIG = Path(__file__).parents[2] / "config"
LIVE = Live(
    sse_clients=3, sse_dropped=1, broker_connected=True, unreadable={"not_json": 2}, allocator_online=True,
    allocator_lag_ms=12, allocator_position=70, allocator_dropped=5, now=1_772_420_000_000,
    bays={"available": 6, "reserved": 1, "unknown": 3},
)  # fmt: skip


@pytest.fixture(scope="module")
def work():
    return lively_day()


@pytest.fixture
def city(work, tmp_path):
    return write(work, tmp_path / "city.db")


def samples(metrics, live=LIVE):
    """Return {(name, labels): value} of what is exposed."""
    text = metrics.exposed(live).decode()
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def value(found, name, **labels):
    return found[name, tuple(sorted(labels.items()))]


def test_counters_are_what_happened(work, city):
    found = samples(Metrics(city))
    types = Counter(type(it.event).__name__ for it in work.events)
    assert value(found, "baybroker_requests_total") == 7
    for name, kind in {
        "accepted": "ReservationAccepted", "rejected": "RequestRejected", "waitlisted": "RequestWaitlisted"
    }.items():  # fmt: skip
        assert value(found, f"baybroker_requests_{name}_total") == types[kind]
    assert value(found, "baybroker_no_shows_total") == types["ReservationExpired"]
    assert value(found, "baybroker_overstays_total") == types["OverstayWarned"] == 1
    assert value(found, "baybroker_contested_bays_total") == types["BayContested"]
    assert value(found, "baybroker_violations_total") == sum(
        getattr(it.event, "violation", False) for it in work.events
    )
    assert sum(value(found, "baybroker_events_total", type=kind) for kind in EVENTS_BY_NAME) == len(work.events)
    held = Counter(it.status.value for it in work.state.reservations.values())
    for status in ("waiting", "accepted", "bound", "active"):
        assert value(found, "baybroker_reservations", status=status) == held[status]
    assert value(found, "baybroker_database_position") == len(work.events)


def test_what_a_server_knows_by_itself_is_told(city):
    found = samples(Metrics(city))
    assert value(found, "baybroker_bays", status="available") == 6
    assert value(found, "baybroker_bays", status="contested") == 0
    assert value(found, "baybroker_bays_unknown_ratio") == 0.3
    assert value(found, "baybroker_allocator_lag_seconds") == 0.012
    assert value(found, "baybroker_allocator_dropped_messages_total") == 5
    assert value(found, "baybroker_unreadable_messages_total", reason="not_json") == 2
    assert value(found, "baybroker_sse_clients") == 3


def test_every_metric_of_the_table_is_exposed_and_no_other(city):
    metrics = Metrics(city)
    metrics.count("GET", "/ready", 200, 0.01)
    families = list(text_string_to_metric_families(metrics.exposed(LIVE).decode()))
    assert {(it.name, it.type, it.documentation) for it in families} == {
        (it.name.removesuffix("_total") if it.kind == "counter" else it.name, it.kind, it.text) for it in DESCRIBED
    }
    for family in families:
        (described,) = [it for it in DESCRIBED if it.name.removesuffix("_total") == family.name]
        for one in family.samples:
            assert set(one.labels) - {"le"} == set(described.labels)


def test_a_scrape_reads_only_what_is_new(tmp_path):
    """The events of before are taken away: they are counted all the same, and nothing is counted twice."""
    work = DeskWork(spec("b1"))
    work.request(lead_min=60)
    work.request("drv-2", lead_min=60, wait_until=work.now + 3_600_000)
    city = write(work, tmp_path / "city.db")
    history = History(city)
    first = history.read()
    before, position = Counter(first.events), first.position
    assert (first.live["waiting"], before["request_waitlisted"]) == (1, 1)
    with closing(sqlite3.connect(city)) as connection:
        connection.execute("UPDATE event SET type = 'x' WHERE position <= ?", (position,))
        payload = json.dumps(
            {"reservation_id": "r-2", "request_id": "q", "driver": "drv-2", "zone": "z1", "reason": "x"}
        )
        sql = "INSERT INTO event SELECT MAX(position) + 1, MAX(at), NULL, NULL, 'request_rejected', ? FROM event"
        connection.execute(sql, (payload,))
        connection.commit()
    for _ in range(2):
        second = history.read()
        assert Counter(second.events) == before + Counter({"request_rejected": 1})
        assert (second.live["waiting"], second.rejected_at_once) == (0, 0)


def test_the_statements_that_a_scrape_repeats_walk_no_whole_table(city):
    with closing(sqlite3.connect(city)) as connection:
        for name in ("counts", "lining_up", "live"):
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statements()[name]}", {"after": 1, "until": 2}).fetchall()
            assert [step for *_, step in plan if re.match(r"SCAN (event|reservation)\b(?!.*USING INDEX)", step)] == []


def test_a_database_that_took_the_place_of_another_is_counted_anew(city, tmp_path):
    metrics = Metrics(city)
    assert value(samples(metrics), "baybroker_requests_total") == 7
    small = write(DeskWork(spec("b1")), tmp_path / "small.db")
    for path in tmp_path.glob("city.db*"):
        path.unlink()
    small.rename(city)
    assert value(samples(metrics), "baybroker_requests_total") == 0


def test_without_a_database_the_rest_is_told(tmp_path):
    found = samples(Metrics(tmp_path / "none.db"))
    assert value(found, "baybroker_database_up") == 0
    assert value(found, "baybroker_broker_connected") == 1
    assert ("baybroker_requests_total", ()) not in found


def test_labels_have_few_values_whatever_comes(city):
    metrics = Metrics(city)
    app = FastAPI()
    app.add_middleware(RequestMeter, metrics=metrics)

    @app.get("/bays/{bay}")
    def bay(bay: str) -> str:
        if bay == "none":
            raise HTTPException(404)
        return bay

    async def ask() -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://city.test") as client:
            for path in ("/bays/b1", "/bays/b2", "/bays/none", "/nowhere/1", "/nowhere/2"):
                await client.get(path)
            await client.request("BREW", "/bays/b1")

    asyncio.run(ask())
    found = samples(metrics, Live(unreadable={f"made-up-{at}": 1 for at in range(100)}))
    counted = {labels: count for (name, labels), count in found.items() if name == "baybroker_http_requests_total"}
    routes = Counter({dict(labels)["route"]: 0 for labels in counted})
    for labels, count in counted.items():
        routes[dict(labels)["route"]] += count
    assert routes == {"/bays/{bay}": 4, "other": 2}
    assert {dict(labels)["method"] for labels in counted} == {"GET", "other"}
    assert value(found, "baybroker_http_request_duration_seconds_count", route="/bays/{bay}") == 4
    assert value(found, "baybroker_http_request_duration_seconds_bucket", route="/bays/{bay}", le="+Inf") == 4
    reasons = [labels for name, labels in found if name == "baybroker_unreadable_messages_total"]
    assert len(reasons) == 41
    assert value(found, "baybroker_unreadable_messages_total", reason="other") == 60


@pytest.mark.parametrize(("took_s", "bucket"), [(0.0, "0.005"), (0.005, "0.005"), (0.0051, "0.01"), (11.0, "+Inf")])
def test_durations_fall_into_buckets(city, took_s, bucket):
    metrics = Metrics(city)
    metrics.count("GET", "/x", 200, took_s)
    found = samples(metrics)
    counts = [
        value(found, "baybroker_http_request_duration_seconds_bucket", route="/x", le=edge)
        for edge in [*map(str, BUCKETS_S), "+Inf"]
    ]
    assert counts == sorted(counts)
    assert [*map(str, BUCKETS_S), "+Inf"][counts.index(1)] == bucket


# ---- the files for Prometheus and Grafana


def expressions():
    dashboard = json.loads((CONFIG / "grafana/dashboards/baybroker.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel.get("targets", ()))
    rules = yaml.safe_load((CONFIG / "prometheus/alerts.yml").read_text("utf-8"))
    for group in rules["groups"]:
        yield from ((rule["alert"], rule["expr"]) for rule in group["rules"])


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_the_dashboard_and_the_alerts_name_what_is_exported(city, where, expression):
    metrics = Metrics(city)
    metrics.count("GET", "/ready", 200, 0.01)
    exported = {name for name, _ in samples(metrics)}
    named = set(re.findall(r"\bbaybroker_\w+", expression)) or {"up"}
    assert named <= exported | {"up"}, where
    types = set(re.findall(r'type="(\w+)"', expression))
    assert types <= set(EVENTS_BY_NAME)


def test_panels_have_their_own_places_and_datasource():
    dashboard = json.loads((CONFIG / "grafana/dashboards/baybroker.json").read_text("utf-8"))
    source = yaml.safe_load((CONFIG / "grafana/provisioning/datasources/prometheus.yml").read_text("utf-8"))
    (uid,) = [it["uid"] for it in source["datasources"]]
    taken = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or {it["datasource"]["uid"] for it in panel["targets"]} == {uid}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_the_compose_services_that_watch_come_when_asked_and_can_do_little(name):
    service = yaml.safe_load((CONFIG.parent / "docker-compose.yml").read_text("utf-8"))["services"][name]
    assert service["profiles"] == ["observability"]
    assert re.fullmatch(r".+:v?\d+\.\d+\.\d+", service["image"])
    assert int(service["user"].split(":")[0]) > 0
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert all(port.startswith("${BAYBROKER_BIND:-127.0.0.1}:") for port in service["ports"])
    mounted = [it.split(":") for it in service["volumes"] if it.startswith("./")]
    assert mounted
    for folder, _, mode in mounted:
        assert ((CONFIG.parent / folder).is_dir(), mode) == (True, "ro")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
def test_prometheus_takes_its_configuration():
    command = ["promtool", "check", "config", CONFIG / "prometheus/prometheus.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
