"""What Prometheus may ask of a server, in a table: of itself, and of the allocator, which speaks only MQTT and SQLite.

Every label has few values, all of them ours: routes as they are written, statuses, types of events, reasons. Nothing
is kept outside of the objects here. The counters of events begin with the history: a scrape reads only what was
committed since the one before.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeVar

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from allocator.domain import events as e
from allocator.domain.lifecycle import BayStatus
from allocator.store.base import StoreError
from baybroker.web.happened import History

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from prometheus_client.metrics_core import Metric
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
REASONS_MAX = 40
OTHER = "other"
Labels = TypeVar("Labels", bound=tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Described:
    """A metric: its name, its kind, its labels, and what it tells."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


DESCRIBED = (
    Described("baybroker_http_requests_total", COUNTER, ("method", "route", "status"), "Requests answered"),
    Described("baybroker_http_request_duration_seconds", HISTOGRAM, ("route",), "Time until an answer begins"),
    Described("baybroker_sse_clients", GAUGE, (), "Clients that listen to the live stream"),
    Described("baybroker_sse_clients_dropped_total", COUNTER, (), "Clients that were too slow and let go"),
    Described("baybroker_broker_connected", GAUGE, (), "1 while this server has its connection to the broker"),
    Described("baybroker_unreadable_messages_total", COUNTER, ("reason",), "Messages that this server could not read"),
    Described("baybroker_allocator_online", GAUGE, (), "1 while the allocator says that it is there"),
    Described("baybroker_allocator_lag_seconds", GAUGE, (), "How long its last batch took, from taken to committed"),
    Described("baybroker_allocator_position", GAUGE, (), "The last position that it told of"),
    Described("baybroker_allocator_dropped_messages_total", COUNTER, (), "Messages it could not use, duplicates too"),
    Described("baybroker_world_time_seconds", GAUGE, (), "The time that decisions are made at, in epoch seconds"),
    Described("baybroker_bays", GAUGE, ("status",), "Bays by what they show"),
    Described("baybroker_bays_unknown_ratio", GAUGE, (), "The share of bays of which nothing is known"),
    Described("baybroker_database_up", GAUGE, (), "1 where the database could be read for this scrape"),
    Described("baybroker_database_position", GAUGE, (), "The last position in the database"),
    Described("baybroker_outbox_messages", GAUGE, (), "Messages committed and not yet acknowledged by the broker"),
    Described("baybroker_quarantined_messages", GAUGE, (), "Commands that the database would not take"),
    Described("baybroker_events_total", COUNTER, ("type",), "Committed events"),
    Described("baybroker_requests_total", COUNTER, (), "Requests for a bay"),
    Described("baybroker_requests_accepted_total", COUNTER, (), "Promises given, also to some who had waited"),
    Described("baybroker_requests_waitlisted_total", COUNTER, (), "Requests that had to wait"),
    Described("baybroker_requests_rejected_total", COUNTER, (), "Requests that got no bay, also after waiting"),
    Described("baybroker_relocations_total", COUNTER, (), "Drivers sent to a substitute"),
    Described("baybroker_violations_total", COUNTER, (), "Promises broken: a substitute too far, or none"),
    Described("baybroker_no_shows_total", COUNTER, (), "Drivers who did not come"),
    Described("baybroker_overstays_total", COUNTER, (), "Drivers warned at the end of their stay"),
    Described("baybroker_contested_bays_total", COUNTER, (), "Cars found in bays that nobody booked for them"),
    Described("baybroker_reservations", GAUGE, ("status",), "Reservations that wait, or hold a bay, by status"),
)
_BY_NAME = {it.name: it for it in DESCRIBED}
_OF_TYPE = {
    "baybroker_requests_accepted_total": "reservation_accepted",
    "baybroker_requests_waitlisted_total": "request_waitlisted",
    "baybroker_requests_rejected_total": "request_rejected",
    "baybroker_relocations_total": "reservation_relocated",
    "baybroker_no_shows_total": "reservation_expired",
    "baybroker_overstays_total": "overstay_warned",
    "baybroker_contested_bays_total": "bay_contested",
}
"""Counters that are the number of events of one type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What a server knows at the moment: its own parts, and what the allocator shows on the broker."""

    sse_clients: int = 0
    sse_dropped: int = 0
    broker_connected: bool = False
    unreadable: Mapping[str, int] = field(default_factory=dict)
    allocator_online: bool = False
    allocator_lag_ms: int = 0
    allocator_position: int = 0
    allocator_dropped: int = 0
    now: int = 0
    bays: Mapping[str, int] = field(default_factory=dict)


