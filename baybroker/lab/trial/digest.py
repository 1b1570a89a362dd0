"""The hash of a run: of all that the world said and all that the allocator decided, in order."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING

from allocator.domain import events as e

if TYPE_CHECKING:
    from collections.abc import Iterable

    from allocator.domain.events import Recorded
    from sensors_sim.engine.world import Outgoing

PARTS_AT_ONCE = 4_096
_ELSEWHERE = frozenset({"explanation", "spec"})
"""Explanations follow from what is hashed; a bay's entry is the city's, which the seed does not change."""


class Digest:
    """A running hash; equal runs have equal ones, on any machine."""

    def __init__(self) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self._parts: list[str] = []

    def heard(self, outgoing: Outgoing) -> None:
        """Take in a message of the world."""
        names = "/".join(outgoing.names.values())
        self._add(f"{outgoing.at_ms} {outgoing.kind} {names} {outgoing.message.__dict__}")

    def recorded(self, recorded: Recorded) -> None:
        """Take in an event."""
        event = recorded.event
        self._add(f"{recorded.at} {_FIELDS[type(event)](event)}")

    def hexdigest(self) -> str:
        """Return the hash of all that was taken in."""
        self._flush()
        return self._hash.hexdigest()

    def _add(self, part: str) -> None:
        self._parts.append(part)
        if len(self._parts) >= PARTS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        self._hash.update("\n".join([*self._parts, ""]).encode())
        self._parts.clear()


def combined(hashes: Iterable[str]) -> str:
    """Return one hash of several."""
    return hashlib.blake2b("".join(hashes).encode(), digest_size=16).hexdigest()


def _values(kind: type[e.Event]) -> attrgetter[object]:
    names = [field.name for field in fields(kind) if field.name not in _ELSEWHERE]
    return attrgetter("__class__.__name__", *(["spec.bay"] if kind is e.BayRegistered else []), *names)


_FIELDS = {kind: _values(kind) for kind in e.EVENT_TYPES}
