"""What `baybroker allocate` needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from allocator.core import Settings

if TYPE_CHECKING:
    from allocator.domain.events import BaySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """One allocator's settings. `register` fills an empty register; `holder` names it in the lease."""

    city: str
    version: str
    holder: str
    rules: Settings = field(default_factory=Settings)
    simulated_clock: bool = False
    register: tuple[BaySpec, ...] = ()
