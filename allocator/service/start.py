"""From the database to a state that is known to be right: snapshot, the events since, and the comparison."""

from __future__ import annotations

import logging

from allocator.core import Settings, State, evolve, watch
from allocator.core.state import Dirty
from allocator.domain.model import StateImage
from allocator.store.base import Loaded, StoreError
from broker_bridge.wire.errors import SettingsError

log = logging.getLogger("allocator.start")


class HistoryError(StoreError):
    """The tables do not say what the events say: run `baybroker verify-history` and restore a backup."""

    exit_code = 1


def restore(loaded: Loaded, settings: Settings, now: int) -> State:
    """Return the state that was loaded; raises HistoryError where tables and events disagree, SettingsError.

    A tariff that bays have must be known: nobody's bay is to cost something else after a restart.
    """
    unknown = sorted({bay.spec.tariff or "" for bay in loaded.tables.bays if not settings.knows(bay.spec.tariff)})
    if unknown:
        raise SettingsError(f"bays of the register have the tariff {unknown[0]!r}, which is not in config/tariffs/")
    state = State.of_image(loaded.snapshot or StateImage(), settings, now)
    for recorded in loaded.events:
        evolve(state, recorded)
    _compare(state.image(), loaded.tables)
    for row in loaded.heard:
        number = state.board.number.get(row.bay)
        if number is not None:
            heard = state.heard[number]
            heard.window.boot_id, heard.window.seq, heard.window.seen = row.boot_id, row.seq, row.seen
            heard.last_heard_at, heard.heartbeat_ms = row.last_heard_at, row.heartbeat_ms
            watch(state, number)
    state.dirty = Dirty(shown=set(range(len(state.board.bays))))
    log.info("state restored: %d bays, %d live reservations, position %d",
             len(state.board.bays), len(state.reservations), state.position)  # fmt: skip
    return state


def _compare(folded: StateImage, tables: StateImage) -> None:
    for name in ("position", "event_nos", "bays", "offers", "reservations"):
        ours, theirs = getattr(folded, name), getattr(tables, name)
        if ours != theirs:
            log.error("the events say %s=%.300r, the tables say %.300r", name, ours, theirs)
            raise HistoryError
