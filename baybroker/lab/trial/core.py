"""The allocator as a world meets it: commands in, and what is said to drivers and residents out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from allocator.core import State, decide
from allocator.core.advance import due_decisions
from allocator.core.hear import hear_gateway
from allocator.core.record import record
from allocator.core.sensing import sense, sense_device
from allocator.core.state import Dirty
from allocator.domain import commands as c
from allocator.service.announce import Said, tell, tell_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from allocator.core import Settings
    from allocator.domain.commands import Command
    from allocator.domain.events import Event, Recorded


class CityCore(Protocol):
    """An allocator in virtual time. `listen` is called with each event as it is recorded."""

    state: State
    listen: Callable[[Recorded], None]

    def take(self, command: Command, now: int, key: tuple[str, str] | None = None) -> list[Said]:
        """Carry out a command and what falls due with it; return what is said. `key` is (party, request_id)."""
        ...

    def pass_time(self, now: int) -> list[Said]:
        """Decide whatever has fallen due and return what is said to anybody."""
        ...


class OpenCore:
    """Works as the service's desk does, but keeps nothing: no outbox, no answers, no public events."""

    def __init__(self, settings: Settings, now: int) -> None:
        self.state = State(settings, now)
        self.listen: Callable[[Recorded], None] = lambda _: None
        self._said: list[Said] = []

    def take(self, command: Command, now: int, key: tuple[str, str] | None = None) -> list[Said]:  # noqa: ARG002
        """Carry out a command and what falls due with it; return what is said. In here nothing is asked twice."""
        special = _SPECIAL.get(type(command))
        if special is not None:
            special(self, command, now)
        else:
            self._record_all(decide(self.state, command, now), now)
        return self.pass_time(now)

    def pass_time(self, now: int) -> list[Said]:
        """Decide whatever has fallen due and return what is said to anybody."""
        due_at = self.state.next_due()
        if due_at is not None and due_at <= now:
            for due in due_decisions(self.state, now):
                self._record_all(decide(self.state, due, now), now)
        said, self._said = self._said, []
        return said

    def _record_all(self, events: list[Event], now: int) -> None:
        if not events:
            return
        for event in events:
            recorded = record(self.state, event, now)
            self._said += tell(self.state, recorded)
            self.listen(recorded)
        self.state.dirty = Dirty()

    def _observe(self, said: c.Observe, now: int) -> None:
        self._record_all(sense(self.state, said, now)[1], now)

    def _device(self, said: c.ReportDevice, now: int) -> None:
        self._record_all(sense_device(self.state, said, now)[1], now)

    def _gateway(self, said: c.ReportGateway, now: int) -> None:
        hear_gateway(self.state, said, now)

    def _driver(self, said: c.DriverCommand, now: int) -> None:
        held = self.state.reservations.get(said.reservation_id)
        if said.type == "query" and held is not None and held.driver == said.driver:
            self._said.append(tell_state(self.state, held, said.request_id))
        else:
            self._record_all(decide(self.state, said, now), now)


_SPECIAL: dict[type[Command], Callable[[OpenCore, Any, int], None]] = {
    c.Observe: OpenCore._observe,  # noqa: SLF001 - the class's own table
    c.ReportDevice: OpenCore._device,  # noqa: SLF001 - likewise
    c.ReportGateway: OpenCore._gateway,  # noqa: SLF001 - likewise
    c.DriverCommand: OpenCore._driver,  # noqa: SLF001 - likewise
}
