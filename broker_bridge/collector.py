"""Python's collector of garbage, and a city: half a second to look through all of its objects, for nothing."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """Have the collector leave out what is there now, and look only through what is made meanwhile."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Look for no cycles of garbage meanwhile: a run makes none worth that, and has millions of objects to look at."""
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # or all that was made would be looked at as soon as it may be
        gc.enable()
        gc.unfreeze()
