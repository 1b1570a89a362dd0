"""Quotes, prices, points and the ledger, through the desk."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from deskwork import START, DeskWork, spec

from allocator.core import Settings, State, evolve
from allocator.core.points import settle
from allocator.core.record import record
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, Interval
from allocator.domain.model import Offer
from allocator.domain.money import Tariff
from allocator.domain.offered import auto_ms, minus, offered_intervals, total_ms, united

CHEAP = Tariff(name="cheap", base_won=300, step_won=100)
DEAR = Tariff(name="dear", base_won=3_000, step_won=1_000, resident_pct=10)
POINTS = Tariff(name="points", offered_millipoints=10, used_millipoints=60)
SETTINGS = Settings(tariffs={tariff.name: tariff for tariff in (CHEAP, DEAR, POINTS)})
WEEKDAYS_MS = 5 * 9 * HOUR_MS
SEOUL = "Asia/Seoul"


def city(*specs: e.BaySpec) -> DeskWork:
    return DeskWork(*specs, settings=SETTINGS)


def ledger(work: DeskWork) -> dict[tuple[str, str], int]:
    sums: Counter[tuple[str, str]] = Counter()
    for commit in work.commits:
        for entry in commit.ledger:
            sums[entry.account, entry.unit] += entry.amount
    return dict(sums)


# ---- quotes and prices


def test_the_quote_is_that_of_the_planned_bay():
    work = city(spec("b1", tariff="cheap"), spec("b2", east_m=200, tariff="dear"))
    work.request("drv-1", stay_min=60)
    work.request("drv-2", stay_min=60)
    assert [work.replies(driver)[0]["price_won"] for driver in ("drv-1", "drv-2")] == [600, 6_000]


def test_who_names_a_price_gets_a_cheaper_bay_farther_on():
    work = city(spec("b1", tariff="dear"), spec("b2", east_m=200), spec("b3", east_m=250, tariff="cheap"))
    assert work.request(max_price_won=600) == "accepted"
    accepted = work.named(e.ReservationAccepted)[0]
    assert (accepted.bay, accepted.quote_won, accepted.explanation.fell) == ("b3", 600, {"too_dear": 2})


@pytest.mark.parametrize(("max_price_won", "reason"), [(1_199, "too_dear"), (1_200, "no_bay")])
def test_too_dear_is_said_only_where_every_bay_is(max_price_won, reason):
    work = city(spec("b1", tariff="dear"), spec("b2", east_m=200))
    work.give(c.OperateBay(operator="op-1", request_id="close", type="close", bay="b2"))
    assert work.request(max_price_won=max_price_won) == "rejected"
    assert work.replies("drv-1")[0]["reason"] == reason


def test_where_no_bay_is_near_none_is_too_dear():
    work = city(spec("b1"))
    work.request(lat=35.0, max_price_won=1)
    assert work.replies("drv-1")[0]["reason"] == "no_bay"


@pytest.mark.parametrize(("near", "far", "price_won"), [("cheap", "dear", 600), ("dear", "cheap", 600)])
def test_after_a_relocation_the_driver_pays_the_lower_price(near, far, price_won):
    work = city(spec("b1", tariff=near), spec("b2", east_m=100, tariff=far))
    work.request(lead_min=5, stay_min=60)
    work.pass_minutes(5)
    work.say("drv-1", "arrive", "r-1", blocked=True)
    work.say("drv-1", "arrive", "r-1")
    work.pass_minutes(60)
    assert work.say("drv-1", "leave", "r-1")["price_won"] == price_won


def test_a_promise_that_was_broken_costs_the_driver_nothing_and_the_operator_the_residents_share():
    work = city(spec("b1"), spec("b2", east_m=500))
    work.request(lead_min=5, stay_min=60)
    work.pass_minutes(5)
    work.say("drv-1", "arrive", "r-1", blocked=True)
    work.say("drv-1", "arrive", "r-1")
    work.pass_minutes(60)
    assert work.say("drv-1", "leave", "r-1")["price_won"] == 0
    assert ledger(work) == {("resident:res-b2", "won"): 600, ("operator", "won"): -600}


def test_overstaying_is_charged_apart():
    work = city(spec("b1"))
    work.request(lead_min=5, stay_min=30)
    work.pass_minutes(5)
    work.sense("b1", "occupied")
    work.pass_minutes(30 + 10 + 15)
    done = work.say("drv-1", "leave", "r-1")
    assert (done["price_won"], done["surcharge_won"]) == (600 + 200 + 2 * 400, 800)
    assert work.named(e.ReservationCompleted)[0].surcharge_won == 800


def test_an_extension_adds_what_the_bay_costs_to_the_quote():
    work = city(spec("b1", tariff="dear"), spec("b2", east_m=100, tariff="cheap"))
    work.request(lead_min=5, stay_min=60, max_price_won=6_000)
    work.pass_minutes(5)
    work.say("drv-1", "arrive", "r-1", blocked=True)
    work.say("drv-1", "arrive", "r-1")
    assert work.say("drv-1", "extend", "r-1", extend_ms=30 * MINUTE_MS)["price_won"] == 6_000 + 300


def test_a_bay_without_a_resident_earns_for_the_operator():
    bay = e.BaySpec(bay="b1", zone="z1", lat=37.4782, lon=126.9515, gateway="gw-1", resident="res-b1", tariff="points")
    work = city(bay)
    work.request(lead_min=5, stay_min=30)
    work.pass_minutes(5)
    work.say("drv-1", "arrive", "r-1")
    ownerless = e.BaySpec(bay="b1", zone="z1", lat=bay.lat, lon=bay.lon, gateway="gw-1", tariff="points")
    work.give(c.RegisterBays(operator="op-1", request_id="ownerless", specs=(ownerless,)))
    work.pass_minutes(10)
    work.say("drv-1", "leave", "r-1")
    assert ledger(work) == {("driver:drv-1", "won"): -600, ("operator", "won"): 600}


# ---- points


def test_use_gives_points_beside_the_money():
    work = city(spec("b1", tariff="points"))
    work.request(lead_min=5, stay_min=60)
    work.pass_minutes(5)
    work.say("drv-1", "arrive", "r-1")
    work.pass_minutes(30)
    work.say("drv-1", "leave", "r-1")
    assert ledger(work) == {
        ("driver:drv-1", "won"): -600,
        ("resident:res-b1", "won"): 300,
        ("operator", "won"): 300,
        ("resident:res-b1", "millipoints"): 30,
        ("operator", "millipoints"): -30,
    }


def test_a_week_on_offer_gives_points_once_and_every_bay_has_its_own_moment():
    work = city(*(spec(f"b{n}", east_m=n, tariff="points") for n in range(20)))
    work.pass_minutes(3 * 7 * 24 * 60)
    awards = [recorded for recorded in work.events if isinstance(recorded.event, e.PointsAwarded)]
    assert len({recorded.at % WEEK_MS for recorded in awards}) == 20
    for bay in (f"b{n}" for n in range(20)):
        theirs = [recorded.event for recorded in awards if recorded.event.bay == bay]
        assert len(theirs) in (2, 3)
        assert all(one.until == other.from_at for one, other in pairwise(theirs))
        assert all(event.until - event.from_at == WEEK_MS for event in theirs[1:])
        assert all((event.offered_ms, event.millipoints) == (WEEKDAYS_MS, 450) for event in theirs[1:])
        assert work.state.board.bay(bay).settled_at == theirs[-1].until
    assert sum(amount for (_, unit), amount in ledger(work).items() if unit == "millipoints") == 0
    assert not [topic for topic, said in work.sent if "points" in str(said.get("type"))]


def test_bays_that_give_no_points_cause_no_events_and_no_timers():
    work = city(spec("b1"), spec("b2", tariff="cheap"), spec("b3", tariff="points"))
    assert work.state.points_armed == {2}
    work.give(c.WithdrawOffer(resident="res-b3", request_id="w", bay="b3"))
    work.pass_minutes(3 * 7 * 24 * 60)
    assert not work.named(e.PointsAwarded)


def test_what_ended_since_the_last_time_counts_and_is_forgotten_later():
    work = city(spec("b1", tariff="points"))
    work.pass_minutes(3 * 60)
    work.give(c.WithdrawOffer(resident="res-b1", request_id="w", bay="b1"))
    work.give(c.OfferOnce(resident="res-b1", request_id="o", bay="b1", from_at=work.now, until=work.now + 2 * HOUR_MS))
    work.pass_minutes(7 * 24 * 60)
    assert [event.offered_ms for event in work.named(e.PointsAwarded)] == [5 * HOUR_MS]
    work.pass_minutes(3 * 24 * 60)
    assert work.state.offers_of["b1"] == []


def test_a_bay_is_settled_when_it_is_closed_and_begins_anew_when_it_is_opened():
    work = city(spec("b1", tariff="points"))
    work.pass_minutes(3 * 60)
    work.give(c.OperateBay(operator="op-1", request_id="close", type="close", bay="b1"))
    work.pass_minutes(4 * 60)
    work.give(c.OperateBay(operator="op-1", request_id="open", type="open", bay="b1"))
    assert [event.offered_ms for event in work.named(e.PointsAwarded)] == [3 * HOUR_MS]
    assert settle(work.state, "b1", work.now + HOUR_MS)[0].offered_ms == HOUR_MS
    work.give(c.OperateBay(operator="op-1", request_id="retire", type="retire", bay="b1"))
    assert settle(work.state, "b1", work.now + HOUR_MS) == []


def test_a_window_of_its_own_that_was_open_while_the_bay_was_closed_gives_no_points():
    work = city(spec("b1", tariff="points"))
    who = {"resident": "res-b1", "bay": "b1"}
    work.give(c.WithdrawOffer(**who, request_id="w"))
    work.give(c.OfferAuto(**who, request_id="a", enabled=True))
    work.give(c.OperateBay(operator="op-1", request_id="close", type="close", bay="b1"))
    work.sense("b1", "occupied")
    work.sense("b1", "free")
    work.pass_minutes(60)
    work.sense("b1", "occupied")
    work.give(c.OperateBay(operator="op-1", request_id="open", type="open", bay="b1"))
    work.pass_minutes(3 * 60)
    assert settle(work.state, "b1", work.now) == []


def test_who_gives_a_bay_up_is_settled_with_and_the_next_begins_anew():
    work = city(spec("b1", tariff="points"))
    work.pass_minutes(3 * 60)
    other = e.BaySpec(
        bay="b1", zone="z1", lat=37.4782, lon=126.9515, gateway="gw-1", resident="res-new", tariff="points"
    )
    work.give(c.RegisterBays(operator="op-1", request_id="moved", specs=(other,)))
    assert [(event.resident, event.offered_ms) for event in work.named(e.PointsAwarded)] == [("res-b1", 3 * HOUR_MS)]
    assert work.state.board.bay("b1").settled_at == work.now
    assert settle(work.state, "b1", work.now + HOUR_MS) == []


def test_points_go_on_after_a_restart():
    work = city(spec("b1", tariff="points"))
    work.pass_minutes(8 * 24 * 60)
    before = len(work.named(e.PointsAwarded))
    again = State(SETTINGS, START)
    for recorded in work.events:
        evolve(again, recorded)
    assert again.image() == work.state.image()
    loaded = State.of_image(work.state.image(), SETTINGS, work.now)
    assert (before, loaded.points_armed) == (1, {0})


def test_no_more_than_eight_days_are_paid_for_at_once():
    work = city(spec("b1", tariff="points"))
    (award,) = settle(work.state, "b1", START + 4 * WEEK_MS)
    assert award.until - award.from_at == 8 * DAY_MS


def test_an_auto_offer_counts_each_of_its_windows_once():
    work = city(spec("b1", tariff="points"))
    work.give(c.WithdrawOffer(resident="res-b1", request_id="w", bay="b1"))
    window = {"from_at": START + HOUR_MS, "until": START + 9 * HOUR_MS}
    who = {"offer_id": "o-9", "bay": "b1", "resident": "res-b1", "kind": "auto", "risk_permille": 100}
    offer = Offer(**who, **window, offered_at=START, offered_ms=2 * HOUR_MS)
    work.state.offers["o-9"] = offer
    work.state.offers_of["b1"].append(offer)
    (award,) = settle(work.state, "b1", START + 5 * HOUR_MS)
    assert award.offered_ms == (2 + 4) * HOUR_MS - HOUR_MS  # never more than the time there was
    record(work.state, award, START + 5 * HOUR_MS)
    assert auto_ms(offer, START + 7 * HOUR_MS) == 2 * HOUR_MS
    offer.offered_ms += 8 * HOUR_MS  # the window is over
    offer.from_at = offer.until = START + 9 * HOUR_MS
    assert auto_ms(offer, START + 20 * HOUR_MS) == 4 * HOUR_MS


def test_a_recall_takes_away_from_what_was_offered():
    day = Interval(START, START + DAY_MS)
    same = {"bay": "b1", "resident": "res-b1", "offered_at": START}
    weekly = {"kind": "weekly", "rrule": "FREQ=DAILY", "start": "09:00", "end": "18:00"}
    offers = [
        Offer(offer_id="o-1", **same, **weekly),
        Offer(offer_id="o-2", **same, kind="once", from_at=START + 8 * HOUR_MS, until=START + 10 * HOUR_MS),
        Offer(offer_id="o-3", **same, kind="recall", from_at=START + 2 * HOUR_MS, until=START + 3 * HOUR_MS),
    ]
    opened = offered_intervals(offers, SEOUL, day)
    assert [((one.from_at - START) // HOUR_MS, (one.until - START) // HOUR_MS) for one in opened] == [(0, 2), (3, 10)]
    offers[2].withdrawn, offers[2].withdrawn_at = True, START + 150 * MINUTE_MS
    assert total_ms(offered_intervals(offers, SEOUL, day)) == 9.5 * HOUR_MS


def test_intervals_are_joined_and_cut():
    one, other, far = Interval(0, 4), Interval(2, 6), Interval(9, 9)
    assert united([other, far, one]) == [Interval(0, 6)]
    assert minus([Interval(0, 6), Interval(8, 10)], [Interval(2, 3), Interval(5, 9)]) == [
        Interval(0, 2),
        Interval(3, 5),
        Interval(9, 10),
    ]
