"""When residents are away: drawn from a profile, and fitted back to it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from baybroker.calibrate.heldout import measure, simulated
from sensors_sim.engine.presence import DAY, HOUR, TRAITS, absences, draw_residents
from sensors_sim.engine.presence_fit import fit_presence, hours_of_week
from sensors_sim.engine.stay_fit import fit_stays
from sensors_sim.profile import load_profile

PROFILE = load_profile("norway-homes").residents.presence()
MONDAY, SATURDAY = 0, 5


def rng(seed=1):
    return np.random.default_rng(seed)


def drawn(count=300, first_weekday=MONDAY, days=3, seed=1, profile=PROFILE):
    return absences(draw_residents(profile, count, rng(seed)), first_weekday, days, rng(seed + 1))


def away_share(profile, first_weekday, hour, count=3_000):
    found = drawn(count, first_weekday, 1, profile=profile)
    at = hour * HOUR
    return float(((found.leave_min <= at) & (found.return_min > at)).sum()) / count


def test_the_same_seed_draws_the_same_absences():
    for one, again in zip(drawn(), drawn(), strict=True):
        np.testing.assert_array_equal(one, again)
    assert len(drawn(seed=5).resident) != len(drawn().resident)


def test_who_is_away_at_the_start_left_before_it():
    found = drawn(3_000, days=1)
    under_way = found.leave_min < 0
    assert 0.4 < under_way.mean() < 0.8
    assert (found.return_min[under_way] > 0).all()
    assert found.leave_min.max() < DAY


def test_nobody_and_no_day_draw_nothing():
    assert len(drawn(0).resident) == 0
    assert (drawn(days=0).leave_min < 0).all()


def test_the_share_away_goes_on_from_one_run_to_a_longer_one():
    # the burn-in reaches the steady state: the first Monday is like the fifth
    long = drawn(4_000, days=29)
    noon = [
        float(((long.leave_min <= at) & (long.return_min > at)).sum()) / 4_000
        for at in (13 * HOUR, 28 * DAY + 13 * HOUR)
    ]
    assert noon[0] == pytest.approx(noon[1], abs=0.025)


def test_weekends_are_not_weekdays_whatever_day_comes_first():
    assert away_share(PROFILE, MONDAY, 13) > away_share(PROFILE, SATURDAY, 13) + 0.04
    monday_in_a_week = drawn(3_000, SATURDAY, 3)
    at = 2 * DAY + 13 * HOUR
    share = ((monday_in_a_week.leave_min <= at) & (monday_in_a_week.return_min > at)).sum() / 3_000
    assert share == pytest.approx(away_share(PROFILE, MONDAY, 13), abs=0.03)


def test_residents_differ_in_every_trait_as_the_profile_says():
    found = draw_residents(PROFILE, 20_000, rng())
    traits = np.column_stack(
        [np.log(found.leaves), np.log(found.over_night_odds), np.log(found.nights), np.log(found.away)]
    )
    np.testing.assert_allclose(traits.mean(axis=0), PROFILE.trait_mean[:-1], atol=0.06)
    np.testing.assert_allclose(traits.std(axis=0), PROFILE.trait_sd[:-1], rtol=0.04)
    np.testing.assert_allclose(np.corrcoef(traits.T), PROFILE.trait_correlation[:-1, :-1], atol=0.03)
    assert found.phase_min.std() == pytest.approx(PROFILE.trait_sd[-1] * HOUR, rel=0.04)


def test_a_later_phase_moves_the_whole_day():
    still = replace(PROFILE, trait_sd=np.zeros(len(TRAITS)))
    late = replace(still, trait_mean=still.trait_mean + np.array([0, 0, 0, 0, 0, 0, 2.0]))
    assert away_share(late, MONDAY, 15) == pytest.approx(away_share(still, MONDAY, 13), abs=0.03)
    assert away_share(late, MONDAY, 9) < away_share(still, MONDAY, 9) - 0.1


def test_the_fit_finds_the_process_that_made_the_rows():
    made = simulated(PROFILE, 400, 280, rng(7))
    found = fit_presence(made.bay, made.arrived, made.departed)
    often = PROFILE.leave_per_hour > 0.05
    np.testing.assert_allclose(found.weekday_factor, PROFILE.weekday_factor, atol=0.06)
    np.testing.assert_allclose(found.trait_sd, PROFILE.trait_sd, rtol=0.25)
    np.testing.assert_allclose(found.nights.mean(axis=0), PROFILE.nights.mean(axis=0), atol=0.06)
    np.testing.assert_allclose(found.return_share, PROFILE.return_share, atol=0.02)
    again, first = measure(simulated(found, 400, 280, rng(8))), measure(made)
    assert again.changes_per_day == pytest.approx(first.changes_per_day, rel=0.08)
    assert np.abs(again.present - first.present).mean() < 0.025
    assert np.abs(found.leave_per_hour[often] / PROFILE.leave_per_hour[often] - 1).mean() < 0.2


def test_the_fit_finds_a_timetable():
    # ten cars leave every weekday at eight for ten hours, for twelve weeks
    days = np.array([day for day in range(84) if day % 7 < SATURDAY])
    arrived = np.tile(np.append(-6 * HOUR, days * DAY + 18 * HOUR), 10)
    departed = np.tile(np.append(days * DAY + 8 * HOUR, 84 * DAY + 8 * HOUR), 10)
    found = fit_presence(np.repeat(np.arange(10), len(days) + 1), arrived, departed)
    ours = measure(simulated(found, 100, 84, rng()))
    assert ours.present[0, 13] < 0.1
    assert ours.present[0, 22] > 0.9
    assert ours.present[1].min() > 0.9
    assert np.quantile(ours.away_min, [0.2, 0.8]) == pytest.approx([600, 600], abs=5)
    assert ours.morning_sd_h < 0.2


def test_one_bay_is_enough_and_gives_residents_that_are_all_alike():
    made = simulated(PROFILE, 1, 364, rng(2))
    found = fit_presence(made.bay, made.arrived, made.departed)
    assert found.trait_sd.max() == 0
    assert len(drawn(5, profile=found).resident) > 0


@pytest.mark.parametrize(("log_mean", "log_sd"), [(3.5, 1.0), (2.9, 1.57), (5.0, 0.4)])
def test_the_stays_fit_sees_through_the_truncation(log_mean, log_sd):
    stays = rng().lognormal(log_mean, log_sd, 20_000)
    assert fit_stays(stays[stays >= 5], 5) == pytest.approx((log_mean, log_sd), abs=0.06)


def test_hours_of_a_week_are_those_that_spans_cover():
    spans = np.array([(0, 90), (DAY - 30, DAY + 30), (5, 5 + 15 * 7 * DAY), (-HOUR, 7 * DAY)])
    covered = hours_of_week(np.arange(4), spans[:, 0], spans[:, 1], 4)
    np.testing.assert_allclose(covered.sum(axis=(1, 2)), (spans[:, 1] - spans[:, 0]) / HOUR)
    assert (covered[0, 0, 0], covered[0, 0, 1]) == (1, 0.5)
    assert (covered[1, 0, 23], covered[1, 1, 0]) == (0.5, 0.5)
    assert (covered[2] == 15).all()
    assert covered[3, 6, 23] == 2
