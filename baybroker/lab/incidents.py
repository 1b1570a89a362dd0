"""What goes wrong on a day, drawn from a seed, and whether the history shows it.

Shares: `OVERSTAYING` of the bookings stay up to an hour too long; strangers park in `SQUATTED` of the bays;
`HOME_EARLY` of the residents come home during the day, every other one after a recall; `FAULTY` of the sensors fail,
each in one of five ways. All at instants uniform in the bay's window.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from allocator.domain import events as e
from allocator.domain.interval import HOUR_MS, MINUTE_MS
from baybroker.lab.street import FAULTS, Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from allocator.domain.events import Recorded
    from baybroker.lab.instance import Instance

OVERSTAYING = 0.05
OVERSTAY_MIN = (1, 60)
SQUATTED = 0.03
HOME_EARLY = 0.05
FAULTY = 0.10
RECALL_AHEAD_MS = 30 * MINUTE_MS
NOTICED_WITHIN_MS = 3 * HOUR_MS
"""Two heartbeats, after which silence is noticed, and some time more."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who has not booked wants to stand in a bay for `[at, until)`; `recalled`: a resident who said so."""

    bay: str
    at: int
    until: int
    recalled: bool = False


@dataclass(frozen=True, slots=True)
class Incidents:
    """All that goes wrong on a day. `overstays_ms` is by the driver's request."""

    overstays_ms: dict[str, int]
    squatters: tuple[Visit, ...]
    residents: tuple[Visit, ...]
    faults: dict[str, Fault]


def draw_incidents(instance: Instance, stays_min: Sequence[int], draw: np.random.Generator) -> Incidents:
    """Return what goes wrong on the day."""
    overstays_ms = {
        demand.name: int(draw.integers(OVERSTAY_MIN[0], OVERSTAY_MIN[1] + 1)) * MINUTE_MS
        for demand in instance.demands
        if draw.random() < OVERSTAYING
    }
    squatters: list[Visit] = []
    residents: list[Visit] = []
    faults: dict[str, Fault] = {}
    for bay in instance.bays:
        window = bay.windows[int(draw.integers(len(bay.windows)))]
        instants = [int(draw.integers(window.from_at, window.until) // MINUTE_MS) * MINUTE_MS for _ in range(3)]
        if draw.random() < SQUATTED:
            stay_ms = int(draw.choice(stays_min)) * MINUTE_MS
            squatters.append(Visit(bay.bay, instants[0], instants[0] + stay_ms))
        if draw.random() < HOME_EARLY:
            at = max(instants[1], window.from_at + RECALL_AHEAD_MS)
            residents.append(Visit(bay.bay, at, window.until + 3 * HOUR_MS, recalled=len(residents) % 2 == 0))
        if draw.random() < FAULTY:
            faults[bay.bay] = Fault(FAULTS[len(faults) % len(FAULTS)], instants[2])
    return Incidents(overstays_ms, tuple(squatters), tuple(residents), faults)


class Notices:
    """When each bay and each booking was noticed in the history."""

    def __init__(self) -> None:
        self._bays: dict[str, list[int]] = defaultdict(list)
        self._warned: set[str] = set()

    def hear(self, recorded: Recorded) -> None:
        """Note what an event shows."""
        event = recorded.event
        if isinstance(event, e.OverstayWarned):
            self._warned.add(event.reservation_id)
        elif isinstance(event, e.ReservationRelocated):
            self._bays[event.from_bay].append(recorded.at)
        elif isinstance(event, _SHOWN):
            self._bays[event.bay].append(recorded.at)

    def bay(self, bay: str, since: int, until: int) -> bool:
        """Tell whether the history shows anything of the bay in that time or soon after."""
        return any(since <= at <= until + NOTICED_WITHIN_MS for at in self._bays[bay])

    def warned(self, reservation_id: str) -> bool:
        """Tell whether the driver was told that the stay is over."""
        return reservation_id in self._warned


_SHOWN = (e.OccupancyChanged, e.BayContested, e.SensorLost, e.BayRecalled, e.ReservationActivated)
