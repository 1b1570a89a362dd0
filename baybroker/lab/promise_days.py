"""Days of promises with and without substitutes, written to a database and verified, and what was counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from allocator.core import Settings
from allocator.domain.interval import HOUR_MS, slot_floor
from allocator.store.sqlite3_store import Sqlite3Store
from baybroker.lab.cores import StoredCore
from baybroker.lab.day import day
from baybroker.lab.incidents import draw_incidents
from baybroker.lab.instance import TIMEZONE
from baybroker.lab.opening import Sensors, open_day
from baybroker.lab.promises import OVERSTAYER, RESIDENT, SQUATTER, Visitors, WithoutSubstitutes
from baybroker.lab.street import HEARTBEAT_MS, Street
from baybroker.lab.timeline import Timeline
from baybroker.policies import load_policy
from baybroker.verify import verify_history

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from allocator.matching.policies import Policy
    from baybroker.lab.instance import Instance, OfferedBay
    from baybroker.verify import Report

CITY = "lab"
EARLIER_MS = HOUR_MS
LATER_MS = 4 * HOUR_MS
"""How long after the last stay is looked on: silence takes two heartbeats to be noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseRow:
    """What came of a day's promises; counts are of bookings where nothing else is said.

    `violations`: not kept, whoever stood in the way but a resident; `sent_away_by_resident`: those.
    `squatter_meetings`, `overstays_into_next`, `resident_meetings`: bookings that such a car, or a recall, stood in the
    way of first. `residents_kept_waiting`: how many found a car in their own bay. `injected`: incidents that took
    place, of which the history shows nothing of `hidden` (only a faulty sensor could have told) and of `unhandled`, to
    which drivers who found a car in their bay and got no answer are added.
    """

    policy: str
    load: float
    seed: int
    requests: int
    accepted: int
    violations: int
    sent_away_by_resident: int
    relocations: int
    substitutes_within_promise: int
    squatter_meetings: int
    overstays_into_next: int
    resident_meetings: int
    residents_kept_waiting: int
    overstays: int
    injected: int
    hidden: int
    unhandled: int
    double_bookings: int
    broken_rules: int

    @property
    def counts(self) -> dict[str, int]:
        """All that can be added up over the days."""
        return {name: value for name, value in asdict(self).items() if name not in {"policy", "load", "seed"}}


def total(rows: Sequence[PromiseRow]) -> dict[str, int]:
    """Return the counts of several days together."""
    return {name: sum(row.counts[name] for row in rows) for name in rows[0].counts}


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseTask:
    """A day to play: with or without substitutes, into a new database."""

    seed: int
    policy: str
    substitutes: bool
    load: float
    lead_min: float
    bays: tuple[OfferedBay, ...]
    stays_min: tuple[int, ...]
    database: Path


def play_task(task: PromiseTask) -> PromiseRow:
    """Return what came of the day."""
    instance = day(task.bays, task.stays_min, load=task.load, lead_min=task.lead_min, seed=task.seed)
    policy = load_policy(task.policy)
    return play_promises(
        instance, task.stays_min, policy if task.substitutes else WithoutSubstitutes(policy), task.database
    )


def play_promises(instance: Instance, stays_min: Sequence[int], policy: Policy, database: Path) -> PromiseRow:
    """Return what came of one day, which is written to a new database; equal seeds see equal incidents."""
    began_at = slot_floor(instance.starts_at - EARLIER_MS)
    ends_at = max(window.until for bay in instance.bays for window in bay.windows) + LATER_MS
    draw = np.random.default_rng([instance.seed, 1])
    incidents = draw_incidents(instance, stays_min, draw)
    store = Sqlite3Store(str(database))
    asyncio.run(store.open("lab"))
    try:
        core = StoredCore(Settings(timezone=TIMEZONE, policy=policy), began_at, store, CITY)
        timeline = Timeline(core, began_at)
        sensors = Sensors(began_at)
        open_day(timeline, instance.bays, sensors, HEARTBEAT_MS)
        street = Street(timeline, sensors, incidents.faults, draw)
        visitors = Visitors(timeline, sensors, instance.demands, street, incidents)
        street.beat(tuple(bay.bay for bay in instance.bays), ends_at)
        timeline.run(ends_at)
        core.commit(timeline.now)
    finally:
        asyncio.run(store.close())
    return _count(instance, policy, visitors, verify_history(database))


def _count(instance: Instance, policy: Policy, visitors: Visitors, report: Report) -> PromiseRow:
    booked = list(visitors.holding.values())
    broken = [
        guest
        for guest in booked
        if not guest.came or guest.walk_m > guest.demand.max_walk_m or guest.demand.name in visitors.recalled
    ]
    by_resident = [
        guest
        for guest in broken
        if guest.demand.name in visitors.recalled or visitors.cause.get(guest.demand.name) == RESIDENT
    ]
    causes = Counter(visitors.cause.values())
    hidden, unseen, injected = _shown(visitors, visitors.timeline.now)
    return PromiseRow(
        policy=policy.name,
        load=instance.load or 0.0,
        seed=instance.seed,
        requests=len(instance.demands),
        accepted=len(booked),
        violations=len(broken) - len(by_resident),
        sent_away_by_resident=len(by_resident),
        relocations=visitors.relocations.total(),
        substitutes_within_promise=visitors.relocations["within_promise"],
        squatter_meetings=causes[SQUATTER],
        overstays_into_next=causes[OVERSTAYER],
        resident_meetings=causes[RESIDENT],
        residents_kept_waiting=visitors.kept_waiting,
        overstays=len(visitors.overstayed),
        injected=injected,
        hidden=hidden,
        unhandled=unseen + visitors.unanswered,
        double_bookings=report.double_bookings,
        broken_rules=sum(report.violations_by_rule.values()),
    )


def _shown(visitors: Visitors, now: int) -> tuple[int, int, int]:
    """Return how many incidents a faulty sensor hid, how many went unseen otherwise, and how many there were."""
    faults, notices = visitors.incidents.faults, visitors.notices
    hidden = unseen = 0
    visits = [visit for came in visitors.came_to.values() for visit in came]
    for visit in visits:
        if not notices.bay(visit.bay, visit.at - HOUR_MS, visit.until):
            faulty = visit.bay in faults
            hidden, unseen = hidden + faulty, unseen + (not faulty)
    hidden += sum(not notices.bay(bay, fault.since, now) for bay, fault in faults.items())
    for guest in visitors.overstayed:
        if not notices.warned(guest.reservation_id or ""):
            faulty = guest.bay in faults  # its false "free" ended the stay
            hidden, unseen = hidden + faulty, unseen + (not faulty)
    return hidden, unseen, len(visits) + len(faults) + len(visitors.overstayed)
