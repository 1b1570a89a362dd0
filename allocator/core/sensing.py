"""What follows from what a sensor or a gateway says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.core import auto
from allocator.core.hear import Verdict, hear
from allocator.core.recall import arrived
from allocator.domain import events as e
from allocator.domain.interval import DAY_MS, MINUTE_MS, Interval
from allocator.domain.lifecycle import Occupancy, ReservationStatus
from allocator.matching.filters import BIND_LEAD_MS

if TYPE_CHECKING:
    from allocator.core.state import State
    from allocator.domain.commands import Observe, ReportDevice
    from allocator.domain.events import Event
    from allocator.domain.model import Bay

CLOCK_OFF_MS = MINUTE_MS
BACKLOG_MAX_MS = 7 * DAY_MS


def believed_time(state: State, said: Observe, now: int) -> tuple[int, bool]:
    """Return when it was observed, and whether the device's clock was too far off to be believed.

    A retained message, and what waited at the broker while we were away, may rightly be old.
    """
    backlog = said.retained or now < state.connected_at + state.settings.quiet_after_connect_ms
    oldest = now - (BACKLOG_MAX_MS if backlog else 2 * CLOCK_OFF_MS)
    if oldest <= said.observed_at <= now + CLOCK_OFF_MS:
        return said.observed_at, False
    return now, True


def sense(state: State, said: Observe, now: int) -> tuple[Verdict, list[Event]]:
    """Hear a sensor's word and return what it is worth and what follows from it."""
    verdict = hear(state, said, now)
    believed = verdict in (Verdict.FRESH, Verdict.LATE, Verdict.DUPLICATE)
    return verdict, observe(state, said, verdict, now) if believed else []


def sense_device(state: State, said: ReportDevice, now: int) -> tuple[Verdict, list[Event]]:
    """Hear how a sensor is and return what that is worth and what follows from it."""
    verdict = hear(state, said, now)
    alive = verdict is Verdict.FRESH and not said.retained
    return verdict, restored(state.board.bay(said.bay)) if alive else []


def observe(state: State, said: Observe, verdict: Verdict, now: int) -> list[Event]:
    """Return the events of a sensor's word: a change and what it means, or nothing."""
    number = state.board.number[said.bay]
    bay = state.board.bays[number]
    at, clock_off = believed_time(state, said, now)
    late = verdict is Verdict.LATE
    if said.status == bay.occupancy or verdict is Verdict.DUPLICATE:
        return [] if late or said.retained else restored(bay)
    changed = e.OccupancyChanged(
        bay=said.bay,
        before=bay.occupancy,
        status=said.status,
        observed_at=at,
        boot_id=said.boot_id,
        seq=said.seq,
        late=late,
        clock_off=clock_off,
    )
    if late:
        return [changed]
    happened = [*restored(bay, changed=True), changed]
    if said.status == Occupancy.OCCUPIED:
        happened += _taken(state, number, bay, at, now)
    elif said.status == Occupancy.FREE and bay.contested is not None:
        happened.append(e.BayCleared(bay=said.bay))
    elif said.status == Occupancy.FREE:
        happened += auto.left(state, bay, at, now)
    return happened


def restored(bay: Bay, *, changed: bool = False) -> list[Event]:
    """Return what follows from hearing of a bay at all; a stuck sensor has to say something else than before."""
    heard_again = bay.lost is not None and (changed or bay.lost != "stuck")
    return [e.SensorRestored(bay=bay.spec.bay)] if heard_again else []


def _taken(state: State, number: int, bay: Bay, at: int, now: int) -> list[Event]:
    """A car drove in: the guest who is due, or somebody who is not."""
    holders = sorted(state.board.on_bay[number].values(), key=lambda held: held.from_at)
    if any(held.status is ReservationStatus.ACTIVE for held in holders):
        return []
    if bay.contested is not None and bay.occupancy is Occupancy.UNKNOWN:
        return []  # the sensor lost sight of the stranger: nobody saw him leave
    recalled = state.recalled(bay.spec.bay, Interval(now, now + 1))
    bound = [held for held in holders if held.status is ReservationStatus.BOUND and held.from_at <= now + BIND_LEAD_MS]
    for held in bound:
        if not recalled and held.from_at - state.settings.early_ms <= at < held.until:
            return arrived(state, held, max(at, held.accepted_at), "sensor", now)
    if bay.away_since is not None:
        return auto.returned(state, bay, at, now)
    if recalled or not (bound or state.open_now(number, now)):
        return []  # the resident, who said so, or nobody's business
    return [e.BayContested(bay=bay.spec.bay, reason="stranger")]


def lose_gateway(state: State, gateway: str, now: int) -> list[Event]:
    """Return the losses of a gateway that has been down for long enough; a bay heard since then is none."""
    down_since = state.gateways_down.get(gateway)
    if down_since is None or now < down_since + state.settings.gateway_down_ms:
        return []
    lost_at = down_since + state.settings.gateway_down_ms
    numbers = [state.board.number[name] for name in sorted(state.bays_of_gateway[gateway])]
    return [
        e.SensorLost(bay=bay.spec.bay, reason="gateway")
        for bay, heard in ((state.board.bays[number], state.heard[number]) for number in numbers)
        if bay.lost is None and not bay.retired and heard.last_heard_at <= lost_at
    ]
