"""The figures of a load test, for people and for --json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sensors_sim.load.histogram import Histogram
    from sensors_sim.load.tally import LoadTally

_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Percentiles of durations in milliseconds."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """Sensor messages: the others have no `(boot_id, seq)` to be recognised by.

    `sent_twice`, `sent_late`: by the sensors' faults, on purpose. `resent`: by the simulator after a reconnect.
    `delivered`, `lost`, `duplicates`, `reordered` are what the observer saw; `others` came from somebody else.
    """

    sent: int
    sent_twice: int
    sent_late: int
    resent: int
    acknowledged: int
    seconds: float
    rate_per_s: float
    busiest_second: int
    to_acknowledge: Latency
    delivered: int
    lost: int
    duplicates: int
    reordered: int
    to_deliver: Latency
    others: int
    observer_reconnects: int


def report(tally: LoadTally, observer_reconnects: int) -> LoadReport:
    """Return the figures as they are now."""
    seconds = max(tally.last_acknowledged_s - tally.first_sent_s, 0.0)
    return LoadReport(
        sent=tally.sent,
        sent_twice=tally.sent_twice,
        sent_late=tally.sent_late,
        resent=tally.resent,
        acknowledged=tally.acknowledged,
        seconds=round(seconds, _DIGITS),
        rate_per_s=round(tally.acknowledged / seconds, 1) if seconds else 0.0,
        busiest_second=tally.busiest_second,
        to_acknowledge=_latency(tally.to_acknowledge),
        delivered=tally.delivered,
        lost=tally.lost,
        duplicates=tally.duplicates,
        reordered=tally.reordered,
        to_deliver=_latency(tally.to_deliver),
        others=tally.others,
        observer_reconnects=observer_reconnects,
    )


def _latency(histogram: Histogram) -> Latency:
    p50, p90, p99 = (round(histogram.percentile_us(percent) / 1000, _DIGITS) for percent in (50, 90, 99))
    return Latency(p50_ms=p50, p90_ms=p90, p99_ms=p99, max_ms=round(histogram.max_us / 1000, _DIGITS))
