"""Residents and visitors behave like real ones: fitted on two thirds, simulated, and compared with the rest."""

from __future__ import annotations

import numpy as np
import pytest
from shared_data import needs
from sim_world import DAY, MINUTE, scenario, world

from baybroker.calibrate.heldout import compare, held_out, ks_of_fit, measure, simulated
from baybroker.calibrate.reading import Presence, read_presence, read_visitor_stays
from sensors_sim.engine.presence_fit import fit_presence
from sensors_sim.engine.stay_fit import fit_stays
from sensors_sim.profile import Residents, load_profile

PRESENCE, with_presence = needs("residential_presence.csv")
STAYS, with_stays = needs("melbourne_2019_stays.csv")


@pytest.fixture(scope="module")
def real():
    presence, read = read_presence(PRESENCE)
    assert (read.bays, read.stays, presence.bays, len(presence.bay)) == (146, 25_406, 114, 24_847)
    return presence


@with_presence
def test_simulated_residents_are_like_bays_that_were_held_out(real):
    found = held_out(real, 20).simulated
    assert found.present_weekday_points < 4.5
    assert found.present_weekend_points < 4.5
    assert found.away_ks < 0.09
    assert found.changes_share < 0.15
    assert found.spread_night_share < 0.25
    assert found.spread_noon_share < 0.25


@with_presence
def test_the_shipped_profile_is_the_one_that_these_bays_give(real):
    shipped = load_profile("norway-homes").residents.presence()
    fitted = Residents.of(fit_presence(real.bay, real.arrived, real.departed)).presence()
    for name in shipped.__slots__:
        # figures are rounded, and libraries differ in the last bit
        np.testing.assert_allclose(
            getattr(shipped, name), getattr(fitted, name), atol=1 if name == "away_min" else 2e-3
        )


@with_presence
def test_the_shipped_profile_simulates_them(real):
    ours = measure(simulated(load_profile("norway-homes").residents.presence(), 500, 364, np.random.default_rng(3)))
    theirs = measure(real)
    assert ours.changes_per_day == pytest.approx(theirs.changes_per_day, rel=0.08)
    assert ours.night.std() == pytest.approx(theirs.night.std(), rel=0.15)
    assert ours.noon.std() == pytest.approx(theirs.noon.std(), rel=0.15)
    assert ours.morning_sd_h == pytest.approx(theirs.morning_sd_h, rel=0.15)
    assert np.abs(ours.present - theirs.present).max() < 0.06


@pytest.fixture(scope="module")
def lived():
    """What the bays of a world record in a year in which nobody offers, squats or asks."""
    rules = scenario(bays=200, start="2026-03-02T00:00:00", offers={"weekly_share": 0, "once_share": 0})
    running, stays = world(rules, 5, quiet=True), []
    for day in range(364):
        running.advance(rules.start_ms + (day + 1) * DAY)
        stays += running.truth.take_past().stays
    number = {bay: at for at, bay in enumerate(running.city.bays)}
    # who was there from the start came at an unknown time
    known = sorted((number[stay.bay], stay.since_ms, stay.until_ms) for stay in stays if stay.since_ms > rules.start_ms)
    bay, since, until = np.array(known).T
    _, bay = np.unique(bay, return_inverse=True)
    return measure(Presence(bay, (since - rules.start_ms) // MINUTE, (until - rules.start_ms) // MINUTE))


def test_a_world_s_residents_are_those_of_the_profile(lived):
    profile = load_profile("norway-homes").residents.presence()
    found = compare(lived, measure(simulated(profile, 1_000, 364, np.random.default_rng(3))))
    assert found.present_weekday_points < 3
    assert found.present_weekend_points < 3
    assert found.away_ks < 0.05
    assert found.changes_share < 0.15


@with_presence
def test_a_world_s_residents_are_like_the_real_ones(real, lived):
    found = compare(lived, measure(real))
    assert found.present_weekday_points < 4.5
    assert found.present_weekend_points < 4.5
    assert found.away_ks < 0.09
    assert found.changes_share < 0.15
    assert found.spread_night_share < 0.25
    assert found.spread_noon_share < 0.25


@with_stays
def test_visitors_stays_are_the_truncated_log_normal():
    minutes, dropped = read_visitor_stays(STAYS)
    assert (len(minutes), dropped) == (2_706, 0)
    log_mean, log_sd = fit_stays(minutes, 5)
    assert ks_of_fit(np.sort(minutes), log_mean, log_sd) < 0.05
    shipped = load_profile("melbourne-kerb").visitors
    assert (shipped.stay_log_mean, shipped.stay_log_sd) == pytest.approx((log_mean, log_sd), abs=2e-3)
