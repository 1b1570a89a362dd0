"""The single writer: a batch is decided, committed in one transaction, then acknowledged and published."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from allocator.core import Verdict
from allocator.domain.commands import RegisterBays
from allocator.service.announce import refusal
from allocator.service.clock import MqttClock, Timepiece, WallClock
from allocator.service.complaints import Complaints
from allocator.service.desk import Desk
from allocator.service.intake import Parsed, parse
from allocator.service.start import restore
from allocator.store.base import Commit, ConstraintError, Quarantined
from broker_bridge.wire import topics
from broker_bridge.wire.errors import BadMessageError, InvariantError, SettingsError
from broker_bridge.wire.messages import Clock
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from collections import Counter

    from allocator.service.outbox import Outbox
    from allocator.service.settings import ServiceSettings
    from allocator.store.base import Loaded, Store
    from broker_bridge.transport.base import Delivery

SNAPSHOT_EVERY = 20_000
DONE_FLUSH = 200
EARLY_MAX = 10_000
"""So many messages are kept until a simulated clock speaks."""
_POISON = (ConstraintError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a single message may lead to without stopping the service: the database's refusal, or a slip of ours.

A broken invariant (InvariantError) and a database that cannot be used (StoreError) stop it.
"""
log = logging.getLogger("allocator.writer")


@dataclass(frozen=True, slots=True)
class _Work:
    """A delivery that could be read, and what it asks for."""

    delivery: Delivery
    parsed: Parsed


