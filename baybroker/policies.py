"""Policies by name: ours and those of installed packages, from the entry-point group `baybroker.policies`."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from broker_bridge.wire.errors import SettingsError

if TYPE_CHECKING:
    from allocator.matching.policies import Policy

GROUP = "baybroker.policies"


def policy_names() -> list[str]:
    """Return the names that can be loaded."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load_policy(name: str) -> Policy:
    """Return the policy of that name; raises SettingsError where there is none, or it cannot be used."""
    points = entry_points(group=GROUP, name=name)
    if not points:
        raise SettingsError(f"no policy is called {name!r}: there are {', '.join(policy_names())}")
    if len({point.value for point in points}) > 1:
        raise SettingsError(f"two packages bring a policy {name!r} ({', '.join(sorted(it.value for it in points))})")
    point = next(iter(points))
    try:
        policy: Policy = point.load()()
    except Exception as error:
        raise SettingsError(f"the policy {name!r} ({point.value}) does not load: {error!r}") from error
    for needed in ("name", "bind_lead_ms", "batch_ms", "place", "place_together", "improve"):
        if not hasattr(policy, needed):
            raise SettingsError(f"the policy {name!r} ({point.value}) has no {needed}: subclass allocator's Policy")
    return policy
