"""Spans of time, each of somebody: `[from_ms, until_ms)`, as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sensors_sim.engine.rows import Bools, Ints


class Spans(NamedTuple):
    """Columns of equal length; `who` are numbers."""

    who: Ints
    from_ms: Ints
    until_ms: Ints

    def only(self, which: Bools | Ints) -> Spans:
        """Return some of the spans."""
        return Spans(*(column[which] for column in self))


def no_spans() -> Spans:
    """Return none."""
    return Spans(*(np.empty(0, np.int64) for _ in Spans._fields))


def merged(parts: Iterable[Spans]) -> Spans:
    """Return everybody's spans in order, by who and time; those that overlap or touch become one."""
    who, from_ms, until_ms = (np.concatenate(columns) for columns in zip(no_spans(), *parts, strict=True))
    if not len(who):
        return no_spans()
    order = np.lexsort((from_ms, who))
    who, from_ms, until_ms = who[order], from_ms[order], until_ms[order]
    # everybody's times in a band of their own, so that one running maximum serves all
    band = who * (int(until_ms.max()) - int(from_ms.min()) + 1)
    reach = np.maximum.accumulate(until_ms + band)
    first = np.ones(len(who), bool)
    first[1:] = from_ms[1:] + band[1:] > reach[:-1]
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], len(who)) - 1
    return Spans(who[starts], from_ms[starts], reach[ends] - band[ends])


def covering(spans: Spans, who: Ints, at_ms: Ints) -> Ints:
    """Return which of the merged spans covers each instant of each who; -1: none."""
    if not len(spans.who) or not len(who):
        return np.full(len(who), -1)
    base = min(int(spans.from_ms.min()), int(at_ms.min()))
    width = max(int(spans.from_ms.max()), int(at_ms.max())) - base + 1
    found = np.searchsorted(spans.who * width + spans.from_ms - base, who * width + at_ms - base, side="right") - 1
    inside = (found >= 0) & (spans.who[found] == who) & (at_ms < spans.until_ms[found])
    return np.where(inside, found, -1)
