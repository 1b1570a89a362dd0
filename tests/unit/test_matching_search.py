"""The search: the cheapest free bay, else a chain that frees one; bounded, and explained."""

from __future__ import annotations

import pytest
from deskwork import START, DeskWork, spec
from matchwork import apply, board_of, put, wish

from allocator.core import Settings
from allocator.domain import events as e
from allocator.domain.interval import DAY_MS, HOUR_MS
from allocator.domain.windows import week_of
from allocator.matching import search as searching
from allocator.matching.policies import Nearest
from allocator.matching.search import search


def find(board, want, depth_max=8):
    return search(board, want, START, policy="test", depth_max=depth_max)


def test_of_bays_that_are_as_near_the_first_registered_is_taken():
    found = find(board_of(50, 50, 40.2, 40.4), wish())
    assert (found.bay, found.walk_m) == ("b2", 41)


def test_who_cannot_be_served_directly_gets_a_bay_that_another_can_leave():
    board = board_of(0, 200)
    other = put(board, "b0", wish(east_m=100))
    found = find(board, wish(max_walk_m=50))
    assert (found.bay, found.walk_m) == ("b0", 0)
    assert [(move.reservation_id, move.to_bay, move.walk_m) for move in found.moves] == [
        (other.reservation_id, "b1", 100)
    ]
    assert found.explanation.fell == {"booked": 1}
    assert found.explanation.chain == found.moves


def a_row(bays):
    """A row in which each holds the bay beside the one they could move to; the last bay is free."""
    board = board_of(*(100 * n for n in range(bays)))
    for number in range(bays - 1):
        put(board, f"b{number}", wish(east_m=100 * number + 50, max_walk_m=51))
    return board


def test_a_chain_is_as_long_as_the_depth_allows_and_no_longer():
    found = find(a_row(9), wish(max_walk_m=10))
    assert (found.bay, len(found.moves)) == ("b0", 8)
    assert find(a_row(10), wish(max_walk_m=10)).bay is None
    assert find(a_row(3), wish(max_walk_m=10), depth_max=1).bay is None


def test_a_chain_can_be_carried_out():
    board = a_row(6)
    found = find(board, wish(max_walk_m=10))
    apply(board, found.moves)
    put(board, found.bay, wish(max_walk_m=10))
    assert all(len(holders) == 1 for holders in board.on_bay)


def test_a_search_that_has_examined_enough_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr(searching, "EXAMINED_MAX", 4)
    explanation = find(a_row(8), wish(max_walk_m=10)).explanation
    assert (explanation.cut, explanation.examined) == (True, 4)
    monkeypatch.setattr(searching, "EXAMINED_MAX", 500)
    assert not find(a_row(10), wish(max_walk_m=10)).explanation.cut


def test_who_is_bound_is_not_moved():
    board = board_of(0, 100)
    put(board, "b0", wish(), bound=True)
    assert find(board, wish(max_walk_m=50)).bay is None


@pytest.mark.parametrize(("bays", "bound", "bay"), [(3, False, "b0"), (2, False, None), (3, True, None)])
def test_a_bay_is_cleared_of_two_where_both_find_another_and_else_of_none(bays, bound, bay):
    board = board_of(*(100 * n for n in range(bays)))
    put(board, "b0", wish(minutes=20))
    put(board, "b0", wish(from_min=90, minutes=20), bound=bound)
    found = find(board, wish(max_walk_m=50))
    assert found.bay == bay
    assert sorted(move.to_bay for move in found.moves) == (["b1", "b2"] if bay else [])
    apply(board, found.moves)
    assert find(board, wish(max_walk_m=50), depth_max=0).bay == bay


def test_a_bay_whose_tariff_is_too_dear_falls_and_is_counted():
    board = board_of(0, tariff="dear")
    dear = find(board, wish(tariffs=frozenset({"cheap", None})))
    assert (dear.bay, dear.explanation.fell) == (None, {"too_dear": 1})
    assert find(board, wish(tariffs=frozenset({"dear"}))).bay == "b0"


@pytest.mark.parametrize(("fairness", "bay"), [(20, "b1"), (0, "b0")])
def test_a_bay_that_is_rented_for_hours_costs_metres(fairness, bay):
    board = board_of(0, 30, fairness=fairness)
    put(board, "b0", wish(from_min=180, minutes=120))
    assert find(board, wish()).bay == bay


def test_what_a_bay_was_rented_counts_until_the_week_ends():
    board = board_of(0, 30, fairness=20)
    bay = board.bay("b0")
    bay.rented_week, bay.rented_ms = week_of(START, "Asia/Seoul").from_at, 2 * HOUR_MS
    board.refresh(0)
    assert find(board, wish()).bay == "b1"
    later = START + 7 * DAY_MS
    board.rebase(later)
    for number in range(2):
        board.calendars.set_open(number, [board.calendars.span])
    found = search(board, wish(from_min=7 * 24 * 60 + 60), later, policy="test", depth_max=0)
    assert found.bay == "b0"


def test_the_walk_that_is_promised_counts_and_not_the_cost():
    board = board_of(290, fairness=20)
    put(board, "b0", wish(east_m=290, from_min=180, minutes=300))
    found = find(board, wish(max_walk_m=300))
    assert (found.bay, found.walk_m, found.explanation.fairness_m) == ("b0", 290, 100)


def test_completed_stays_add_up_to_the_weeks_rented_time():
    work = DeskWork(spec("b1"), settings=Settings(policy=Nearest()))
    for driver in ("drv-1", "drv-2"):
        assert work.request(driver, lead_min=5, stay_min=60) == "accepted"
        reservation = work.named(e.ReservationAccepted)[-1].reservation_id
        work.pass_minutes(5)
        work.sense("b1", "occupied")
        work.pass_minutes(45)
        work.sense("b1", "free")
        work.say(driver, "leave", reservation)
    bay = work.state.board.bay("b1")
    assert (bay.rented_week, bay.rented_ms) == (week_of(START, "Asia/Seoul").from_at, 90 * 60_000)
