"""Checks a database's whole history against S1-S8 of the guarantees, with code of its own: nothing of the allocator."""

from __future__ import annotations

from baybroker.verify.history import verify_history
from baybroker.verify.reading import HistoryError
from baybroker.verify.report import Counters, Report, Violation

__all__ = ["Counters", "HistoryError", "Report", "Violation", "verify_history"]
