"""Occupancy by the hour and penetration, out of stays."""

from __future__ import annotations

import numpy as np
import pytest

from baybroker.lab.trial.ground import Stays, occupancy_by_hour, penetration

HOUR = 3_600_000


def stays(*rows):
    return Stays(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


def test_a_stay_counts_in_the_local_hours_that_it_touches():
    half_past_nine_to_eleven = (0, 1, 9 * HOUR + HOUR // 2, 11 * HOUR)
    shares = occupancy_by_hour(stays(half_past_nine_to_eleven), 2, 0, 24 * HOUR, 0)
    assert [shares["guest"][hour] for hour in (8, 9, 10, 11)] == [0, 0.25, 0.5, 0]
    assert sum(shares["resident"]) == 0
    shifted = occupancy_by_hour(stays(half_past_nine_to_eleven), 2, 0, 24 * HOUR, 9 * HOUR)
    assert [shifted["guest"][hour] for hour in (17, 18, 19, 20)] == [0, 0.25, 0.5, 0]


def test_days_are_averaged_and_a_stay_from_before_the_start_is_cut():
    shares = occupancy_by_hour(stays((0, 0, -5 * HOUR, HOUR)), 1, 0, 48 * HOUR, 0)
    assert shares["resident"][:2] == [0.5, 0]


def test_penetration_is_the_share_of_visitors_who_had_booked():
    assert penetration(stays((0, 1, 0, 1), (0, 1, 1, 2), (0, 1, 2, 3), (0, 2, 3, 4), (0, 0, 4, 5))) == pytest.approx(
        0.75
    )
    assert penetration(stays((0, 0, 0, 1))) is None