class Metrics:
    """The metrics of one server. `database` is the allocator's."""

    def __init__(self, database: Path) -> None:
        self._history = History(database)
        self._requests: Counter[tuple[str, str, str]] = Counter()
        self._durations: dict[str, _Duration] = {}

    def count(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count an answered request."""
        self._requests[method if method in METHODS else OTHER, route, str(status)] += 1
        self._durations.setdefault(route, _Duration()).add(took_s)

    def exposed(self, live: Live) -> bytes:
        """Return everything in Prometheus's text format. It reads the database: call it from a thread."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families([*self._of_server(), *_of_live(live), *self._of_history()]))
        return generate_latest(registry)

    def _of_server(self) -> Iterator[Metric]:
        yield _family("baybroker_http_requests_total", self._requests)
        durations = _described("baybroker_http_request_duration_seconds", HistogramMetricFamily)
        for route, duration in sorted(self._durations.items()):
            durations.add_metric([route], duration.buckets(), duration.sum_s)
        yield durations

    def _of_history(self) -> Iterator[Metric]:
        try:
            seen = self._history.read()
        except StoreError:
            yield _single("baybroker_database_up", 0)
            return
        told = {
            "baybroker_database_up": 1,
            "baybroker_database_position": seen.position,
            "baybroker_outbox_messages": seen.outbox,
            "baybroker_quarantined_messages": seen.quarantined,
            "baybroker_requests_total": seen.reservations + seen.rejected_at_once,
            "baybroker_violations_total": seen.violations + seen.events["reservation_failed"],
        } | {name: seen.events[kind] for name, kind in _OF_TYPE.items()}
        yield from (_single(name, value) for name, value in told.items())
        yield _family("baybroker_events_total", {(kind,): seen.events[kind] for kind in e.EVENTS_BY_NAME})
        statuses = ("waiting", "accepted", "bound", "active")
        yield _family("baybroker_reservations", {(status,): seen.live[status] for status in statuses})


class RequestMeter:
    """Counts what the application answers, under the route as it is written and not as it was asked for."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, and look when the answer begins: a stream may never end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()

        async def look(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", OTHER)
                self._metrics.count(scope["method"], route, message["status"], time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, look)


class _Duration:
    """A histogram of one route."""

    def __init__(self) -> None:
        self.sum_s = 0.0
        self._counts = [0] * (len(BUCKETS_S) + 1)

    def add(self, took_s: float) -> None:
        """Count a duration."""
        self._counts[bisect_left(BUCKETS_S, took_s)] += 1
        self.sum_s += took_s

    def buckets(self) -> list[tuple[str, float]]:
        """Return (upper edge, how many up to it)."""
        edges = [*(str(edge) for edge in BUCKETS_S), "+Inf"]
        return list(zip(edges, accumulate(self._counts), strict=True))


class _Families(Collector):
    """Families that are ready."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._families


def _of_live(live: Live) -> Iterator[Metric]:
    bays = {status.value: live.bays.get(status.value, 0) for status in BayStatus}
    total = sum(bays.values())
    told = {
        "baybroker_sse_clients": live.sse_clients,
        "baybroker_sse_clients_dropped_total": live.sse_dropped,
        "baybroker_broker_connected": int(live.broker_connected),
        "baybroker_allocator_online": int(live.allocator_online),
        "baybroker_allocator_lag_seconds": live.allocator_lag_ms / 1000,
        "baybroker_allocator_position": live.allocator_position,
        "baybroker_allocator_dropped_messages_total": live.allocator_dropped,
        "baybroker_world_time_seconds": live.now / 1000,
        "baybroker_bays_unknown_ratio": bays["unknown"] / total if total else 0.0,
    }
    yield from (_single(name, value) for name, value in told.items())
    yield _family("baybroker_bays", {(status,): count for status, count in bays.items()})
    yield _family("baybroker_unreadable_messages_total", _few(live.unreadable))


def _few(by_reason: Mapping[str, int]) -> dict[tuple[str], int]:
    """Return the commonest reasons; what anybody can publish on a broker must not become a label without end."""
    common = Counter(by_reason).most_common(REASONS_MAX)
    rest = sum(by_reason.values()) - sum(count for _, count in common)
    return {(reason,): count for reason, count in common} | ({(OTHER,): rest} if rest else {})


def _described(name: str, family: type[Any]) -> Any:
    told = _BY_NAME[name]
    return family(name, told.text, labels=told.labels)


def _family(name: str, values: Mapping[Labels, float]) -> Metric:
    family: Metric = _described(name, CounterMetricFamily if _BY_NAME[name].kind == COUNTER else GaugeMetricFamily)
    sample = name if _BY_NAME[name].kind == GAUGE else f"{family.name}_total"
    for labels, value in sorted(values.items()):
        family.add_sample(sample, dict(zip(_BY_NAME[name].labels, labels, strict=True)), value)
    return family


def _single(name: str, value: float) -> Metric:
    return _family(name, {(): value})