class Writer:
    """Nothing else touches the state, and nothing is acknowledged before it is committed, but for what is early."""

    def __init__(self, settings: ServiceSettings, store: Store, outbox: Outbox) -> None:
        self.settings, self._store, self._outbox = settings, store, outbox
        self.complaints = Complaints()
        self.clock: Timepiece = WallClock()
        self.run_id: str | None = None
        self.tick_no: int | None = None
        self.lag_ms = 0
        self._desk: Desk
        self._done: list[int] = []
        self._since_snapshot = 0
        self._early: list[Delivery] = []

    @property
    def position(self) -> int:
        """The last committed position."""
        return self._desk.state.position

    @property
    def now(self) -> int:
        """The time that decisions are made at; 0 while a simulated clock has not spoken."""
        return self.clock.now() or 0

    def bay_counts(self) -> Counter[str]:
        """Return how many bays show each status."""
        return self._desk.bay_counts()

    def connected(self) -> None:
        """Silence counts from here: nothing was heard while we were away."""
        self._desk.state.connected_at = self.now

    def seconds_to_timer(self) -> float | None:
        """Return how many real seconds pass until the next timer is due, or None where none is."""
        due_at = self._desk.state.next_due()
        return self.clock.seconds_until(due_at) if due_at is not None else None

    # ---- start and end

    async def restore(self) -> None:
        """Rebuild the state, fill an empty register, and queue what the broker never acknowledged."""
        loaded = await self._store.load()
        self._adopt(loaded.meta)
        self._begin_at(loaded)
        fresh = {} if loaded.meta else {"city": self.settings.city, "timezone": self.settings.rules.timezone}
        self._fill_register()
        commit = self._desk.finish(self.now)
        shown = {row.topic: row.payload for row in commit.outbox if row.retain}
        for topic, payload in shown.items():
            self._outbox.remember(topic, payload)
        commit.outbox = [row for row in commit.outbox if not row.retain]
        # What was to be shown before the restart must not come after, nor be taken for, what is shown now.
        stale = {row.outbox_id for row in loaded.outbox if row.retain and row.topic in shown}
        self._done += sorted(stale)
        commit.meta = fresh
        if not commit.empty:
            await self._store.commit(commit)
        self._outbox.add([row for row in [*loaded.outbox, *commit.outbox] if row.outbox_id not in stale])

    def _fill_register(self) -> None:
        """Enter the scenario's bays where there are none; with a simulated clock, once it has spoken."""
        if self.settings.register and self.clock.now() is not None and not self._desk.state.board.bays:
            scenario = RegisterBays(operator="op-scenario", request_id="scenario", specs=self.settings.register)
            self._desk.take(scenario, self.now)

    async def finish(self) -> None:
        """Write down what was only heard, what was acknowledged, and a snapshot."""
        self._desk.flush_heard()
        commit = self._desk.finish(self.now)
        commit.outbox_done = [*self._done, *self._outbox.take_done()]
        commit.snapshot = self._desk.state.image()
        commit.meta = self._clock_meta()
        await self._store.commit(commit)

    def _adopt(self, meta: dict[str, str]) -> None:
        if meta.get("city", self.settings.city) != self.settings.city:
            raise SettingsError(f"the database is of the city {meta['city']!r}: name another --database or --city")
        if self.settings.simulated_clock:
            self.run_id = meta.get("run_id")
            self.tick_no = int(meta["tick_no"]) if "tick_no" in meta else None
            self.clock = MqttClock(int(meta["now"]) if "now" in meta else None)

    def _begin_at(self, loaded: Loaded) -> None:
        last = max((row.outbox_id for row in loaded.outbox), default=0)
        self._desk = Desk(restore(loaded, self.settings.rules, self.now), self.settings.city, last)

    async def _reload(self) -> None:
        """Forget what was decided and not committed."""
        self._begin_at(await self._store.load())

    # ---- a batch

    async def work(self, deliveries: list[Delivery]) -> None:
        """Decide, commit, acknowledge and hand to the outbox. A batch may be empty: time passes all the same."""
        began = time.monotonic()
        deliveries = self._dated(deliveries)
        batch = self._read(deliveries)
        keys = [work.parsed.key for work in batch if work.parsed.key is not None]
        if keys:
            self._desk.recall(await self._store.answers(keys))
        try:
            for work in batch:
                self._take(work)
            self._desk.pass_time(self.now)
            await self._commit(self._desk.finish(self.now))
        except _POISON as error:
            log.warning("a batch of %d could not be taken (%s): again, one by one", len(batch), error)
            await self._one_by_one(batch)
        for delivery in deliveries:
            delivery.ack()
        self.lag_ms = round((time.monotonic() - began) * 1000)

    def _dated(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Keep back what came before the simulated clock ever spoke: without it nothing can be judged.

        It is acknowledged at once, as a broker may wait for that before it sends the clock. Should it be lost with this
        process, drivers, residents and operators ask again, and sensors say it with their next heartbeat.
        """
        if not isinstance(self.clock, MqttClock) or self.clock.now() is not None:
            return deliveries
        topic = topics.build(TopicKind.CLOCK, self.settings.city)
        clocks = [delivery for delivery in deliveries if delivery.topic == topic]
        others = [delivery for delivery in deliveries if delivery.topic != topic]
        if not clocks:
            if others and not self._early:
                log.info("messages wait for the first one on %s (started with --clock mqtt)", topic)
            for delivery in others:
                self._hold(delivery)
            return []
        early, self._early = self._early, []
        return [*clocks, *early, *others]

    def _hold(self, delivery: Delivery) -> None:
        delivery.ack()
        if len(self._early) < EARLY_MAX:
            self._early.append(replace(delivery, ack=lambda: None))
        else:
            self.complaints.note(delivery.topic, "before_the_clock", f"{EARLY_MAX} messages wait for it already")

    def _read(self, deliveries: list[Delivery]) -> list[_Work]:
        batch = []
        for delivery in deliveries:
            try:
                parsed = parse(delivery, self.settings.city)
            except BadMessageError as error:
                self.complaints.note(delivery.topic, error.reason, error.detail)
            else:
                batch.append(_Work(delivery, parsed))
        return batch

    def _take(self, work: _Work) -> None:
        command = work.parsed.command
        if isinstance(command, Clock):
            self._hear_clock(command, work.delivery.topic)
            return
        now = self.now
        self._desk.pass_time(now)
        dropped = self._desk.take(command, now, work.parsed.key)
        if dropped is not None:
            self.complaints.note(work.delivery.topic, dropped, quiet=dropped == Verdict.DUPLICATE)

    def _hear_clock(self, message: Clock, topic: str) -> None:
        if not isinstance(self.clock, MqttClock):
            self.complaints.note(topic, "clock_not_obeyed", "started without --clock mqtt")
        elif self.run_id not in (None, message.run_id):
            self.complaints.note(topic, "run_of_another", f"this database is of {self.run_id}, not {message.run_id}")
        else:
            self.run_id = message.run_id
            self.clock.tell(message)
            self.tick_no = max(message.tick_no, self.tick_no or 0)
            self._fill_register()
            self._desk.pass_time(self.now)

    async def _commit(self, commit: Commit, *, flush: bool = False) -> None:
        """Write a batch down; the rows that the broker acknowledged go with it."""
        self._done += self._outbox.take_done()
        if commit.empty and len(self._done) < DONE_FLUSH and not flush:
            return
        commit.outbox_done = self._done
        commit.meta |= self._clock_meta()
        self._since_snapshot += len(commit.events)
        if self._since_snapshot >= SNAPSHOT_EVERY:
            commit.snapshot = self._desk.state.image()
        await self._store.commit(commit)
        self._done = []
        if commit.snapshot is not None:
            self._since_snapshot = 0
        self._outbox.add(commit.outbox)

    def _clock_meta(self) -> dict[str, str]:
        if self.run_id is None or self.tick_no is None:
            return {}
        return {"run_id": self.run_id, "tick_no": str(self.tick_no), "now": str(self.now)}

    # ---- poison

    async def _one_by_one(self, batch: list[_Work]) -> None:
        """Run a refused batch again, a transaction each; the one that fails alone is put in quarantine."""
        await self._reload()
        try:
            self._desk.pass_time(self.now)
            await self._commit(self._desk.finish(self.now))
        except _POISON as error:
            raise InvariantError(f"what falls due by itself cannot be taken: {error}") from error
        for work in batch:
            if work.parsed.key is not None:
                self._desk.recall(await self._store.answers([work.parsed.key]))
            try:
                self._take(work)
                await self._commit(self._desk.finish(self.now))
            except _POISON as error:
                await self._quarantine(work, error)

    async def _quarantine(self, work: _Work, error: Exception) -> None:
        log.error("quarantined a message on %s", work.delivery.topic, exc_info=error)
        self.complaints.note(work.delivery.topic, "quarantined", str(error))
        await self._reload()
        if work.parsed.key is not None:
            self._desk.say(refusal(work.parsed.key, self.settings.city, self.position, work.parsed.command))
        commit = self._desk.finish(self.now)
        delivery = work.delivery
        commit.quarantined.append(Quarantined(self.now, delivery.topic, delivery.payload, str(error)))
        await self._commit(commit)
