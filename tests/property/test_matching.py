"""Calendars against plain sets, the filters for many bays against the rule for one, the search against the optimum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from deskwork import START
from hypothesis import given, settings
from hypothesis import strategies as st
from matchwork import DAY, apply, board_of, put, wish

from allocator.domain.interval import DAY_MS, SLOT_MS, Interval
from allocator.domain.lifecycle import Occupancy
from allocator.matching.board import Near
from allocator.matching.calendars import SPAN_MS, Calendars
from allocator.matching.filters import Options, fitting, unfit
from allocator.matching.search import search
from broker_bridge.wire.errors import InvariantError

SLOTS = SPAN_MS // SLOT_MS
slots = st.integers(0, SLOTS - 1)
intervals = st.builds(
    lambda first, length: Interval(START + first * SLOT_MS, START + (first + length) * SLOT_MS),
    st.one_of(st.integers(0, 200), slots),
    st.integers(1, 150),
)


def within(interval, base_at=START):
    """The slots of an interval, as plain numbers; what lies beyond the span included."""
    return set(range((interval.from_at - base_at) // SLOT_MS, (interval.until - base_at) // SLOT_MS))


@given(st.lists(st.lists(intervals, max_size=3), min_size=1, max_size=70), st.lists(intervals, max_size=12), intervals)
@settings(max_examples=60, deadline=None)
def test_calendars_are_sets_of_slots(opened, holds, asked):
    calendars, opens, helds = Calendars(START), [], []
    for bay, windows in enumerate(opened):
        calendars.add_bay()
        calendars.set_open(bay, windows)
        opens.append(set().union(*map(within, windows)) & set(range(SLOTS)))
        helds.append(set())
    for order, interval in enumerate(holds):
        bay, mine = order % len(opened), within(interval) & set(range(SLOTS))
        if helds[bay] & mine:
            with pytest.raises(InvariantError, match="held twice"):
                calendars.hold(bay, interval)
        else:
            calendars.hold(bay, interval)
            helds[bay] |= mine
    bays, mask, wanted = np.arange(len(opened)), calendars.mask(asked), within(asked)
    assert calendars.which_offered(bays, calendars.asked([asked])).tolist() == [wanted <= of for of in opens]
    assert calendars.which_held(bays, calendars.asked([asked])).tolist() == [bool(wanted & of) for of in helds]
    for bay in bays.tolist():
        assert calendars.offered(bay, mask) == (wanted <= opens[bay])
        assert calendars.held(bay, mask) == bool(wanted & helds[bay])
        at = (asked.from_at - START) // SLOT_MS
        changes = [slot for slot in range(at + 1, SLOTS + 1) if (slot in opens[bay]) != (at in opens[bay])]
        change_at = calendars.next_change(bay, asked.from_at)
        assert change_at == (START + changes[0] * SLOT_MS if changes else None)


def test_nothing_is_offered_or_held_in_a_time_that_ends_before_it_begins():
    calendars = Calendars(START)
    calendars.add_bay()
    calendars.set_open(0, [Interval(START, START + DAY_MS)])
    bays, asked = np.array([0]), calendars.asked([Interval(START + DAY_MS, START + SLOT_MS)])
    assert (calendars.which_offered(bays, asked)[0], calendars.which_held(bays, asked)[0]) == (False, False)


@given(intervals, intervals)
def test_what_is_released_is_free_again_and_nothing_else(one, other):
    calendars = Calendars(START)
    calendars.add_bay()
    calendars.hold(0, one)
    calendars.release(0, other)
    for slot in within(one) & set(range(SLOTS)):
        mask = calendars.mask(Interval(START + slot * SLOT_MS, START + (slot + 1) * SLOT_MS))
        assert calendars.held(0, mask) == (slot not in within(other))


@given(st.integers(-3, 3), st.lists(intervals, max_size=4))
@settings(max_examples=40, deadline=None)
def test_reservations_are_held_whatever_the_calendars_begin_with(days, holds):
    board = board_of(*range(len(holds)))
    placed = [put(board, f"b{bay}", wish()._replace(held=held)) for bay, held in enumerate(holds)]
    base_at = START + days * DAY_MS
    board.rebase(base_at)
    for bay, reservation in enumerate(placed):
        expected = within(reservation.held, base_at) & set(range(SLOTS))
        assert board.calendars.held(bay, board.calendars.mask(reservation.held)) == bool(expected)


@st.composite
def odd_bays(draw):
    board = board_of(*draw(st.lists(st.integers(0, 300), min_size=1, max_size=8)))
    for number, bay in enumerate(board.bays):
        bay.spec = replace(
            bay.spec,
            needs=tuple(draw(st.sets(st.sampled_from(["ev", "large", "accessible"])))),
            tariff=draw(st.sampled_from([None, "cheap", "dear"])),
        )
        bay.occupancy = draw(st.sampled_from(Occupancy))
        bay.lost, bay.contested = draw(st.sampled_from([None, "silent"])), draw(st.sampled_from([None, "stranger"]))
        bay.closed, bay.retired = draw(st.booleans()), draw(st.booleans())
        board.refresh(number)
        board.traits.guest_until[number] = draw(st.sampled_from([0, START, START + 1]))
    return board


odd_wishes = st.builds(
    wish,
    needs=st.sets(st.sampled_from(["ev", "large", "hovering"]), max_size=2).map(tuple),
    tariffs=st.sampled_from([None, frozenset(), frozenset({None, "cheap"}), frozenset({"dear", "unheard"})]),
    exclude=st.sampled_from([None, "b0", "unknown"]),
    from_min=st.sampled_from([0, 5, 15, 20, 59, 60, 120, 600]),
)


@given(odd_bays(), st.lists(odd_wishes, min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_the_filters_for_many_bays_and_wants_are_the_rule_for_one(board, wishes):
    bays = np.arange(len(board.bays))
    near = Near(np.tile(bays, len(wishes)), np.zeros(len(bays) * len(wishes), dtype=np.int64))
    rows = np.repeat(np.arange(len(wishes)), len(bays)) if len(wishes) > 1 else None
    options = Options(wishes, board.calendars.asked([want.held for want in wishes]), near, rows)
    fell = {}
    fits = fitting(board, options, START, fell)
    guests = board.traits.guest_until[bays].tolist()
    reasons = [
        unfit(bay, want, START, guest) or (None if want.held.until <= DAY.until else "not_offered")
        for want in wishes
        for bay, guest in zip(board.bays, guests, strict=True)
    ]
    assert fits.tolist() == [reason is None for reason in reasons]
    assert fell == {reason: reasons.count(reason) for reason in set(reasons) - {None}}


def most(reach):
    """The size of a maximum matching, by Kuhn's algorithm."""
    holder = {}

    def seat(driver, seen):
        for bay in reach[driver]:
            if bay not in seen:
                seen.add(bay)
                if bay not in holder or seat(holder[bay], seen):
                    holder[bay] = driver
                    return True
        return False

    return sum(seat(driver, set()) for driver in range(len(reach)))


