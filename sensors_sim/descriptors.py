"""How many files, and thus connections, this process may have open."""

from __future__ import annotations

import resource

from broker_bridge.wire.errors import SettingsError

SPARE = 100
"""For everything that is no connection of the fleet."""


def make_room(connections: int) -> None:
    """Raise the soft limit of open files where so many connections need it; raises SettingsError at the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SPARE
    if soft in (resource.RLIM_INFINITY, needed) or soft > needed:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    except (ValueError, OSError):
        raise SettingsError(
            f"{connections} connections need {needed} open files, and only {hard} are allowed here: "
            f"raise the limit (ulimit -Hn {needed}, as root), or have gateways carry more bays"
        ) from None
