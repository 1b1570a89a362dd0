"""The machine that the naive model and the fold judge, in memory."""

from __future__ import annotations

from unittest import mock

from core_machine import CoreMachine
from fold import Fold
from hypothesis import HealthCheck
from naive import STAYS, Naive

from allocator.core import buffers

SEQUENCES, SHARDS, STEPS = 1_000, 2, 25
QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


class NaiveHistories(CoreMachine):
    """`begun` counts the histories. They are short: a few stays have to be enough to learn a buffer from."""

    begun = 0

    def begin(self, settings, start):
        type(self).begun += 1
        self.few = mock.patch.object(buffers, "STAYS_MIN", STAYS)
        self.few.start()
        return [Naive(settings.timezone, start, at_once=settings.policy.bind_lead_ms is None), Fold(settings, start)]

    def teardown(self):
        try:
            super().teardown()
        finally:
            if hasattr(self, "few"):
                self.few.stop()
