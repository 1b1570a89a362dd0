"""What is heard but is no event: who spoke, with which number, and when. Duplicates and strangers end here."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from allocator.domain.commands import Observe, ReportDevice, Timer
from allocator.domain.interval import DAY_MS, HOUR_MS

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.commands import ReportGateway

SEEN_BITS = 62
HEARTBEAT_MS = HOUR_MS
BOOT_AHEAD_MAX_MS = DAY_MS


class Verdict(StrEnum):
    """What a sensor's message is worth. All but `fresh` and `late` are counted and go no further."""

    FRESH = "fresh"
    LATE = "late"
    DUPLICATE = "duplicate"
    BAY_UNKNOWN = "bay_unknown"
    BAY_OF_ANOTHER = "bay_of_another"
    BOOT_IN_FUTURE = "boot_in_future"


@dataclass(slots=True)
class Window:
    """The numbers seen in one boot: bit n of `seen` is set when `seq - n` came, for the last 62 of them."""

    boot_id: int = -1
    seq: int = -1
    seen: int = 0

    def place(self, seq: int) -> Verdict:
        """Note a number and return what it is among those seen."""
        ahead = seq - self.seq
        if ahead > 0:
            self.seen = (self.seen << min(ahead, SEEN_BITS) | 1) & ((1 << SEEN_BITS) - 1)
            self.seq = seq
            return Verdict.FRESH
        if ahead <= -SEEN_BITS or self.seen >> -ahead & 1:
            return Verdict.DUPLICATE
        self.seen |= 1 << -ahead
        return Verdict.LATE


@dataclass(slots=True)
class Heard:
    """What was last heard of a bay's sensor."""

    window: Window = field(default_factory=Window)
    previous: Window = field(default_factory=Window)
    device_boot_id: int = -1
    device_seq: int = -1
    last_heard_at: int = 0
    heartbeat_ms: int = HEARTBEAT_MS
    watched_at: int | None = None


def hear(state: State, said: Observe | ReportDevice, now: int) -> Verdict:
    """Note that a sensor spoke and return what its message is worth."""
    number = state.board.number.get(said.bay)
    if number is None or state.board.bays[number].retired:
        return Verdict.BAY_UNKNOWN
    spec = state.board.bays[number].spec
    if spec.gateway != said.gateway or spec.zone != said.zone:
        return Verdict.BAY_OF_ANOTHER
    if said.boot_id > now + BOOT_AHEAD_MAX_MS:
        return Verdict.BOOT_IN_FUTURE
    heard = state.heard[number]
    verdict = _number(heard, said) if isinstance(said, Observe) else _number_device(heard, said)
    if not said.retained or verdict is Verdict.FRESH:
        heard.last_heard_at = max(heard.last_heard_at, min(now, said.observed_at) if said.retained else now)
        state.dirty.heard.add(number)
    if isinstance(said, ReportDevice) and verdict is Verdict.FRESH:
        heard.heartbeat_ms = said.heartbeat_ms
    watch(state, number)
    return verdict


def watch(state: State, number: int) -> None:
    """Have a bay's silence noticed; sooner than was meant where its heartbeat has become shorter."""
    heard = state.heard[number]
    due_at = silent_at(state, heard)
    if heard.watched_at is None or due_at < heard.watched_at:
        heard.watched_at = due_at
        state.arm(due_at, Timer.SILENCE, state.board.bays[number].spec.bay)


def hear_gateway(state: State, said: ReportGateway, now: int) -> None:
    """Note that a gateway of ours went or came; its bays are lost when it stays away."""
    if said.online:
        state.gateways_down.pop(said.gateway, None)
    elif said.gateway in state.bays_of_gateway and said.gateway not in state.gateways_down:
        state.gateways_down[said.gateway] = now
        state.arm(now + state.settings.gateway_down_ms, Timer.GATEWAY, said.gateway)


def silent_at(state: State, heard: Heard) -> int:
    """Return when the sensor counts as silent: two heartbeats after it was heard, or after we connected."""
    return max(heard.last_heard_at, state.connected_at) + 2 * heard.heartbeat_ms


def _number(heard: Heard, said: Observe) -> Verdict:
    """Place (boot_id, seq) among those seen in this boot or the one before; older boots are simply late."""
    if said.boot_id > heard.window.boot_id:
        heard.previous, heard.window = heard.window, Window(said.boot_id, said.seq, 1)
        return Verdict.FRESH
    if said.boot_id == heard.window.boot_id:
        return heard.window.place(said.seq)
    if said.boot_id == heard.previous.boot_id:
        return Verdict.DUPLICATE if heard.previous.place(said.seq) is Verdict.DUPLICATE else Verdict.LATE
    return Verdict.LATE


def _number_device(heard: Heard, said: ReportDevice) -> Verdict:
    """Device messages only matter when they are the newest."""
    if (said.boot_id, said.seq) <= (heard.device_boot_id, heard.device_seq):
        return Verdict.DUPLICATE
    heard.device_boot_id, heard.device_seq = said.boot_id, said.seq
    return Verdict.FRESH
