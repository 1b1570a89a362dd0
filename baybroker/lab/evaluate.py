"""One policy, or the bound, on one instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from allocator.core import Settings
from allocator.domain.interval import MINUTE_MS, slot_floor
from baybroker.lab.bound import clairvoyant
from baybroker.lab.carsp import carsp
from baybroker.lab.cores import BareCore
from baybroker.lab.day import day
from baybroker.lab.guests import Guests
from baybroker.lab.hot_zone import hot_zone
from baybroker.lab.instance import TIMEZONE
from baybroker.lab.opening import Sensors, open_day
from baybroker.lab.timeline import Timeline
from baybroker.policies import load_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from baybroker.lab.bound import Bound
    from baybroker.lab.instance import Instance, OfferedBay

BOUND = "bound"
EARLIER_MS = 10 * MINUTE_MS
"""How long before the first request the bays are registered: new connections make the core cautious for a while."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one policy on one instance. `gini` is that of the rented hours over the bays.

    `served` parked in the bay they were sent to. The bound's row has no walk, moves, gini or times; without a bound
    (it took too long) there is no such row and no share.
    """

    instance: str
    load: float | None
    lead_min: float | None
    seed: int
    policy: str
    requests: int
    served: int
    share_of_bound: float | None
    paid_hours: float
    mean_walk_m: float | None = None
    hidden_moves: int | None = None
    gini: float | None = None
    decision_us_p50: float | None = None
    decision_us_p99: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Instances that share one bound: those of a load and a seed, with every lead."""

    instance: str
    seed: int
    policies: tuple[str, ...]
    load: float
    leads_min: tuple[float, ...]
    bays: tuple[OfferedBay, ...]
    stays_min: tuple[int, ...]
    time_limit_s: float

    def instances(self) -> Iterator[Instance]:
        """Return the instances of the task; only their leads differ."""
        if self.instance == "hot-zone":
            yield hot_zone(self.seed)
            return
        for lead_min in self.leads_min:
            if self.instance == "carsp":
                yield carsp(self.seed, lead_min=lead_min)
            else:
                yield day(self.bays, self.stays_min, load=self.load, lead_min=lead_min, seed=self.seed)


def evaluate(task: Task) -> list[Row]:
    """Return a row for each policy on each instance, and one for the bound where it was found in time."""
    instances = list(task.instances())
    bound = clairvoyant(instances[0], task.time_limit_s) if task.time_limit_s else None
    rows = []
    for instance in instances:
        rows += [play(instance, policy, bound) for policy in task.policies]
        if bound is not None:
            rows.append(_row(instance, BOUND, bound.served, bound, paid_hours=round(bound.paid_hours, 2)))
    return rows


def play(instance: Instance, policy: str, bound: Bound | None) -> Row:
    """Return what the real core makes of an instance with a policy; buffers are off, as they are in the bound."""
    began_at = slot_floor(instance.starts_at - EARLIER_MS)
    core = BareCore(
        Settings(timezone=TIMEZONE, policy=load_policy(policy), buffer_ms=0, late_risk_permille=None), began_at
    )
    timeline = Timeline(core, began_at)
    sensors = Sensors(began_at)
    open_day(timeline, instance.bays, sensors)
    guests = Guests(timeline, sensors, instance.demands)
    timeline.run(max(demand.until for demand in instance.demands))
    served = [guest for guest in guests.guests.values() if guest.came]
    rented = dict.fromkeys((bay.bay for bay in instance.bays), 0.0)
    for guest in served:
        rented[guest.bay or ""] += guest.demand.hours
    p50, p99 = np.percentile(core.decision_ns, [50, 99]) / 1000
    return _row(
        instance,
        policy,
        len(served),
        bound,
        paid_hours=round(sum(rented.values()), 2),
        mean_walk_m=round(float(np.mean([guest.walk_m for guest in served])), 1) if served else None,
        hidden_moves=guests.hidden_moves,
        gini=round(gini(list(rented.values())), 4),
        decision_us_p50=round(float(p50), 1),
        decision_us_p99=round(float(p99), 1),
    )


def gini(amounts: Sequence[float]) -> float:
    """Return the Gini coefficient: 0 when all have the same, near 1 when one has everything."""
    ordered = np.sort(np.asarray(amounts, dtype=float))
    total = float(ordered.sum())
    if not total:
        return 0.0
    ranks = np.arange(1, len(ordered) + 1)
    return float((2 * ranks - len(ordered) - 1) @ ordered / (len(ordered) * total))


def _row(instance: Instance, policy: str, served: int, bound: Bound | None, **measured: float | None) -> Row:
    share = round(served / bound.served, 4) if bound is not None and bound.served else None
    return Row(
        instance=instance.name,
        load=instance.load,
        lead_min=instance.lead_min,
        seed=instance.seed,
        policy=policy,
        requests=len(instance.demands),
        served=served,
        share_of_bound=share,
        **measured,  # type: ignore[arg-type]
    )
