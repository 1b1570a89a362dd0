"""The pure core: `decide(state, command, now) -> events` only reads, `evolve(state, event)` alone changes the state."""

from allocator.core.decide import decide
from allocator.core.evolve import evolve
from allocator.core.hear import Verdict, hear, watch
from allocator.core.state import Settings, State

__all__ = ["Settings", "State", "Verdict", "decide", "evolve", "hear", "watch"]
