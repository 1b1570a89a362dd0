"""The world and the allocator, turn by turn in virtual time: who has something to do first does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allocator.domain.commands import RegisterBays
from allocator.service.intake import command_of
from broker_bridge.wire.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from allocator.domain.events import BaySpec
    from allocator.service.announce import Said
    from baybroker.lab.trial.core import CityCore
    from sensors_sim.engine.world import Outgoing, World

BAYS_A_COMMAND = 1_000
PULSE_MS = 5 * 60_000


class Play:
    """One world with one allocator. `heard` is called with each message of the world, in order.

    `pulse` is called with the time every five minutes and may raise, to end the play.
    """

    def __init__(self, world: World, core: CityCore, heard: Callable[[Outgoing], None]) -> None:
        self._world, self._core, self._heard = world, core, heard
        self._city = world.city.name

    def run(self, until: int, pulse: Callable[[int], None]) -> None:
        """Play until then (not included); what the two have to do at one instant, the world does first."""
        world, core = self._world, self._core
        pulse_at = world.start_ms
        while True:
            world_at, core_at = world.next_at(), core.state.next_due()
            at = min(it for it in (world_at, core_at, until) if it is not None)
            while at >= pulse_at:
                pulse(pulse_at)
                pulse_at += PULSE_MS
            if at >= until:
                return
            if world_at is not None and world_at <= at:
                for outgoing in world.advance(at):
                    self._heard(outgoing)
                    command, key = command_of(outgoing.kind, outgoing.names, outgoing.message)
                    self._tell(core.take(command, at, key), at)
            else:
                self._tell(core.pass_time(at), at)

    def _tell(self, said: Iterable[Said], now: int) -> None:
        for one in said:
            self._world.receive(now, Topic(one.kind, self._city, one.names), one.message)


def register(core: CityCore, specs: Sequence[BaySpec], now: int) -> None:
    """Enter bays in the allocator's register."""
    for first in range(0, len(specs), BAYS_A_COMMAND):
        portion = tuple(specs[first : first + BAYS_A_COMMAND])
        command = RegisterBays(operator="op-lab", request_id=f"register-{first}", specs=portion)
        core.take(command, now)
