"""One driver's trip: its phases as a table, and the times that follow from its wish."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from sensors_sim.engine.demand import Fate
from sensors_sim.local_time import MINUTE_MS

if TYPE_CHECKING:
    from sensors_sim.engine.demand import Wish

BACK_IN_TIME_MS = MINUTE_MS


class Phase(StrEnum):
    """Where a trip stands."""

    ASKING = "asking"
    PROMISED = "promised"
    HEADING = "heading"
    BLOCKED = "blocked"
    PARKED = "parked"
    LEFT = "left"
    OVER = "over"


PHASES: dict[Phase, frozenset[Phase]] = {
    Phase.ASKING: frozenset({Phase.PROMISED, Phase.OVER}),
    Phase.PROMISED: frozenset({Phase.HEADING, Phase.OVER}),
    Phase.HEADING: frozenset({Phase.HEADING, Phase.BLOCKED, Phase.PARKED, Phase.OVER}),
    Phase.BLOCKED: frozenset({Phase.HEADING, Phase.OVER}),
    Phase.PARKED: frozenset({Phase.HEADING, Phase.LEFT, Phase.OVER}),
    Phase.LEFT: frozenset({Phase.OVER}),
    Phase.OVER: frozenset(),
}
"""phase -> the phases that may follow."""


@dataclass(slots=True, kw_only=True)
class Trip:
    """A trip under way. `heard` are its replies' (type, position), `asked` the ids of its requests."""

    driver: str
    request_id: str
    wish: Wish
    from_ms: int
    until_ms: int
    phase: Phase = Phase.ASKING
    reservation_id: str | None = None
    bay: str | None = None
    arriving_at: int | None = None
    leaving_at: int | None = None
    queries: int = 0
    blocked_request_id: str | None = None
    settled: bool = False
    heard: set[tuple[str, int]] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def enter(self, phase: Phase) -> None:
        """Go on to another phase, which the table must allow."""
        if phase not in PHASES[self.phase]:
            msg = f"a trip that is {self.phase} cannot become {phase}"
            raise ValueError(msg)
        self.phase = phase

    def departure_ms(self, now_ms: int) -> int:
        """Return when the car leaves again, parked now."""
        stay_ms = self.until_ms - self.from_ms
        if self.wish.fate is Fate.OVERSTAYS:
            leaves = self.until_ms + self.wish.overstay_ms
        elif self.wish.fate is Fate.LEAVES_EARLY:
            leaves = self.from_ms + round((0.3 + self.wish.share / 2) * stay_ms)
        else:
            leaves = self.until_ms - round((0.02 + 0.08 * self.wish.share) * stay_ms)
        return max(leaves, now_ms + BACK_IN_TIME_MS)
