"""What the parts of a scenario are made of: their base model and the kinds of their values."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrulestr
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from broker_bridge.wire.messages import WallTime

HOURS = 24
WORKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
_ANY_MONDAY = datetime(2026, 3, 2)  # noqa: DTZ001 - a rule is tried on wall-clock days


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        msg = f"{name!r} is no IANA time zone, such as Asia/Seoul"
        raise ValueError(msg) from None
    return name


def _local(instant: datetime | time) -> datetime | time:
    if instant.tzinfo is not None:
        msg = "write it without an offset: it is the city's wall-clock time"
        raise ValueError(msg)
    return instant


def _rule(text: str) -> str:
    try:
        rrulestr(text, dtstart=_ANY_MONDAY)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        msg = f"{text!r} is no recurrence rule such as {WORKDAYS}: {error}"
        raise ValueError(msg) from None
    return text


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Rate = Annotated[float, Field(ge=0)]
TimeZone = Annotated[str, AfterValidator(_known_zone)]
# TOML has local times of its own, which JSON Schema has no format for
LocalInstant = Annotated[
    datetime, AfterValidator(_local), WithJsonSchema({"type": "string", "description": "Local, as 2026-03-02T09:00:00"})
]
LocalMoment = Annotated[
    datetime | time,
    AfterValidator(_local),
    WithJsonSchema({"type": "string", "description": "Local: 2026-03-02T09:00:00 once, or 09:00:00 every day"}),
]
Rule = Annotated[str, AfterValidator(_rule)]
Profile = Annotated[tuple[Rate, ...], Field(min_length=HOURS, max_length=HOURS)]


class Part(BaseModel):
    """What every part of a scenario shares: immutable, and a misspelt field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(Part):
    """A window of the week that residents offer; `weight` says how many take this one."""

    start: WallTime
    end: WallTime = Field(description="Up to the start or before it: on the next day")
    weight: Positive = 1.0
    rrule: Rule = WORKDAYS
