"""Rows: what happens in a world, as columns. The same rows in the same order are the same bytes on every machine."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

COLUMN = np.dtype("<i8")


class What(IntEnum):
    """What happens in a row, and the meaning of its `value`. Rows of one instant come in this order."""

    RESIDENT_LEAVES = 0
    RESIDENT_RETURNS = 1
    RESIDENT_IS_BLOCKED = 2
    """By the squatter who stands in the bay; it returns in a later row."""
    SQUATTER_COMES = 3
    """The squatter's number."""
    SQUATTER_LEAVES = 4
    REPORT = 5
    """A healthy sensor notices a change: 1 occupied, 0 free."""
    HEARTBEAT = 6
    """Seconds to the next one."""
    REQUEST = 7
    """The place of the wish among those of its page."""
    OFFER = 8
    """Until when the resident, who leaves, offers the absence."""
    RECALL = 9
    """When the resident will be home."""
    FAULT = 10
    """The number of the fault in the plan of faults; the bay, or the gateway, is the one that fails."""
    REPAIR = 11


class Rows(NamedTuple):
    """Columns of equal length. Bays (and gateways) are numbers in the order of the city; -1 is none."""

    at_ms: Ints
    what: Ints
    bay: Ints
    value: Ints

    def only(self, which: Bools | Ints | slice) -> Rows:
        """Return some of the rows."""
        return Rows(*(column[which] for column in self))

    def in_order(self) -> Rows:
        """Return the rows by time, and those of one instant by what happens."""
        return self.only(np.lexsort((self.what, self.at_ms)))


def rows(what: What, at_ms: Ints, bay: ArrayLike = -1, value: ArrayLike = 0) -> Rows:
    """Return a row for each instant; `bay` and `value` may be one for all."""
    count = len(at_ms)
    columns = (np.broadcast_to(np.asarray(column, np.int64), count) for column in (int(what), bay, value))
    return Rows(at_ms, *columns)


def joined(parts: Iterable[Rows]) -> Rows:
    """Return all the parts' rows, one part after the other."""
    return Rows(*(np.concatenate(columns) for columns in zip(rows(What.REPORT, np.empty(0, np.int64)), *parts)))  # noqa: B905 - four columns each


def content(table: Iterable[NDArray[np.int64]]) -> bytes:
    """Return the bytes of columns: 64-bit integers, little-endian on any machine."""
    return b"".join(np.ascontiguousarray(column, COLUMN).tobytes() for column in table)
