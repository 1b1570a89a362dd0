"""An allocator for trials that works as the service does: through the desk, into a database, and over the wire."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from allocator.core import State
from allocator.service.announce import Said
from allocator.service.desk import Desk
from allocator.store.base import Commit
from allocator.store.sqlite3_store import Sqlite3Store
from broker_bridge.wire import codec, topics
from broker_bridge.wire.topics import TopicKind

if TYPE_CHECKING:
    from pathlib import Path

TOLD = (TopicKind.DRIVER_REPLY, TopicKind.RESIDENT_NOTICE)


class DeskCore:
    """Commits what each command leads to."""

    def __init__(self, settings, now: int, database: Path, city: str) -> None:
        self._desk = Desk(State(settings, now), city)
        self.state = self._desk.state
        self.listen = lambda _: None
        self._store = Sqlite3Store(str(database))
        asyncio.run(self._store.open("test"))
        asyncio.run(self._store.commit(Commit(meta={"city": city, "timezone": settings.timezone})))

    def take(self, command, now, key=None):
        assert self._desk.take(command, now, key) in (None, "duplicate", "bay_unknown")
        return self._commit(now)

    def pass_time(self, now):
        self._desk.pass_time(now)
        return self._commit(now)

    def close(self) -> None:
        self._desk.flush_heard()
        asyncio.run(self._store.commit(self._desk.finish(self.state.connected_at)))
        asyncio.run(self._store.close())

    def _commit(self, now):
        commit = self._desk.finish(now)
        if commit.events or commit.outbox or commit.reservations:
            asyncio.run(self._store.commit(commit))
        for recorded in commit.events:
            self.listen(recorded)
        parsed = [(topics.parse(row.topic), row.payload) for row in commit.outbox]
        return [
            Said(topic.kind, next(iter(topic.names.values())), codec.decode(topic.kind, payload))
            for topic, payload in parsed
            if topic.kind in TOLD
        ]
