"""What goes wrong with sensors and gateways in a scenario: at a time, or at a rate."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from broker_bridge.wire.messages import Name
from sensors_sim.parts import LocalMoment, Part, Positive, Rate, Share


class FaultKind(StrEnum):
    """The ways to fail."""

    OFFLINE = "offline"
    STUCK_FREE = "stuck_free"
    STUCK_OCCUPIED = "stuck_occupied"
    FLAPPING = "flapping"
    DUPLICATES = "duplicates"
    LATE = "late"
    REBOOT = "reboot"
    GATEWAY_DOWN = "gateway_down"
    CLOCK_DRIFT = "clock_drift"


ONLY_FOR = {
    "message_share": {FaultKind.DUPLICATES, FaultKind.LATE},
    "flap_s": {FaultKind.FLAPPING},
    "drift_s_per_hour": {FaultKind.CLOCK_DRIFT},
    "for_min": set(FaultKind) - {FaultKind.REBOOT},
}
"""The fields that mean something for some kinds only."""


class Fault(Part):
    """One fault: what, when and where. Give one of `at`, `after_min` and `per_day`, and at most one of the places.

    Offline, stuck, flapping, duplicates, late (overtaken by newer messages), reboot and clock_drift befall sensors,
    gateway_down every gateway that has one of the named bays.
    """

    kind: FaultKind
    at: LocalMoment | None = Field(default=None, description="At this local time, or every day at this time of day")
    after_min: Rate | None = Field(default=None, description="So long after the start of the scenario")
    per_day: Positive | None = Field(default=None, description="At random, so often a day for each sensor or gateway")
    for_min: Positive | None = Field(default=None, description="How long; with per_day: on average")
    bays: tuple[Name, ...] = ()
    gateways: tuple[Name, ...] = ()
    zones: tuple[Name, ...] = Field(default=(), description="Without any place: the whole city")
    share: Share = Field(default=1.0, description="Of the sensors or gateways there, drawn by the seed")
    message_share: Share = Field(default=1.0, description="duplicates and late: of the messages")
    flap_s: Positive = Field(default=20.0, description="flapping: between two changes")
    drift_s_per_hour: float = Field(default=60.0, description="clock_drift: how fast the clock goes wrong")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if sum(when is not None for when in (self.at, self.after_min, self.per_day)) != 1:
            msg = "say when by one of at, after_min and per_day"
            raise ValueError(msg)
        if sum(map(bool, (self.bays, self.gateways, self.zones))) > 1:
            msg = "say where by one of bays, gateways and zones"
            raise ValueError(msg)
        for field, kinds in ONLY_FOR.items():
            if field in self.model_fields_set and self.kind not in kinds:
                msg = f"{field} means nothing for {self.kind}"
                raise ValueError(msg)
        if self.for_min is None and self.kind in ONLY_FOR["for_min"]:
            msg = f"{self.kind} needs for_min: how long it lasts"
            raise ValueError(msg)
        return self
