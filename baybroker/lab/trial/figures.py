"""What a run comes to: the figures of a row, out of the decisions, the ground truth and the offers."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from allocator.domain.interval import HOUR_MS, Interval
from allocator.domain.offered import offered_intervals, total_ms
from baybroker.lab.evaluate import gini
from baybroker.lab.trial.decisions import ACCEPTED, REFUSED, WAITING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from allocator.core import State
    from allocator.domain.events import AutoWindowSet
    from allocator.domain.model import Offer
    from baybroker.lab.trial.decisions import Decision

WALK_STEP_M = 25
HOURS = 24
LORENZ_POINTS = 101


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of one policy in one world. Shares are of 1.

    Requests are accepted, refused, or still waiting at the end. Of those accepted `served` parked; others cancelled,
    did not come, found their promise broken (`failed`) or are still to come (`open`). `chain` were accepted by moving
    others; `substitutes` parked in another bay than the one they were first sent to. `violations` are promises not
    kept: failed, or farther than promised; `sent_home` guests had to leave before their time because a resident came
    home. `resident_conflicts`: a resident found a car in the bay, each time.
    `use_of_offered` is `paid_hours` of `offered_hours`; `gini` is of the hours rented over the bays that were offered.
    `occupancy_mean` and `occupancy_peak` (the fullest hour) are of all bays; `penetration` is the share of cars, other
    than residents', that came with a booking. `sensor_error_share`: bay-time in which the sensors' last word was wrong;
    `unknown_share`: in which the
    allocator did not know what to believe. `world_hash` is of all that was planned, whatever the policy; `event_hash`
    of all that was said and decided. The city was played in so many `portions`, each with an allocator of its own;
    `wall_s` is of all of them together, `peak_rss_mib` of the largest.
    """

    policy: str
    seed: int
    days: int
    bays: int
    portions: int
    requests: int
    accepted: int
    served: int
    refused: int
    waiting: int
    refused_share: float
    refused_by_reason: dict[str, int]
    chain: int
    chain_share: float
    waitlisted: int
    cancelled: int
    expired: int
    failed: int
    open: int
    violations: int
    violations_by_reason: dict[str, int]
    relocations: int
    substitutes: int
    sent_home: int
    overstays: int
    resident_conflicts: int
    hidden_moves: int
    mean_walk_m: float | None
    p90_walk_m: float | None
    paid_hours: float
    offered_hours: float
    use_of_offered: float | None
    occupancy_mean: float
    occupancy_peak: float
    penetration: float | None
    sensor_error_share: float
    unknown_share: float
    gini: float
    paid_won: int
    earnings_won: int
    substitute_won: int
    sensor_events: int
    messages: int
    occupancy_by_hour: dict[str, list[float]]
    requests_by_hour: list[int]
    refused_by_hour: list[int]
    walks_by_25_m: list[int]
    lorenz: list[float]
    world_hash: str
    event_hash: str
    wall_s: float
    peak_rss_mib: int


