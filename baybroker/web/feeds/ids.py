"""Stable UUIDs for what has a name here, since CDS and APDS ask for UUIDs.

A person's name never goes in: what a UUID stands for can be found by whoever knows all names of that kind.
"""

from __future__ import annotations

from uuid import UUID, uuid5

NAMESPACE = UUID("5d6c1f0e-31a3-5f2b-9a52-7b1f7d2c6e10")


class Ids:
    """Names things of one city: equal names get equal UUIDs, in every process and for ever."""

    def __init__(self, city: str) -> None:
        self._city = city

    def of(self, kind: str, name: object) -> str:
        """Return the UUID of what is called `name` among its kind (`space`, `zone`, `reservation`, ...)."""
        return str(uuid5(NAMESPACE, f"{self._city}/{kind}/{name}"))
