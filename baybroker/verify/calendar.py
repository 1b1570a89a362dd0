"""Who holds a bay or a vehicle, and when. It knows nothing of why."""

from __future__ import annotations

SLOT_MS = 300_000


class Calendar:
    """Live half-open intervals by key (a bay, a vehicle) and holder (a reservation)."""

    def __init__(self) -> None:
        self._held: dict[str, dict[str, tuple[int, int]]] = {}

    def put(self, key: str, holder: str, from_at: int, until: int) -> list[str]:
        """Enter or replace the holder's interval and return the other holders that it overlaps."""
        held = self._held.setdefault(key, {})
        held[holder] = (from_at, until)
        if len(held) == 1:
            return []
        return [
            other
            for other, (other_from, other_until) in held.items()
            if other != holder and from_at < other_until and other_from < until
        ]

    def drop(self, key: str, holder: str) -> None:
        """Take the holder's interval out, where there is one."""
        held = self._held.get(key)
        if held is not None:
            held.pop(holder, None)
            if not held:
                del self._held[key]
