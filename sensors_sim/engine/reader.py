"""Reading a plan: its rows come up one by one, between what answers have brought about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sensors_sim.engine.plan import EventHash

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from broker_bridge.agenda import Agenda
    from sensors_sim.engine.demand import Wishes
    from sensors_sim.engine.excerpt import Excerpt
    from sensors_sim.engine.plan import Plan
    from sensors_sim.engine.rows import What

    Act = Callable[[int, int, int], object]


class Reader:
    """The place in a plan. A row is acted on as `acts[what](at_ms, bay, value)`; at one instant before the agenda."""

    def __init__(self, plan: Plan | Excerpt, agenda: Agenda[Callable[[int], object]], acts: Mapping[What, Act]) -> None:
        self._pages, self._agenda = plan.pages(), agenda
        self._acts = {int(what): act for what, act in acts.items()}
        self.hash = EventHash()
        self._row = 0
        self._turn()

    def next_at(self) -> int:
        """Return when the next row may be: not before that."""
        return self._at_ms[self._row] if self._row < len(self._at_ms) else self._until_ms

    def run(self, until_ms: int) -> None:
        """Do all that is due up to and including `until_ms`, with what that brings about."""
        agenda = self._agenda
        while True:
            self._read(until_ms)
            due_ms = agenda.next_at()
            if due_ms is None or due_ms > until_ms:
                return
            at_ms, act = agenda.pop()
            act(at_ms)

    def _read(self, until_ms: int) -> None:
        """Do the rows up to `until_ms`, or to what is next on the agenda, whichever is first."""
        agenda, acts = self._agenda, self._acts
        while True:
            at_ms, what, bay, value = self._at_ms, self._what, self._bay, self._value
            while self._row < len(at_ms):
                row = self._row
                due_ms = agenda.next_at()
                if at_ms[row] > until_ms or (due_ms is not None and due_ms < at_ms[row]):
                    return
                self._row = row + 1
                acts[what[row]](at_ms[row], bay[row], value[row])
            due_ms = agenda.next_at()
            if self._until_ms > until_ms or (due_ms is not None and due_ms < self._until_ms):
                return
            self._turn()

    def _turn(self) -> None:
        page = next(self._pages)
        self.hash.add(page)
        self._at_ms, self._what, self._bay, self._value = (column.tolist() for column in page.rows)
        self.wishes: Wishes = page.wishes
        self._until_ms, self._row = page.until_ms, 0