@given(
    st.lists(st.integers(0, 600), min_size=1, max_size=10),
    st.lists(st.tuples(st.integers(0, 600), st.integers(30, 200)), min_size=1, max_size=14),
)
@settings(max_examples=120, deadline=None)
def test_where_all_overlap_the_chains_serve_as_many_as_anybody_could(bays, drivers):
    board, wishes = board_of(*bays), [wish(east_m=east, max_walk_m=walk) for east, walk in drivers]
    served = 0
    for want in wishes:
        found = search(board, want, START, policy="test", depth_max=len(bays))
        if found.bay is not None:
            served += 1
            apply(board, found.moves)
            put(board, found.bay, want)
    reach = [[bay for _, bay in board.near(want.lat, want.lon, want.max_walk_m)] for want in wishes]
    assert served == most(reach)


@given(st.lists(st.integers(-2_000, 2_000), min_size=1, max_size=40, unique=True), st.integers(-2_500, 2_500))
def test_the_nearest_bay_is_the_same_within_a_walk_as_in_the_whole_city(places, east_m):
    board, want = board_of(*places), wish(east_m=east_m)
    anywhere, within_walk = board.nearest(want.lat, want.lon), board.nearest(want.lat, want.lon, 300)
    away = {board.walk_m(board.number[found.spec.bay], want.lat, want.lon) for found in (anywhere, within_walk)}
    assert len(away) == 1
