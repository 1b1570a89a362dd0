"""The machine that the naive model and the fold judge, in memory."""

from __future__ import annotations

from core_machine import CoreMachine
from fold import Fold
from hypothesis import HealthCheck
from naive import Naive

SEQUENCES, SHARDS, STEPS = 1_000, 2, 25
QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


class NaiveHistories(CoreMachine):
    """`begun` counts the histories."""

    begun = 0

    def begin(self, settings, start):
        type(self).begun += 1
        return [Naive(settings.timezone, start), Fold(settings, start)]
