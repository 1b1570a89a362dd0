"""The absence model at any figures: what must hold whatever was fitted."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from allocator.domain.absence import Absence
from allocator.domain.interval import DAY_MS, MINUTE_MS

MOST_MS = 5 * DAY_MS
steps = st.lists(st.integers(0, 900), min_size=4, max_size=4)
models = steps.map(lambda row: Absence((0, 15, 120, 1_440, 4_320), (tuple(accumulate(row, initial=0)),) * 48, 1_000))
lefts = st.integers(0, 60 * DAY_MS)
spans = st.integers(0, MOST_MS)
risks = st.integers(1, 500)
paces = st.floats(0.05, 20)


def until(model: Absence, left: int, away: int, risk: int, pace: float) -> int:
    return model.away_until(left, left + away, risk_permille=risk, pace=pace, timezone="Asia/Seoul")


@given(models, lefts, spans, spans)
def test_the_longer_away_the_more_returns_were_expected(model, left, one, other):
    shorter, longer = sorted((one, other))
    expected = [model.expected_permille(left, away, "Asia/Seoul") for away in (shorter, longer)]
    assert 0 <= expected[0] <= expected[1]


@given(models, lefts, spans, risks, risks, paces)
def test_more_risk_never_ends_a_window_sooner(model, left, away, one, other, pace):
    ends = [until(model, left, away, risk, pace) for risk in sorted((one, other))]
    assert left + away <= ends[0] <= ends[1]


@given(models, lefts, spans, spans, risks, paces)
def test_who_has_stayed_away_longer_is_never_expected_sooner(model, left, one, other, risk, pace):
    ends = [until(model, left, away, risk, pace) for away in sorted((one, other))]
    assert ends[0] <= ends[1] + MINUTE_MS // 1_000


@given(models, lefts, spans, risks, paces, paces)
def test_who_comes_back_sooner_gets_a_shorter_window(model, left, away, risk, one, other):
    ends = [until(model, left, away, risk, pace) for pace in sorted((one, other), reverse=True)]
    assert ends[0] <= ends[1]


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 10**6))
def test_more_returns_quicken_the_pace(one, other, hazard):
    fewer, more = (Absence().pace(absences, hazard) for absences in sorted((one, other)))
    assert 0 < fewer <= more
