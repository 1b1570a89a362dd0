"""Recorded cars: real stays that come and go exactly when they did."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sensors_sim.engine.stage import Stage


class Stay(NamedTuple):
    """A car in a bay from its arrival to its departure, in epoch milliseconds."""

    bay: str
    arrived_ms: int
    departed_ms: int


class RecordedCars:
    """The cars of a recording between the stage's start and `until_ms`, which is not included."""

    def __init__(self, stage: Stage, stays: Sequence[Stay], until_ms: int) -> None:
        self.at_start = 0
        for stay in stays:
            name = f"recorded-{stay.bay}"
            if stay.departed_ms < stage.start_ms or stay.arrived_ms >= until_ms:
                continue
            if stay.arrived_ms < stage.start_ms:
                stage.truth.place(stay.bay, "recorded", name, stay.arrived_ms)
                self.at_start += 1
            else:
                stage.agenda.add(stay.arrived_ms, partial(self._arrive, stage, stay.bay, name))
            if stay.departed_ms < until_ms:
                stage.agenda.add(stay.departed_ms, partial(stage.truth.leave, stay.bay, name))

    @staticmethod
    def _arrive(stage: Stage, bay: str, name: str, now_ms: int) -> None:
        stage.truth.park(bay, "recorded", name, now_ms)
