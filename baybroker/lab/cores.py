"""The real core, driven in two ways: bare, with its decisions timed, and through the service's desk into a database."""

from __future__ import annotations

import asyncio
from time import perf_counter_ns
from typing import TYPE_CHECKING

from allocator.core import State, decide
from allocator.core.advance import due_decisions
from allocator.core.record import record
from allocator.core.sensing import sense, sense_device
from allocator.core.state import Dirty
from allocator.domain import commands as c
from allocator.service.desk import Desk
from allocator.store.base import Commit

if TYPE_CHECKING:
    from allocator.core import Settings
    from allocator.domain.events import Event, Recorded
    from allocator.store.base import Store

COMMIT_EVERY = 500


class BareCore:
    """Decides and folds, announces nothing. `decision_ns` is the wall time of each decision on a request."""

    def __init__(self, settings: Settings, now: int) -> None:
        self.state = State(settings, now)
        self.decision_ns: list[int] = []

    def take(self, command: c.Command, now: int) -> list[Recorded]:
        """Carry out a command and return what it led to."""
        self.state.dirty = Dirty()
        if isinstance(command, c.Observe):
            return self._record(sense(self.state, command, now)[1], now)
        if isinstance(command, c.ReportDevice):
            return self._record(sense_device(self.state, command, now)[1], now)
        began = perf_counter_ns()
        events = decide(self.state, command, now)
        if isinstance(command, c.RequestBay):
            self.decision_ns.append(perf_counter_ns() - began)
        return self._record(events, now)

    def pass_time(self, now: int) -> list[Recorded]:
        """Decide whatever has fallen due and return what it led to."""
        recorded = []
        for due in due_decisions(self.state, now):
            recorded += self._record(decide(self.state, due, now), now)
        return recorded

    def _record(self, events: list[Event], now: int) -> list[Recorded]:
        return [record(self.state, event, now) for event in events]


class StoredCore:
    """Works through the desk and writes all of it to a store, as the service does, only with longer batches."""

    def __init__(self, settings: Settings, now: int, store: Store, city: str) -> None:
        self.desk = Desk(State(settings, now), city)
        self.state = self.desk.state
        self._store = store
        self._taken = 0
        asyncio.run(store.commit(Commit(meta={"city": city, "timezone": settings.timezone})))

    def take(self, command: c.Command, now: int) -> list[Recorded]:
        """Carry out a command and return what it led to."""
        self._taken += 1
        if self._taken % COMMIT_EVERY == 0:
            self.commit(now)
        before = len(self.desk.events)
        self.desk.take(command, now)
        return self.desk.events[before:]

    def pass_time(self, now: int) -> list[Recorded]:
        """Decide whatever has fallen due and return what it led to."""
        before = len(self.desk.events)
        self.desk.pass_time(now)
        return self.desk.events[before:]

    def commit(self, now: int) -> None:
        """Write down what was taken since the last time."""
        asyncio.run(self._store.commit(self.desk.finish(now)))
