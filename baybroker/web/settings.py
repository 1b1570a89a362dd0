"""What `baybroker serve` needs to know."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PORT_DEFAULT = 8080
RATE_PER_S = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """One server's settings. `demo_tokens` are throw-away tokens by role, told to anyone who asks.

    `rate_per_s` is how many requests each token or address may send on average; 0: as many as it likes.
    """

    database: Path
    tokens: Path
    city: str
    host: str = "127.0.0.1"
    port: int = PORT_DEFAULT
    port_may_differ: bool = False
    rate_per_s: float = RATE_PER_S
    style_url: str | None = None
    seed: int | None = None
    demo_tokens: Mapping[str, str] = field(default_factory=dict)
