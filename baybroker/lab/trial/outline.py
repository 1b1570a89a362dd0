"""The figures of runs side by side, as people read them: a column for each policy, means over the worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baybroker.lab.trial.compare import difference, of_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from baybroker.lab.trial.compare import Estimate
    from baybroker.lab.trial.figures import Run

ROWS: dict[str, tuple[str, float, str]] = {
    "requests": ("requests", 1, ",.0f"),
    "served": ("served: parked", 1, ",.0f"),
    "refused_share": ("refused, %", 100, ".2f"),
    "chain_share": ("accepted by a chain, %", 100, ".2f"),
    "waitlisted": ("had to wait for an answer", 1, ",.0f"),
    "violations": ("promises broken", 1, ",.1f"),
    "substitutes": ("parked in a substitute", 1, ",.1f"),
    "sent_home": ("sent home early by a resident", 1, ",.1f"),
    "resident_conflicts": ("residents who found a car in their bay", 1, ",.1f"),
    "mean_walk_m": ("walk, m", 1, ".1f"),
    "paid_hours": ("hours rented", 1, ",.0f"),
    "use_of_offered": ("of the hours offered, %", 100, ".2f"),
    "gini": ("Gini of hours rented", 1, ".3f"),
    "earnings_won": ("residents earned, won", 1, ",.0f"),
    "occupancy_mean": ("occupancy of all bays, %", 100, ".2f"),
    "occupancy_peak": ("likewise, fullest hour, %", 100, ".2f"),
    "penetration": ("visitors who had booked, %", 100, ".2f"),
    "sensor_error_share": ("bay-time a sensor was wrong, %", 100, ".3f"),
}
"""Field of a run -> what it is called, times what it is told, and its format."""


def headings(policies: Sequence[str]) -> list[str]:
    """Return what the columns are called: beside further policies stands the difference to the first."""
    return ["", policies[0], *(name for policy in policies[1:] for name in (policy, f"to {policies[0]}"))]


def lines(runs: Sequence[Run], policies: Sequence[str]) -> list[list[str]]:
    """Return a line for each figure; differences are taken world by world."""
    return [
        [
            name,
            *(
                cell
                for number, policy in enumerate(policies)
                for cell in (
                    told(field, of_policy(runs, policy, field)),
                    *([told(field, difference(runs, policy, policies[0], field), sign="+")] if number else []),
                )
            ),
        ]
        for field, (name, _, _) in ROWS.items()
    ]


def told(name: str, it: Estimate | None, sign: str = "") -> str:
    """Return a figure as people read it, with its interval where there is one."""
    if it is None:
        return "-"
    _, times, shape = ROWS[name]
    text = format(times * it.mean, sign + shape)
    return text if it.half_width is None else f"{text} ± {format(times * it.half_width, shape)}"
