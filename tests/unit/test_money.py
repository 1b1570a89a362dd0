"""Prices, bills and points, by the figures that the districts publish."""

from __future__ import annotations

from pathlib import Path

import pytest

from allocator.domain.interval import DAY_MS, HOUR_MS, MINUTE_MS
from allocator.domain.money import Bill, Tariff, bill, extended_won, points, pro_rata_won
from allocator.service.tariffs import load_tariffs

TARIFFS = {
    name: listed.tariff for name, listed in load_tariffs(Path(__file__).parents[2] / "config" / "tariffs").items()
}
TEN = 10 * MINUTE_MS


@pytest.mark.parametrize(
    ("name", "minutes", "won"),
    [
        ("gwanak", 30, 600),
        ("gwanak", 31, 1_200),
        ("gwanak", 60, 1_200),
        ("gangdong", 30, 600),
        ("gangdong", 40, 800),
        ("gwangjin", 45, 1_000),
        ("dongjak", 30, 600),
        ("jongno", 35, 700),
        ("jongno", 60, 1_200),
        ("seocho", 10, 300),
        ("seocho", 160, 4_800),
        ("seocho", 170, 5_000),
        ("seocho", 24 * 60, 5_000),
        ("seocho", 25 * 60, 6_800),
        ("seocho", 72 * 60, 15_000),
        ("geumcheon", 5, 0),
        ("geumcheon", 6, 200),
        ("geumcheon", 60, 1_200),
        ("geumcheon", 24 * 60 + 3, 28_900),
        ("yongsan", 60, 600),
        ("yongsan", 61, 1_200),
        ("seoul", 50, 1_000),
        ("seoul", 0, 0),
    ],
)
def test_a_stay_costs_what_the_district_says(name, minutes, won):
    assert TARIFFS[name].price_won(minutes * MINUTE_MS) == won


@pytest.mark.parametrize(("name", "won"), [("gwanak", 500), ("gwangjin", 600), ("dongjak", 400), ("yongsan", 0)])
def test_the_resident_gets_the_districts_share(name, won):
    assert TARIFFS[name].resident_won(1_000) == won
    assert TARIFFS[name].resident_won(1) == 0


def test_twelve_hundred_hours_on_offer_are_twelve_points_in_seocho():
    assert points(1_200 * HOUR_MS, TARIFFS["seocho"].offered_millipoints) == 12_000
    assert points(6 * MINUTE_MS - 1, TARIFFS["seocho"].offered_millipoints) == 0


def stay(minutes: float, *, quote_won: int = 1_200, tariff: Tariff | None = None, **more: bool) -> Bill:
    """The bill of a stay of so many minutes that was promised an hour."""
    who = {"free": False, "resident": True} | more
    at, until = round(minutes * MINUTE_MS), HOUR_MS
    return bill(tariff or Tariff(), began=0, until=until, at=at, quote_won=quote_won, notice_ms=TEN, **who)


@pytest.mark.parametrize(
    ("minutes", "price_won", "surcharge_won"),
    [
        (20, 600, 0), (60, 1_200, 0), (61, 1_400, 0), (70, 1_400, 0), (70.1, 1_800, 400), (80, 1_800, 400),
        (95, 2_600, 1_200),
    ],
)  # fmt: skip
def test_beyond_the_notice_each_begun_step_costs_twice(minutes, price_won, surcharge_won):
    due = stay(minutes)
    assert (due.price_won, due.surcharge_won) == (price_won, surcharge_won)
    assert due.resident_won == price_won // 2


def test_no_daily_limit_holds_for_a_surcharge():
    assert stay(60, tariff=TARIFFS["seocho"], quote_won=1_800).price_won == 1_800
    assert stay(60 + 10 + 600, tariff=TARIFFS["seocho"], quote_won=1_800).surcharge_won == 60 * 600


def test_the_driver_pays_the_lower_of_the_quote_and_the_bays_own_price():
    assert stay(60, quote_won=1_000).price_won == 1_000
    assert stay(30, quote_won=1_000).price_won == 600
    assert stay(60, quote_won=1_000, tariff=TARIFFS["yongsan"]).price_won == 600
    assert stay(65, quote_won=1_000).price_won == 1_200


def test_a_broken_promise_is_free_and_the_resident_gets_the_share_all_the_same():
    assert (stay(60, free=True).price_won, stay(60, free=True).resident_won) == (0, 600)
    assert (stay(75, free=True).price_won, stay(75, free=True).resident_won) == (600, 900)


def test_without_a_resident_nobody_gets_a_share():
    due = stay(60, tariff=TARIFFS["seoul"], resident=False)
    assert (due.price_won, due.resident_won, due.millipoints) == (1_200, 0, 0)


def test_use_gives_points_for_the_time_that_was_promised_only():
    assert [stay(minutes, tariff=TARIFFS["seoul"]).millipoints for minutes in (30, 60, 90)] == [5, 10, 10]


def test_a_driver_who_comes_after_the_end_has_the_notice_from_then_on():
    late = {"until": HOUR_MS, "quote_won": 1_200, "notice_ms": TEN, "free": False, "resident": True}
    due = bill(Tariff(), began=HOUR_MS + TEN, at=HOUR_MS + 2 * TEN, **late)
    assert (due.price_won, due.surcharge_won, due.millipoints) == (600, 0, 0)


def test_a_longer_stay_costs_what_it_adds_and_a_shorter_one_its_part():
    assert extended_won(Tariff(), 900, HOUR_MS, 2 * HOUR_MS) == 900 + 1_200
    assert extended_won(TARIFFS["seocho"], 5_000, 3 * HOUR_MS, 9 * HOUR_MS) == 5_000
    assert pro_rata_won(1_200, HOUR_MS, TEN) == 200
    assert pro_rata_won(1_200, HOUR_MS, -1) == 0
    assert pro_rata_won(1_200, HOUR_MS, DAY_MS) == 1_200
