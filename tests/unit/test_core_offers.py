"""Offers that a resident may rightly make, and what becomes of them over time."""

from __future__ import annotations

import itertools

import pytest
from deskwork import START, DeskWork, spec

from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import DAY_MS, HOUR_MS

_numbers = itertools.count(1)


def offer_once(work: DeskWork, bay: str, from_at: int, until: int) -> None:
    request_id = f"once-{next(_numbers)}"
    work.give(c.OfferOnce(resident=f"res-{bay}", request_id=request_id, bay=bay, from_at=from_at, until=until))


def test_offers_that_are_over_or_withdrawn_leave_room_for_new_ones():
    work = DeskWork(spec("b1"))
    for _ in range(60):
        offer_once(work, "b1", work.now + HOUR_MS, work.now + 2 * HOUR_MS)
        work.pass_minutes(24 * 60)
    assert not work.named(e.OfferRejected)
    for number in range(60):
        offer_once(work, "b1", work.now + HOUR_MS, work.now + 2 * HOUR_MS)
        offer_id = work.named(e.OnceOffered)[-1].offer_id
        work.give(c.WithdrawOffer(resident="res-b1", request_id=f"w-{number}", bay="b1", offer_id=offer_id))
    assert not work.named(e.OfferRejected)


def test_a_bay_takes_fifty_offers_at_once_and_no_more():
    work = DeskWork(spec("b1"))
    for _ in range(50):
        offer_once(work, "b1", work.now + HOUR_MS, work.now + 2 * HOUR_MS)
    assert [event.reason for event in work.named(e.OfferRejected)] == ["too_many_offers"]


def test_an_offer_until_the_end_of_time_costs_no_more_than_the_horizon():
    work = DeskWork(spec("b1"))
    offer_once(work, "b1", START, 253_402_300_799_000)
    assert work.request(lead_min=16 * 60) == "accepted"
    calendars = work.state.board.calendars
    assert not calendars.offered(0, 1 << (30 * DAY_MS // (5 * 60_000)))


@pytest.mark.parametrize(
    "rule", ["FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=1MO", "FREQ=DAILY;BYDAY=MO(1)", "FREQ=WEEKLY;BYDAY=MO\nEXDATE:20260302"]
)
def test_a_rule_that_names_no_plain_days_of_the_week_is_refused(rule):
    work = DeskWork(spec("b1"))
    offer = c.OfferWeekly(resident="res-b1", request_id="o", bay="b1", rrule=rule, start="18:00", end="24:00")
    work.give(offer)
    assert [event.request_id for event in work.named(e.OfferRejected)] == ["o"]


def test_one_of_two_overlapping_offers_can_be_withdrawn():
    work = DeskWork(spec("b1"))
    offer_once(work, "b1", START, START + 12 * HOUR_MS)
    assert work.request("drv-1", lead_min=8 * 60, stay_min=120) == "accepted"
    work.give(c.WithdrawOffer(resident="res-b1", request_id="w", bay="b1", offer_id="o-2"))
    assert work.request("drv-2", lead_min=8 * 60, stay_min=120) == "rejected"
    assert work.request("drv-2", lead_min=60, stay_min=60) == "accepted"


def test_a_stay_across_midnight_spans_two_windows_of_a_bay_that_is_always_open():
    work = DeskWork(spec("b1"))
    work.give(
        c.OfferWeekly(resident="res-b1", request_id="o", bay="b1", rrule="FREQ=DAILY", start="00:00", end="24:00")
    )
    assert work.request(lead_min=14 * 60, stay_min=26 * 60) == "accepted"


def test_a_new_resident_does_not_inherit_the_offers_of_the_one_before():
    work = DeskWork(spec("b1"))
    moved_in = c.RegisterBays(operator="op-1", request_id="r2", specs=(replace_resident("b1", "res-new"),))
    work.give(moved_in)
    assert work.shows("b1") == "closed"
    assert work.request(lead_min=60) == "rejected"


def test_a_bay_that_was_retired_and_comes_back_is_open_as_before():
    work = DeskWork(spec("b1"))
    work.give(c.OperateBay(operator="op-1", request_id="x", type="retire", bay="b1"))
    assert work.request(lead_min=60) == "rejected"
    work.give(c.RegisterBays(operator="op-1", request_id="r2", specs=(spec("b1"),)))
    assert work.request(lead_min=60) == "accepted"


def test_an_extension_ends_where_the_offers_end():
    work = DeskWork(spec("b1"))
    work.request(lead_min=0, stay_min=30)
    work.sense("b1", "occupied")
    assert work.say("drv-1", "extend", "r-1", extend_ms=23 * HOUR_MS)["type"] == "extend_refused"
    offer_once(work, "b1", START, START + 30 * DAY_MS)
    assert work.say("drv-1", "extend", "r-1", extend_ms=23 * HOUR_MS)["type"] == "extended"
    answers = [work.say("drv-1", "extend", "r-1", extend_ms=24 * HOUR_MS)["type"] for _ in range(9)]
    assert answers[-1] == "extend_refused"


def replace_resident(bay: str, resident: str):
    return c.BaySpec(**{name: getattr(spec(bay), name) for name in spec(bay).__slots__} | {"resident": resident})


def test_an_offer_that_is_over_cannot_be_withdrawn():
    """Or the answer would depend on whether the allocator began anew since, and forgot the offer."""
    work = DeskWork(spec("b1"))
    offer_once(work, "b1", START, START + HOUR_MS)
    work.pass_minutes(60)
    work.give(c.WithdrawOffer(resident="res-b1", request_id="w", bay="b1", offer_id="o-2"))
    assert [event.reason for event in work.named(e.OfferRejected)] == ["no_offer"]
