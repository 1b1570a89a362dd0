"""Residents and visitors behave like real ones: fitted on two thirds, simulated, and compared with the rest."""

from __future__ import annotations

import numpy as np
import pytest
from shared_data import needs

from baybroker.calibrate.heldout import held_out, ks_of_fit, measure, simulated
from baybroker.calibrate.reading import read_presence, read_visitor_stays
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


@with_stays
def test_visitors_stays_are_the_truncated_log_normal():
    minutes, dropped = read_visitor_stays(STAYS)
    assert (len(minutes), dropped) == (2_706, 0)
    log_mean, log_sd = fit_stays(minutes, 5)
    assert ks_of_fit(np.sort(minutes), log_mean, log_sd) < 0.05
    shipped = load_profile("melbourne-kerb").visitors
    assert (shipped.stay_log_mean, shipped.stay_log_sd) == pytest.approx((log_mean, log_sd), abs=2e-3)
