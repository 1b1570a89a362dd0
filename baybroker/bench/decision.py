"""Decision: how long the core takes to answer a request, in memory, in a city of many bays.

Method. Bays cluster in neighbourhoods, are offered on weekdays as Seoul's shared bays are, and are known to be free. A
weekday of requests, many of them for five sharp spots, is played in virtual time through `decide` and `record` of the
real core, with the timers, arrivals and departures between them. Only the `decide` of a request is timed, in the
thread's processor time: what else the machine does is not counted. The index of places is built beforehand.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from allocator.core import Settings, State, decide
from allocator.core.advance import due_decisions
from allocator.core.hear import Verdict
from allocator.core.record import record
from allocator.core.sensing import observe
from allocator.core.state import Dirty
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import HOUR_MS, MINUTE_MS
from baybroker.bench.compare import percentile
from broker_bridge.collector import lasting

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.domain.commands import Command

    Due = tuple[int, int, Command]

LAT, LON = 37.55, 126.99
M_PER_DEG_LAT, M_PER_DEG_LON = 111_195.0, 88_150.0
BAYS_PER_KM2 = 200
BAYS_PER_NEIGHBOURHOOD = 300
NEIGHBOURHOOD_SD_M = 600
WINDOWS = (("09:00", "18:00"), ("08:30", "19:00"), ("09:00", "19:00"))
WINDOW_SHARES = (0.50, 0.28, 0.22)
SPOTS, SPOT_SD_M = 5, 200
STAY_MU, STAY_SIGMA, STAY_MIN, STAY_MAX = 2.91, 1.57, 15, 600
LEAD_MIN = 45
OPEN_H, CLOSE_H = 9, 18
WEEKDAY_AT = int(datetime(2026, 3, 2, 15, 0, tzinfo=UTC).timestamp() * 1000)
"""Midnight in Seoul: Tuesday 3 March 2026 begins."""
PAGE_BYTES = 4096
MEDIAN_MS_AT_MOST, P99_MS_AT_MOST = 0.3, 3
OUTCOMES = ("accepted", "chain", "refused", "cut")
"""Of all requests: accepted, accepted by a chain of moves, refused, and refused by a search that was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSettings:
    """What is played. `hot` is the share of requests that are for the five spots."""

    bays: int = 120_000
    requests: int = 60_000
    hot: float = 0.65
    seed: int = 7
    rules: Settings = field(default_factory=Settings)


def decision(settings: DecisionSettings, said: Callable[[str], None]) -> dict[str, Any]:
    """Play a weekday and return the figures."""
    rng = np.random.default_rng(settings.seed)
    said(f"decision: offering {settings.bays} bays")
    before = resident_bytes()
    state, places = _city(settings, rng)
    after = resident_bytes()
    said(f"decision: playing {settings.requests} requests")
    day = _Day(state, _requests(settings, places, rng))
    with lasting():  # as in the service
        day.play()
    return day.figures() | {
        "bays": settings.bays,
        "requests": settings.requests,
        "hot": settings.hot,
        "bytes_per_bay": round((after - before) / settings.bays),
        "target": f"median at most {MEDIAN_MS_AT_MOST} ms, p99 at most {P99_MS_AT_MOST} ms",
    }


def resident_bytes() -> int:
    """Return the resident memory of this process; 0 where the system does not say."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text(encoding="ascii").split()[1]) * PAGE_BYTES if statm.exists() else 0


def _city(settings: DecisionSettings, rng: np.random.Generator) -> tuple[State, np.ndarray]:
    """Return a state with every bay registered, offered and known to be free, and the bays' places in metres.

    Neighbourhood by neighbourhood, as a register is: a zone is not strewn over the city.
    """
    side_m = 1000 * (settings.bays / BAYS_PER_KM2) ** 0.5
    centres = rng.uniform(0, side_m, (max(settings.bays // BAYS_PER_NEIGHBOURHOOD, SPOTS), 2))
    places = centres[np.sort(rng.integers(len(centres), size=settings.bays))]
    places = places + rng.normal(0, NEIGHBOURHOOD_SD_M, places.shape)
    windows = rng.choice(len(WINDOWS), size=settings.bays, p=WINDOW_SHARES)
    now = WEEKDAY_AT
    state = State(settings.rules, now)
    for number in range(settings.bays):
        bay, resident = f"b-{number}", f"res-{number}"
        lat, lon = _degrees(*places[number])
        spec = e.BaySpec(
            bay=bay, zone=f"z-{number // 100}", lat=lat, lon=lon, gateway=f"gw-{number // 50}", resident=resident
        )
        start, end = WINDOWS[windows[number]]
        offered = e.WeeklyOffered(
            offer_id=f"o-{number + 1}",
            bay=bay,
            resident=resident,
            request_id=f"offer-{number}",
            rrule="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            start=start,
            end=end,
        )
        free = e.OccupancyChanged(bay=bay, before="unknown", status="free", observed_at=now, boot_id=1, seq=1)
        for event in (e.BayRegistered(spec=spec), offered, free):
            record(state, event, now)
        state.dirty = Dirty()
    state.board.nearest(LAT, LON)
    return state, places


def _degrees(x_m: float, y_m: float) -> tuple[float, float]:
    return LAT + float(y_m) / M_PER_DEG_LAT, LON + float(x_m) / M_PER_DEG_LON


def _requests(settings: DecisionSettings, places: np.ndarray, rng: np.random.Generator) -> list[Due]:
    """Return (when, order, request) of the day: as many arrivals in each hour, near a bay or at a spot."""
    count = settings.requests
    arrive_at = WEEKDAY_AT + (rng.uniform(OPEN_H, CLOSE_H, count) * HOUR_MS).astype(np.int64)
    lead_ms = (rng.exponential(LEAD_MIN, count) * MINUTE_MS).astype(np.int64)
    stay_ms = (_stays_min(count, rng) * MINUTE_MS).astype(np.int64)
    walks = rng.integers(200, 401, count)
    spots = places[rng.integers(len(places), size=SPOTS)]
    hot = rng.random(count) < settings.hot
    to = np.where(hot[:, None], spots[rng.integers(SPOTS, size=count)], places[rng.integers(len(places), size=count)])
    to = to + rng.normal(0, SPOT_SD_M, to.shape)
    asked: list[Due] = []
    for n in range(count):
        lat, lon = _degrees(*to[n])
        request = c.RequestBay(
            driver=f"drv-{n}",
            request_id=f"req-{n}",
            vehicle_id=f"car-{n}",
            lat=lat,
            lon=lon,
            arrive_at=int(arrive_at[n]),
            stay_ms=int(stay_ms[n]),
            max_walk_m=int(walks[n]),
        )
        asked.append((max(int(arrive_at[n] - lead_ms[n]), WEEKDAY_AT), n, request))
    return asked


def _stays_min(count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw stays: log-normal, those outside 15 to 600 minutes drawn again."""
    kept: list[np.ndarray] = []
    while sum(map(len, kept)) < count:
        drawn = rng.lognormal(STAY_MU, STAY_SIGMA, count)
        kept.append(drawn[(drawn >= STAY_MIN) & (drawn <= STAY_MAX)])
    return np.concatenate(kept)[:count]


