"""Who really stands where, and what sensors make of it, the faulty ones included."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from allocator.domain.interval import HOUR_MS, MINUTE_MS
from baybroker.lab.timeline import Rank

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from baybroker.lab.opening import Sensors
    from baybroker.lab.timeline import Timeline

HEARTBEAT_MS = HOUR_MS
FLAPS = 6
FLAP_EVERY_MS = 7 * MINUTE_MS
LATE_MS = (2 * MINUTE_MS, 20 * MINUTE_MS)
FAULTS = ("silent", "stuck_free", "stuck_occupied", "flapping", "late")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a sensor from an instant on: one of FAULTS."""

    kind: str
    since: int


class Street:
    """`standing` is the truth: whose car is in which bay."""

    def __init__(
        self, timeline: Timeline, sensors: Sensors, faults: Mapping[str, Fault], draw: np.random.Generator
    ) -> None:
        self.standing: dict[str, str] = {}
        self._timeline, self._sensors, self._faults, self._draw = timeline, sensors, faults, draw
        for bay, fault in faults.items():
            timeline.at(fault.since, Rank.ARRIVE, partial(self._break, bay, fault))

    def park(self, bay: str, whose: str) -> bool:
        """Put a car there; False where another stands."""
        if bay in self.standing:
            return False
        self.standing[bay] = whose
        self._see(bay)
        return True

    def leave(self, bay: str) -> None:
        """Take the car away."""
        del self.standing[bay]
        self._see(bay)

    def beat(self, bays: tuple[str, ...], until: int) -> None:
        """Send every sensor's sign of life, hour by hour."""
        now = self._timeline.now
        for bay in bays:
            if self._fault(bay) != "silent":
                self._timeline.say(self._sensors.heartbeat(bay, now, HEARTBEAT_MS))
        if now < until:
            self._timeline.at(now + HEARTBEAT_MS, Rank.LEAVE, partial(self.beat, bays, until))

    def _truth(self, bay: str) -> str:
        return "occupied" if bay in self.standing else "free"

    def _fault(self, bay: str) -> str | None:
        fault = self._faults.get(bay)
        return fault.kind if fault is not None and self._timeline.now >= fault.since else None

    def _see(self, bay: str) -> None:
        """The car came or went: what the sensor says of it, if anything."""
        fault, now = self._fault(bay), self._timeline.now
        if fault in ("silent", "stuck_free", "stuck_occupied"):
            return
        word = self._sensors.word(bay, self._truth(bay), now)
        if fault == "late":
            late_ms = int(self._draw.integers(*LATE_MS))
            self._timeline.at(now + late_ms, Rank.LEAVE, partial(self._timeline.say, word))
        else:
            self._timeline.say(word)

    def _break(self, bay: str, fault: Fault) -> None:
        """The fault begins: a stuck sensor speaks once more, a flapping one begins to."""
        if fault.kind.startswith("stuck_"):
            self._say(bay, fault.kind.removeprefix("stuck_"))
        elif fault.kind == "flapping":
            for number in range(FLAPS):
                at = self._timeline.now + number * FLAP_EVERY_MS
                self._timeline.at(at, Rank.ARRIVE, partial(self._flap, bay, wrong=number % 2 == 0))

    def _flap(self, bay: str, *, wrong: bool) -> None:
        truth = self._truth(bay)
        self._say(bay, {"free": "occupied", "occupied": "free"}[truth] if wrong else truth)

    def _say(self, bay: str, status: str) -> None:
        self._timeline.say(self._sensors.word(bay, status, self._timeline.now))
