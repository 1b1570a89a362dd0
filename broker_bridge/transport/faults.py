"""What the memory broker does wrong on its way to a subscriber, by a seeded plan. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one message: how often it comes, how late, and whether the next one overtakes it."""

    copies: int = 1
    delay_s: float = 0.0
    overtaken: bool = False


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Probabilities, each drawn for each message and subscriber, in this order from `rng`.

    A dropped message was acknowledged to its publisher, as with a full queue at the broker. A delayed one comes
    within `delay_s_max`; a reordered one comes behind the next, or after `delay_s_max` when there is none.
    """

    rng: Random
    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    reorder: float = 0.0
    delay_s_max: float = 1.0

    def draw(self) -> Fate:
        """Return the next message's fate; draws five numbers whatever they are, so that plans can be compared."""
        drop, duplicate, delay, reorder, wait = (self.rng.random() for _ in range(5))
        return Fate(
            copies=0 if drop < self.drop else 2 if duplicate < self.duplicate else 1,
            delay_s=wait * self.delay_s_max if delay < self.delay else 0.0,
            overtaken=reorder < self.reorder,
        )
