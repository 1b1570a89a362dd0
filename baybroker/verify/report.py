"""What the check found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

VIOLATIONS_KEPT = 1_000

RULES = {
    "S1": "no bay has two overlapping live intervals",
    "S2": "no vehicle has two overlapping live intervals",
    "S3": "a reservation lies inside an offer when it is placed",
    "S4": "every request that was answered is in the events, and the other way round",
    "S5": "one request_id has one effect",
    "S6": "tables, snapshots and numbers equal the fold of the events",
    "S7": "nothing is announced that was not committed",
    "S8": "the ledger sums to zero and is what the events charge",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule of RULES that does not hold, and at which event it was seen."""

    rule: str
    text: str
    position: int | None = None


@dataclass(slots=True, kw_only=True)
class Counters:
    """What the history holds. Arrivals and departures are changes in order from a known state."""

    events: int = 0
    requests: int = 0
    accepted: int = 0
    rejected: int = 0
    waitlisted: int = 0
    bound: int = 0
    active: int = 0
    completed: int = 0
    cancelled: int = 0
    expired: int = 0
    failed: int = 0
    substitutes: int = 0
    promises_broken: int = 0
    guests_recalled: int = 0
    occupancy_changes: int = 0
    late: int = 0
    arrivals: int = 0
    departures: int = 0
    contested: int = 0
    answers: int = 0
    ledger_entries: int = 0


@dataclass(slots=True, kw_only=True)
class Report:
    """The violations, the first VIOLATIONS_KEPT of them in full, and the counters."""

    violations: list[Violation] = field(default_factory=list)
    violations_by_rule: Counter[str] = field(default_factory=Counter)
    counters: Counters = field(default_factory=Counters)

    def add(self, rule: str, text: str, position: int | None = None) -> None:
        """Note a violation."""
        self.violations_by_rule[rule] += 1
        if len(self.violations) < VIOLATIONS_KEPT:
            self.violations.append(Violation(rule, text, position))

    @property
    def clean(self) -> bool:
        """Whether every rule holds."""
        return not self.violations

    @property
    def double_bookings(self) -> int:
        """How often a bay was promised twice at one time."""
        return self.violations_by_rule["S1"]
