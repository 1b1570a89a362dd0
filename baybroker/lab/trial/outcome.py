"""What came of the portions of a trial, and the run that they make together."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from baybroker.lab.trial.decisions import Decision
from baybroker.lab.trial.digest import combined
from baybroker.lab.trial.figures import Run, of_bays, of_decisions
from baybroker.lab.trial.ground import Stays, occupancy_by_hour, penetration
from baybroker.lab.trial.tables import columns_of, stay_columns, write_tables
from sensors_sim.engine.truth import Failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from baybroker.lab.trial.trial import Trial

REPORT_COLUMNS = ("bay", "sent_at", "observed_at", "boot_id", "seq", "status")
_SUMMED = ("overstays", "resident_conflicts", "hidden_moves", "sensor_events", "messages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one portion: `bays` are its names, in the order of the numbers in `stays`; the rest as in `Run`.

    `reports`, by the `REPORT_COLUMNS`, are empty where nobody exports them.
    """

    bays: tuple[str, ...]
    decisions: list[Decision]
    stays: Stays
    offered_ms: dict[str, int]
    faults: list[Failed]
    reports: dict[str, list[object]]
    overstays: int
    resident_conflicts: int
    hidden_moves: int
    mistaken_ms: int
    unknown_ms: int
    sensor_events: int
    messages: int
    world_hash: str
    event_hash: str
    wall_s: float
    peak_rss_mib: int


def settled(trial: Trial, outcomes: Sequence[Outcome]) -> Run:
    """Return what the portions of a trial come to, once the files that were asked for are written."""
    if trial.export is not None:
        _export(trial, outcomes, trial.export)
    return run_of(trial, outcomes)


def run_of(trial: Trial, outcomes: Sequence[Outcome]) -> Run:
    """Return what the portions of a trial's city come to together."""
    within, made = trial.within, [decision for outcome in outcomes for decision in outcome.decisions]
    stays, bays = _stays(outcomes), sum(len(outcome.bays) for outcome in outcomes)
    offered_ms = dict(chain.from_iterable(outcome.offered_ms.items() for outcome in outcomes))
    by_hour = occupancy_by_hour(stays, bays, within.from_at, within.until, trial.utc_offset_ms)
    of_all = [sum(hour) for hour in zip(*by_hour.values(), strict=True)]
    bay_ms = bays * (within.until - within.from_at)
    return Run(
        policy=trial.policy,
        seed=trial.seed,
        days=trial.days,
        bays=bays,
        portions=len(outcomes),
        **of_decisions(made, trial.utc_offset_ms),  # type: ignore[arg-type]  # by name
        **of_bays(made, offered_ms, within.until),  # type: ignore[arg-type]  # likewise
        occupancy_mean=round(sum(of_all) / len(of_all), 5),
        occupancy_peak=round(max(of_all), 5),
        occupancy_by_hour=by_hour,
        penetration=penetration(stays),
        sensor_error_share=round(sum(outcome.mistaken_ms for outcome in outcomes) / bay_ms, 6),
        unknown_share=round(sum(outcome.unknown_ms for outcome in outcomes) / bay_ms, 6),
        **{name: sum(getattr(outcome, name) for outcome in outcomes) for name in _SUMMED},
        world_hash=combined(outcome.world_hash for outcome in outcomes),
        event_hash=combined(outcome.event_hash for outcome in outcomes),
        wall_s=round(sum(outcome.wall_s for outcome in outcomes), 2),
        peak_rss_mib=max(outcome.peak_rss_mib for outcome in outcomes),
    )


def _export(trial: Trial, outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write a trial's truth and decisions into a folder of its own, by time; raises SettingsError where it cannot."""
    made = sorted((decision for outcome in outcomes for decision in outcome.decisions), key=lambda one: one.asked_at)
    sent_at = REPORT_COLUMNS.index("sent_at")
    reports = columns_of(REPORT_COLUMNS, sorted(_reports(outcomes), key=lambda row: row[sent_at]))
    write_tables(
        folder / f"{trial.policy}-{trial.seed}",
        {
            "stays": stay_columns(_stays(outcomes), [bay for outcome in outcomes for bay in outcome.bays]),
            "reports": reports,
            "faults": columns_of(Failed._fields, [fault for outcome in outcomes for fault in outcome.faults]),
            "decisions": columns_of(Decision.__slots__, map(astuple, made)),
        },
    )


def _reports(outcomes: Sequence[Outcome]) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(zip(*outcome.reports.values(), strict=True) for outcome in outcomes)


def _stays(outcomes: Sequence[Outcome]) -> Stays:
    """Return the stays of all portions, their bays numbered on."""
    first = np.cumsum([0, *(len(outcome.bays) for outcome in outcomes)])
    parts = [
        outcome.stays._replace(bay=outcome.stays.bay + number)
        for outcome, number in zip(outcomes, first[:-1], strict=True)
    ]
    return Stays(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
