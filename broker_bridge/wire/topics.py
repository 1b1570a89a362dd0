"""The topic grammar: `parking/v1/{city}/...`, every level `[a-z0-9-]+`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from broker_bridge.wire.errors import BadMessageError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "parking/v1"
NAME_PATTERN = r"^[a-z0-9-]{1,64}$"
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_NAMES = re.compile(r"[a-z0-9-]{1,64}(?:/[a-z0-9-]{1,64})*")
_PLACEHOLDER = re.compile(r"\{[a-z]+\}")


class TopicKind(StrEnum):
    """What a topic carries; the value is its pattern below `parking/v1/{city}/`."""

    GATEWAY_STATUS = "gateways/{gateway}/status"
    OCCUPANCY = "gateways/{gateway}/bays/{zone}/{bay}/occupancy"
    DEVICE = "gateways/{gateway}/bays/{zone}/{bay}/device"
    BAY_STATE = "bays/{zone}/{bay}/state"
    ZONE_AVAILABILITY = "zones/{zone}/availability"
    ZONE_EVENTS = "zones/{zone}/events"
    DRIVER_REQUEST = "drivers/{driver}/request"
    DRIVER_REPLY = "drivers/{driver}/reply"
    RESIDENT_OFFER = "residents/{resident}/offer"
    RESIDENT_NOTICE = "residents/{resident}/notice"
    OPERATOR_COMMAND = "operators/{operator}/command"
    OPERATOR_REPLY = "operators/{operator}/reply"
    ALLOCATOR_STATUS = "allocator/status"
    CLOCK = "clock"
    SIMULATOR_COMMAND = "simulator/command"


@dataclass(frozen=True, slots=True)
class Topic:
    """A parsed topic: its kind, its city and the names in it, by placeholder."""

    kind: TopicKind
    city: str
    names: Mapping[str, str]


RETAINED = frozenset(
    {
        TopicKind.GATEWAY_STATUS,
        TopicKind.OCCUPANCY,
        TopicKind.DEVICE,
        TopicKind.BAY_STATE,
        TopicKind.ZONE_AVAILABILITY,
        TopicKind.ALLOCATOR_STATUS,
        TopicKind.CLOCK,
    },
)


@dataclass(frozen=True, slots=True)
class _Shape:
    """A kind, where its placeholders are, and which levels between the first and the last are fixed."""

    kind: TopicKind
    places: tuple[tuple[int, str], ...]
    fixed: tuple[tuple[int, str], ...]


def _by_shape() -> dict[tuple[int, str, str], _Shape]:
    """Index the kinds by (number of levels, first level, last level), which is unique."""
    table: dict[tuple[int, str, str], _Shape] = {}
    for kind in TopicKind:
        levels = kind.value.split("/")
        places = tuple((at, level[1:-1]) for at, level in enumerate(levels) if level[0] == "{")
        fixed = tuple((at, level) for at, level in enumerate(levels[:-1]) if at and level[0] != "{")
        table[len(levels), levels[0], levels[-1]] = _Shape(kind, places, fixed)
    return table


_SHAPES = _by_shape()


def is_name(text: str) -> bool:
    """Tell whether `text` may be one level of a topic."""
    return _NAME.fullmatch(text) is not None


def build(kind: TopicKind, city: str, **names: str) -> str:
    """Return the topic of `kind`; raises BadMessageError where a name breaks the alphabet."""
    for name in (city, *names.values()):
        if not is_name(name):
            detail = f"{name!r} is no topic level: use a-z, 0-9 and '-', at most 64"
            raise BadMessageError("topic_alphabet", detail)
    return f"{PREFIX}/{city}/{kind.value.format(**names)}"


def parse(topic: str) -> Topic:
    """Return what `topic` names; raises BadMessageError where it is none of ours."""
    levels = topic.split("/")
    if len(levels) < 4 or levels[0] != "parking" or levels[1] != "v1":  # noqa: PLR2004 - prefix, city, one level
        raise BadMessageError("topic_unknown", f"{topic[:80]!r} is not below {PREFIX}/")
    city, rest = levels[2], levels[3:]
    shape = _SHAPES.get((len(rest), rest[0], rest[-1]))
    if shape is None or any(rest[at] != level for at, level in shape.fixed):
        raise BadMessageError("topic_unknown", f"{topic[:80]!r} is no topic of the contract")
    names = {name: rest[at] for at, name in shape.places}
    if _NAMES.fullmatch(topic) is None:
        wrong = next(name for name in (city, *names.values()) if not is_name(name))
        raise BadMessageError("topic_alphabet", f"{wrong[:80]!r} is no topic level")
    return Topic(shape.kind, city, names)


def subscription(kind: TopicKind, city: str, **names: str) -> str:
    """Return the filter for every topic of `kind`, narrowed to the given names."""
    pattern = kind.value
    for name, value in names.items():
        pattern = pattern.replace(f"{{{name}}}", value)
    return f"{PREFIX}/{city}/{_PLACEHOLDER.sub('+', pattern)}"


def matches(subscribed: str, topic: str) -> bool:
    """Tell whether an MQTT filter (`+`, `#`) takes in `topic`."""
    if topic.startswith("$") and subscribed.startswith(("+", "#")):
        return False
    want, have = subscribed.split("/"), topic.split("/")
    for at, level in enumerate(want):
        if level == "#":
            return True
        if at >= len(have) or level not in ("+", have[at]):
            return False
    return len(want) == len(have)