def of_decisions(decisions: Sequence[Decision], utc_offset_ms: int) -> dict[str, object]:
    """Return the figures that follow from the decisions alone."""
    of_answer = Counter(made.answer for made in decisions)
    outcomes = Counter(made.outcome for made in decisions if made.answer == ACCEPTED)
    served = [made for made in decisions if made.began_at is not None]
    walks = np.array([made.walk_m for made in served if made.walk_m is not None], dtype=np.int64)
    refused = [made for made in decisions if made.answer == REFUSED]
    broken = Counter(made.broken for made in decisions if made.broken is not None)
    chain = sum(1 for made in decisions if made.chain)
    asked = max(len(decisions), 1)
    return {
        "requests": len(decisions),
        "accepted": of_answer[ACCEPTED],
        "served": len(served),
        "refused": len(refused),
        "waiting": of_answer[WAITING],
        "refused_share": round(len(refused) / asked, 5),
        "refused_by_reason": dict(sorted(Counter(made.reason or "" for made in refused).items())),
        "chain": chain,
        "chain_share": round(chain / asked, 5),
        "waitlisted": sum(1 for made in decisions if made.waitlisted),
        "cancelled": outcomes["cancelled"],
        "expired": outcomes["expired"],
        "failed": outcomes["failed"],
        "open": outcomes[None],
        "violations": broken.total(),
        "violations_by_reason": dict(sorted((reason or "", count) for reason, count in broken.items())),
        "relocations": sum(made.relocations for made in decisions),
        "substitutes": sum(1 for made in served if made.relocations),
        "sent_home": sum(1 for made in decisions if made.sent_home),
        "mean_walk_m": round(float(walks.mean()), 1) if walks.size else None,
        "p90_walk_m": round(float(np.percentile(walks, 90)), 1) if walks.size else None,
        "paid_won": sum(made.price_won or 0 for made in decisions),
        "earnings_won": sum(made.resident_won or 0 for made in decisions),
        "substitute_won": sum(made.substitute_won for made in decisions),
        "requests_by_hour": _by_hour(decisions, utc_offset_ms),
        "refused_by_hour": _by_hour(refused, utc_offset_ms),
        "walks_by_25_m": np.bincount(walks // WALK_STEP_M).tolist(),
    }


def of_bays(decisions: Iterable[Decision], offered_ms: dict[str, int], until: int) -> dict[str, object]:
    """Return the use of what was offered, by bay, and how evenly it is spread."""
    rented_ms = dict.fromkeys(offered_ms, 0)
    for made in decisions:
        if made.began_at is not None and made.bay in rented_ms:
            rented_ms[made.bay] += max((made.ended_at or until) - made.began_at, 0)
    paid, offered = sum(rented_ms.values()), sum(offered_ms.values())
    return {
        "paid_hours": round(paid / HOUR_MS, 2),
        "offered_hours": round(offered / HOUR_MS, 2),
        "use_of_offered": round(paid / offered, 5) if offered else None,
        "gini": round(gini(list(rented_ms.values())), 4),
        "lorenz": _lorenz(list(rented_ms.values())),
    }


class AutoWindows:
    """How long each `auto` offer had its bay open, from the windows that were set."""

    def __init__(self) -> None:
        self._open: dict[str, Interval] = {}
        self._ms: dict[str, int] = defaultdict(int)

    def hear(self, event: AutoWindowSet, at: int) -> None:
        """Take note of a window; another beginning is another window."""
        before = self._open.get(event.bay)
        if before is not None and before.from_at != event.from_at:
            self._ms[event.bay] += max(min(at, before.until) - before.from_at, 0)
        self._open[event.bay] = Interval(event.from_at, event.until)

    def total_ms(self, until: int) -> dict[str, int]:
        """Return how long each bay was open, up to an instant."""
        for bay, window in self._open.items():
            self._ms[bay] += max(min(until, window.until) - window.from_at, 0)
        self._open.clear()
        return dict(self._ms)


def offered_by_bay(state: State, auto: AutoWindows, within: Interval) -> dict[str, int]:
    """Return for how long each bay was on offer, of those that were at all."""
    offers: dict[str, list[Offer]] = defaultdict(list)
    for offer in state.offers.values():
        offers[offer.bay].append(offer)
    offered = auto.total_ms(within.until)
    for bay, those in offers.items():
        timed = total_ms(offered_intervals(those, state.settings.timezone, within))
        if timed:
            offered[bay] = offered.get(bay, 0) + timed
    return offered


def _by_hour(decisions: Iterable[Decision], utc_offset_ms: int) -> list[int]:
    """Return how many asked for which hour of the local day."""
    hours = Counter((made.arrive_at + utc_offset_ms) // HOUR_MS % HOURS for made in decisions)
    return [hours[hour] for hour in range(HOURS)]


def _lorenz(amounts: Sequence[int]) -> list[float]:
    """Return which share of the whole the poorest 0, 1, ... 100 % have."""
    ordered = np.concatenate(([0], np.cumsum(np.sort(np.asarray(amounts, dtype=np.float64)))))
    at = np.linspace(0, len(ordered) - 1, LORENZ_POINTS).round().astype(int)
    return (ordered[at] / max(ordered[-1], 1)).round(5).tolist()  # type: ignore[no-any-return]
