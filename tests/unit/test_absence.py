"""The absence model: reading its figures, and fitting it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from allocator.domain.absence import Absence, curve_of
from allocator.domain.interval import DAY_MS, HOUR_MS, MINUTE_MS
from baybroker.presence.fit import fit_absence
from baybroker.presence.heldout import bookings, fixed_windows, own_paces
from baybroker.presence.sample import Sample, sample_of
from baybroker.presence.table import absence_text, load_absence, parse_absence
from broker_bridge.wire.errors import SettingsError

MONDAY = 4 * DAY_MS
STEADY = Absence((0, 60, 4_320), ((0, 100, 7_200),) * 48, 1_000)
"""One return in ten hours, whenever."""


def steady_sample(bays: int = 40, absences: int = 60, paces=(1.0,), seed: int = 3) -> Sample:
    """Departures at any minute, and exponential absences of ten hours' mean at each bay's own pace."""
    rng = np.random.default_rng(seed)
    stays = {}
    for number in range(bays):
        at, of_bay = MONDAY, []
        for _ in range(absences):
            left = at + int(rng.integers(1, 24 * 60)) * MINUTE_MS
            of_bay.append((at, left))
            at = left + max(int(rng.exponential(600 / paces[number % len(paces)])), 1) * MINUTE_MS
        stays[f"b{number}"] = of_bay
    return sample_of(stays, "UTC")


def test_the_window_ends_when_the_risk_is_reached():
    until = STEADY.away_until(MONDAY, MONDAY, risk_permille=100, pace=1.0, timezone="UTC")
    assert until == MONDAY + int(-math.log(0.9) * 10 * 60 * MINUTE_MS) or abs(until - MONDAY - 63.2 * MINUTE_MS) < 6_000


def test_a_pace_of_two_halves_the_window():
    one, two = (
        STEADY.away_until(MONDAY, MONDAY, risk_permille=80, pace=pace, timezone="UTC") - MONDAY for pace in (1.0, 2.0)
    )
    assert one == pytest.approx(2 * two, abs=2)


def test_past_its_figures_the_last_day_goes_on():
    now = MONDAY + 10 * DAY_MS
    until = STEADY.away_until(MONDAY, now, risk_permille=100, pace=1.0, timezone="UTC")
    assert until - now == pytest.approx(63.2 * MINUTE_MS, abs=6_000)


def test_a_curve_without_returns_still_ends():
    never = Absence((0, 60, 4_320), ((0, 0, 0),) * 48, 1_000)
    until = never.away_until(MONDAY, MONDAY, risk_permille=100, pace=1.0, timezone="UTC")
    assert 3 * DAY_MS < until - MONDAY < 365 * DAY_MS


def test_only_the_first_day_of_an_absence_is_expected():
    day = STEADY.expected_permille(MONDAY, DAY_MS, "UTC")
    assert STEADY.expected_permille(MONDAY, 9 * DAY_MS, "UTC") == day
    assert STEADY.expected_permille(MONDAY, HOUR_MS, "UTC") == 100
    assert STEADY.expected_permille(MONDAY, -HOUR_MS, "UTC") == 0


def test_the_pace_is_everyones_at_first_and_ones_own_in_the_end():
    assert STEADY.pace(0, 0) == 1.0
    assert STEADY.pace(1, 500) == pytest.approx(4 / 3)
    assert STEADY.pace(1_000, 500_000) == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(
    ("left_at", "timezone", "curve"),
    [(MONDAY, "UTC", 0), (MONDAY, "Asia/Seoul", 9), (MONDAY - HOUR_MS, "UTC", 47), (MONDAY + 5 * DAY_MS, "UTC", 24)],
)
def test_the_hour_of_departure_is_the_citys(left_at, timezone, curve):
    assert curve_of(left_at, timezone) == curve


def test_the_fit_finds_the_rate_that_absences_were_drawn_from():
    fitted = fit_absence(steady_sample())
    for curve in fitted.hazard_permille[::6]:
        at = dict(zip(fitted.knots_min, curve, strict=True))
        assert at[600] == pytest.approx(1_000, rel=0.2)
    assert fitted.prior_permille > 20_000  # residents do not differ


def test_the_fit_finds_that_residents_differ_and_their_history_tells_how():
    sample = steady_sample(paces=(0.5, 1.5))
    fitted = fit_absence(sample)
    assert 1_000 < fitted.prior_permille < 10_000
    paces = own_paces(sample, fitted)
    assert paces[0] == 1.0
    late = np.concatenate([[False] * 30 + [True] * 29 for _ in range(40)])
    slow, fast = (paces[late & (sample.bay % 2 == number)].mean() for number in (0, 1))
    assert fast / slow == pytest.approx(3, rel=0.35)


def test_nothing_can_be_fitted_on_nothing():
    with pytest.raises(ValueError, match="no absence"):
        fit_absence(sample_of({"b1": [(0, HOUR_MS)]}, "UTC"))


def test_a_gap_of_weeks_is_an_absence_whose_end_is_not_known():
    sample = sample_of({"b1": [(0, HOUR_MS), (20 * DAY_MS, 21 * DAY_MS), (21 * DAY_MS, 22 * DAY_MS)]}, "UTC")
    assert (sample.away_min.tolist(), sample.ended.tolist()) == ([14 * 24 * 60], [False])


def test_the_bench_sets_its_windows_as_the_allocator_does():
    sample = steady_sample(bays=3, absences=8)
    absence = fit_absence(sample)
    pace = np.linspace(0.5, 2, len(sample.bay))
    begun = broken = windows = 0
    for left, away, own in zip(sample.wall_min, sample.away_min, pace, strict=True):
        until = 0
        for look in range(int(left), int(left) + 3 * 24 * 60, 15):
            if look >= left + away:
                break
            curve_at = MONDAY + int(left) * MINUTE_MS  # the sample's minutes begin on a Monday
            reach_ms = absence.away_until(
                curve_at, MONDAY + look * MINUTE_MS, risk_permille=100, pace=own, timezone="UTC"
            )
            reach = (reach_ms - MONDAY) // MINUTE_MS // 5 * 5
            first = -(-look // 5) * 5
            if (until <= look and reach >= first + 30) or (
                until > look and reach >= until + max(15, (until - look) / 2)
            ):
                until, windows = reach, windows + 1
            for start in range(first, first + 15, 5):
                if start < left + away and start + 70 <= until:
                    begun, broken = begun + 1, broken + (left + away < start + 60)
    found = bookings(sample, absence, pace, 0.1)
    assert begun > 100
    assert (found[0], found[1], found[3]) == (begun, broken, windows)


def test_the_longest_fixed_window_is_free_on_enough_weekdays():
    day, nine_to_five = 24 * 60, (9 * 60, 17 * 60)
    stays = [(at * day + nine_to_five[1], (at + 1) * day + nine_to_five[0]) for at in range(30)]
    weekdays, hours = fixed_windows({"b1": stays}, 0.9)
    assert (weekdays.tolist(), hours.tolist()) == ([21], [8.0])
    stays[7] = (7 * day + 12 * 60, stays[7][1])  # one Monday back at noon
    assert fixed_windows({"b1": stays}, 0.9)[1].tolist() == [8.0]
    assert fixed_windows({"b1": stays}, 1.0)[1].tolist() == [3.0]


def test_the_shipped_figures_can_be_read_and_written():
    shipped = load_absence()
    assert parse_absence(absence_text(shipped, ["a line"])) == shipped
    assert len(shipped.hazard_permille) == 48


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("weekend = [", "weekdays = ["), "weekend"),
        (lambda text: text.replace("prior_permille = 1000", "prior_permille = 0"), "above 0"),
        (lambda text: text.replace("[100,", "[-1,", 1), "not below 0"),
        (lambda text: text.replace("[100,7100]", "[100]", 1), "48|24 rows of 2 steps"),
        (lambda _: "figures", "no absence model"),
    ],
)
def test_a_file_that_is_no_model_is_told_in_one_line(tmp_path, change, said):
    path = tmp_path / "mine.toml"
    path.write_text(change(absence_text(STEADY, [])))
    with pytest.raises(SettingsError, match=said) as error:
        load_absence(str(path))
    assert "\n" not in str(error.value)