class _Day:
    """A day under way: what is due, what was decided and how long each request took."""

    def __init__(self, state: State, asked: list[Due]) -> None:
        self.state = state
        self.agenda = asked
        heapq.heapify(self.agenda)
        self.order = len(asked)
        self.taken_ms: list[float] = []
        self.outcomes: Counter[str] = Counter()
        self.walks: dict[str, int] = {}

    def play(self) -> None:
        """Play to the end."""
        while self.agenda:
            at, _, command = heapq.heappop(self.agenda)
            self._timers(at)
            if isinstance(command, c.RequestBay):
                self._ask(command, at)
            elif isinstance(command, c.DriverCommand):
                self._drive(command, at)
            self.state.dirty = Dirty()

    def figures(self) -> dict[str, Any]:
        """Return what was measured."""
        asked = len(self.taken_ms)
        return {
            "median_ms": round(percentile(self.taken_ms, 50), 3),
            "p99_ms": round(percentile(self.taken_ms, 99), 3),
            "max_ms": round(max(self.taken_ms), 3),
            "total_s": round(sum(self.taken_ms) / 1000, 1),
            "mean_walk_m": round(sum(self.walks.values()) / max(len(self.walks), 1), 1),
            **{f"{name}_share": round(self.outcomes[name] / asked, 4) for name in OUTCOMES},
        }

    def _ask(self, request: c.RequestBay, now: int) -> None:
        began = time.thread_time()
        events = decide(self.state, request, now)
        self.taken_ms.append((time.thread_time() - began) * 1000)
        last = next(it for it in events if isinstance(it, e.ReservationAccepted | e.RequestRejected))
        accepted = isinstance(last, e.ReservationAccepted)
        self.outcomes["accepted" if accepted else "refused"] += 1
        self.outcomes["cut"] += last.explanation is not None and last.explanation.cut
        self.outcomes["chain"] += accepted and isinstance(events[0], e.Replanned)
        self._record(events, now)
        if isinstance(last, e.ReservationAccepted):
            self._later(last.from_at, request, "arrive", last.reservation_id)
            self._later(last.until - 1, request, "leave", last.reservation_id)

    def _later(self, at: int, request: c.RequestBay, kind: str, key: str) -> None:
        self.order += 1
        command = c.DriverCommand(driver=request.driver, request_id=f"say-{self.order}", type=kind, reservation_id=key)
        heapq.heappush(self.agenda, (at, self.order, command))

    def _drive(self, said: c.DriverCommand, now: int) -> None:
        """A car comes or goes: the sensor sees it, and the driver tells of going; silence is no matter here."""
        held = self.state.reservations.get(said.reservation_id)
        if held is None or held.bay is None:
            return
        spec = self.state.board.bay(held.bay).spec
        self.order += 1
        seen = c.Observe(
            gateway=spec.gateway,
            zone=spec.zone,
            bay=spec.bay,
            boot_id=WEEKDAY_AT,
            seq=self.order,
            observed_at=now,
            status="occupied" if said.type == "arrive" else "free",
        )
        self._record(observe(self.state, seen, Verdict.FRESH, now), now)
        if said.type == "leave":
            self._take(said, now)

    def _timers(self, until: int) -> None:
        while (due_at := self.state.next_due()) is not None and due_at <= until:
            for due in due_decisions(self.state, due_at):
                self._take(due, due_at)

    def _take(self, command: Command, now: int) -> None:
        self._record(decide(self.state, command, now), now)

    def _record(self, events: list[e.Event], now: int) -> None:
        for event in events:
            record(self.state, event, now)
            if isinstance(event, e.ReservationBound):
                self.walks[event.reservation_id] = event.walk_m
