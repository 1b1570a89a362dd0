"""What holds for every tariff."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from allocator.domain.interval import DAY_MS, MINUTE_MS
from allocator.domain.money import Tariff, bill, extended_won, pro_rata_won

won = st.integers(0, 5_000)
minutes = st.integers(1, 600)
tariffs = st.builds(
    Tariff,
    base_won=won,
    base_min=minutes,
    step_won=won,
    step_min=minutes,
    free_min=st.integers(0, 60),
    day_max_won=st.integers(0, 20_000),
    resident_pct=st.integers(0, 100),
    used_millipoints=st.integers(0, 100),
    overstay_won=won,
)
times = st.integers(0, 9 * DAY_MS)


@given(tariffs, times, times)
def test_a_longer_stay_never_costs_less(tariff, one, other):
    shorter, longer = sorted((one, other))
    assert 0 <= tariff.price_won(shorter) <= tariff.price_won(longer)
    assert tariff.surcharge_won(shorter) <= tariff.surcharge_won(longer)


@given(tariffs, times)
def test_no_day_costs_more_than_its_limit(tariff, stay_ms):
    if tariff.day_max_won:
        assert tariff.price_won(stay_ms) <= -(-stay_ms // DAY_MS) * tariff.day_max_won


@given(tariffs, times, times, won, st.booleans(), st.integers(0, 30 * MINUTE_MS))
def test_a_bill_keeps_the_promise(tariff, until, at, quote_won, free, notice_ms):
    due = bill(tariff, began=0, until=until, at=at, quote_won=quote_won, notice_ms=notice_ms, free=free, resident=True)
    assert 0 <= due.surcharge_won <= due.price_won
    assert 0 <= due.resident_won <= due.price_won + (quote_won if free else 0)
    if at <= until:
        assert due.price_won <= (0 if free else min(quote_won, tariff.price_won(at)))
    if at <= until + notice_ms:
        assert due.surcharge_won == 0


@given(tariffs, won, st.lists(times, min_size=3, max_size=3))
def test_quotes_grow_and_shrink_with_the_stay(tariff, quote_won, stays):
    shorter, stay_ms, longer = sorted(stays)
    assert extended_won(tariff, quote_won, stay_ms, longer) >= quote_won
    assert 0 <= pro_rata_won(quote_won, stay_ms + 1, shorter) <= quote_won
