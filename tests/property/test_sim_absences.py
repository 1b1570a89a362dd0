"""Absences are valid whatever the profile, and whatever rows a profile was fitted to."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors_sim.engine.presence import DAY, TRAITS, absences, draw_residents
from sensors_sim.engine.presence_fit import fit_presence
from sensors_sim.profile import Residents, load_profile

SHIPPED = load_profile("norway-homes").residents
SEEDS = st.integers(0, 2**32 - 1)


def check(found, count, days):
    order = np.lexsort((found.leave_min, found.resident))
    resident, leave, back = (column[order] for column in found)
    assert (np.diff(found.leave_min) >= 0).all()
    assert (back > leave).all()
    assert (back > 0).all()
    assert (leave < days * DAY).all()
    assert ((resident >= 0) & (resident < count)).all()
    assert (leave[1:] > back[:-1])[resident[1:] == resident[:-1]].all()
    assert (leave == np.round(leave)).all()


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(0, 40),
    first_weekday=st.integers(0, 6),
    days=st.integers(0, 5),
    seed=SEEDS,
    mean=st.lists(st.floats(-2, 2), min_size=len(TRAITS), max_size=len(TRAITS)),
)
def test_absences_of_any_residents_are_valid(count, first_weekday, days, seed, mean):
    figures = SHIPPED.model_copy(update={"traits": SHIPPED.traits.model_copy(update={"mean": tuple(mean)})})
    residents = draw_residents(figures.presence(), count, np.random.default_rng(seed))
    found = absences(residents, first_weekday, days, np.random.default_rng(seed))
    check(found, count, days)
    again = absences(residents, first_weekday, days, np.random.default_rng(seed))
    assert all((one == other).all() for one, other in zip(found, again, strict=True))


@settings(max_examples=25, deadline=None)
@given(
    spans=st.lists(
        st.lists(st.tuples(st.integers(0, 9_000), st.integers(1, 9_000)), min_size=2, max_size=12),
        min_size=1,
        max_size=5,
    ),
    start=st.integers(-100_000, 100_000),
    seed=SEEDS,
)
def test_any_rows_give_a_profile_that_can_be_written_and_simulated(spans, start, seed):
    times = [start + np.cumsum(np.array(of_bay).ravel()) for of_bay in spans]
    bay = np.repeat(np.arange(len(spans)), [len(of_bay) for of_bay in spans])
    fitted = fit_presence(bay, np.concatenate([t[::2] for t in times]), np.concatenate([t[1::2] for t in times]))
    residents = draw_residents(Residents.of(fitted).presence(), 20, np.random.default_rng(seed))
    check(absences(residents, 0, 2, np.random.default_rng(seed)), 20, 2)
