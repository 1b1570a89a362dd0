"""Works through a batch: commands in, one `Commit` out. No I/O: the service and the laboratory both use it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from allocator.core import Verdict, decide
from allocator.core.advance import due_decisions
from allocator.core.hear import hear_gateway
from allocator.core.record import record
from allocator.core.sensing import sense, sense_device
from allocator.core.state import Dirty
from allocator.domain import commands as c
from allocator.service.announce import Outgoing, announce, tell_state
from allocator.service.ledger import entries
from allocator.service.showcase import Showcase
from allocator.store.base import Answer, Commit, HeardRow, OutboxRow

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from allocator.core.state import State
    from allocator.domain.commands import Command
    from allocator.domain.events import Event, Recorded

HEARD_FLUSH_MS = 60_000


class Desk:
    """Takes commands one after the other and collects what they lead to until `finish`."""

    def __init__(self, state: State, city: str, outbox_id: int = 0) -> None:
        self.state, self.city = state, city
        self.counters: Counter[str] = Counter()
        self._showcase = Showcase(city)
        self._outbox_id = outbox_id
        self._commit = Commit()
        self._answers: dict[tuple[str, str], Answer] = {}
        self._unflushed: set[int] = set()
        self._flush_at = 0

    def recall(self, answers: Mapping[tuple[str, str], Answer]) -> None:
        """Be told of the answers that were given before, for the requests of the coming batch."""
        self._answers.update(answers)

    def pass_time(self, now: int) -> None:
        """Decide whatever has fallen due."""
        for due in due_decisions(self.state, now):
            self._record_all(decide(self.state, due, now), now)

    @property
    def events(self) -> list[Recorded]:
        """What was recorded since the last `finish`."""
        return self._commit.events

    def take(self, command: Command, now: int, key: tuple[str, str] | None = None) -> str | None:
        """Carry out a command; what was answered before is answered the same. Returns why it was dropped, if it was."""
        if key is not None and key in self._answers:
            answer = self._answers[key]
            self.counters["repeated"] += 1
            self.say(Outgoing(answer.topic, answer.payload))
            return None
        special = _SPECIAL.get(type(command))
        dropped = None
        if special is not None:
            dropped = special(self, command, now)
        else:
            self._record_all(decide(self.state, command, now), now)
        self.pass_time(now)  # what follows at once, such as a substitute or a promise to one who waited
        return dropped

    def finish(self, now: int) -> Commit:
        """Return the transaction of all that was taken, the states that changed with it, and begin anew."""
        for outgoing in self._showcase.refresh(self.state, now):
            self.say(outgoing)
        commit, dirty = self._commit, self.state.dirty
        commit.bays = [*dirty.bays.values()]
        commit.offers = [*dirty.offers.values()]
        commit.reservations = [*dirty.reservations.values()]
        commit.moved = sorted(dirty.moved)
        commit.heard = self._heard_rows(dirty, now)
        self.state.dirty, self._commit, self._answers = Dirty(), Commit(), {}
        return commit

    def bay_counts(self) -> Counter[str]:
        """Return how many bays show each status."""
        return self._showcase.totals()

    def flush_heard(self) -> None:
        """Have the next `finish` write down everything that was only heard."""
        self._flush_at = 0

    def say(self, outgoing: Outgoing) -> None:
        """Have a message published with the batch, and kept as an answer where it is one."""
        self._outbox_id += 1
        self._commit.outbox.append(OutboxRow(self._outbox_id, outgoing.topic, outgoing.payload, outgoing.retain))
        if outgoing.answers is not None and outgoing.answers not in self._answers:
            answer = Answer(*outgoing.answers, outgoing.topic, outgoing.payload)
            self._answers[outgoing.answers] = answer
            self._commit.answers.append(answer)

    # ---- what is heard

    def _observe(self, said: c.Observe, now: int) -> str | None:
        verdict, events = sense(self.state, said, now)
        self._record_all(events, now)
        return self._judge(verdict)

    def _device(self, said: c.ReportDevice, now: int) -> str | None:
        verdict, events = sense_device(self.state, said, now)
        self._record_all(events, now)
        return self._judge(verdict)

    def _gateway(self, said: c.ReportGateway, now: int) -> None:
        hear_gateway(self.state, said, now)

    def _judge(self, verdict: Verdict) -> str | None:
        self.counters[verdict] += 1
        return None if verdict in (Verdict.FRESH, Verdict.LATE) else verdict

    def _query(self, said: c.DriverCommand, now: int) -> str | None:
        """Say what holds now: no event, so nothing to be remembered."""
        held = self.state.reservations.get(said.reservation_id)
        if said.type != "query" or held is None or held.driver != said.driver:
            self._record_all(decide(self.state, said, now), now)
            return None
        self.say(tell_state(self.state, held, said.request_id).outgoing(self.city))
        return None

    # ---- what is collected

    def _record_all(self, events: list[Event], now: int) -> None:
        for event in events:
            recorded = record(self.state, event, now)
            self._commit.events.append(recorded)
            for outgoing in announce(self.state, self.city, recorded):
                self.say(outgoing)
            self._commit.ledger += entries(self.state, recorded)

    def _heard_rows(self, dirty: Dirty, now: int) -> list[HeardRow]:
        """Bays with a change of their own, and once a minute every bay that was heard."""
        self._unflushed |= dirty.heard
        number = self.state.board.number
        due = {number[name] for name in dirty.bays} & self._unflushed
        if now >= self._flush_at:
            due, self._flush_at = self._unflushed, now + HEARD_FLUSH_MS
        self._unflushed = self._unflushed - due
        return [self._heard_row(at) for at in sorted(due)]

    def _heard_row(self, at: int) -> HeardRow:
        heard = self.state.heard[at]
        window = heard.window
        name = self.state.board.bays[at].spec.bay
        return HeardRow(name, window.boot_id, window.seq, heard.last_heard_at, heard.heartbeat_ms, window.seen)


_SPECIAL: dict[type, Callable[[Desk, Any, int], str | None]] = {
    c.Observe: Desk._observe,  # noqa: SLF001 - our own
    c.ReportDevice: Desk._device,  # noqa: SLF001
    c.ReportGateway: Desk._gateway,  # noqa: SLF001
    c.DriverCommand: Desk._query,  # noqa: SLF001
}
