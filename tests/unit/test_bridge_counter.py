"""From frame counters to (boot_id, seq)."""

from __future__ import annotations

import pytest

from broker_bridge.bridge.counter import Counter, Frame, Verdict

T = 1_790_000_000_000
MINUTE = 60_000


def place(counter: Counter, f_cnt: int | None, at: int, check: int = 1, **more):
    placed = counter.place(Frame(f_cnt, T + at, check, **more))
    return placed.boot_id - T, placed.seq, placed.verdict.value, placed.lost


def test_the_first_frame_begins_a_boot_and_a_gap_is_lost():
    counter = Counter()
    assert place(counter, 5, 0) == (0, 5, "fresh", 0)
    assert place(counter, 6, MINUTE) == (0, 6, "fresh", 0)
    assert place(counter, 9, 2 * MINUTE) == (0, 9, "fresh", 2)
    assert place(counter, 8, MINUTE + 1) == (0, 8, "late", -1)
    assert place(counter, 8, MINUTE + 1) == (0, 8, "duplicate", 0)


@pytest.mark.parametrize("gap_ms", [100, MINUTE])
def test_a_new_address_is_a_join(gap_ms):
    counter = Counter()
    place(counter, 0, 0, session="a")
    place(counter, 1, 1, session="a")
    assert place(counter, 0, gap_ms, session="b") == (gap_ms, 0, "fresh", 0)
    assert place(counter, 1, 1, session="a") == (0, 1, "duplicate", 0)
    assert place(counter, 2, 2, session="a") == (0, 2, "late", 0)
    assert place(counter, 1, gap_ms + 1, session="b") == (gap_ms, 1, "fresh", 0)


def test_frames_between_a_join_and_the_first_that_came_are_lost():
    counter = Counter()
    place(counter, 7, 0, session="a")
    assert place(counter, 2, MINUTE, session="b") == (MINUTE, 2, "fresh", 2)


def test_a_join_event_begins_a_boot_even_with_the_same_address():
    counter = Counter()
    place(counter, 0, 0)
    counter.join(T + 10)
    assert place(counter, 3, 5) == (0, 3, "fresh", 2)
    assert place(counter, 4, 20) == (20, 4, "fresh", 4)


@pytest.mark.parametrize(
    ("f_cnt", "at", "check"),
    [(0, 1, 2), (40, MINUTE, 2), (41, MINUTE, 1), (0, MINUTE, 1)],
    ids=["zero at once", "lower and later", "the same counter and content, later", "zero, later"],
)
def test_a_counter_that_goes_back_while_time_goes_on_is_a_reset(f_cnt, at, check):
    counter = Counter()
    place(counter, 41, 0)
    assert place(counter, f_cnt, at, check) == (at, f_cnt, "fresh", f_cnt)


def test_copies_from_several_networks_are_one_frame():
    counter = Counter()
    place(counter, 0, 0)
    place(counter, 1, 5000)
    assert place(counter, 1, 5800)[2] == "duplicate"
    assert place(counter, 0, 900)[2] == "duplicate"
    assert place(counter, 1, 4200)[2] == "duplicate"


def test_a_straggler_of_the_boot_before_is_late():
    counter = Counter()
    place(counter, 500, 0)
    place(counter, 0, MINUTE)
    assert place(counter, 499, -5) == (0, 499, "late", 0)
    assert place(counter, 501, 7) == (0, 501, "late", 0)
    assert place(counter, 501, 7) == (0, 501, "duplicate", 0)
    assert place(counter, 1, MINUTE + 1) == (MINUTE, 1, "fresh", 0)


def test_without_a_usable_time_only_a_great_step_back_is_a_reset():
    counter = Counter()
    place(counter, 100, 0, timed=False)
    assert place(counter, 99, 1, timed=False)[2] == "late"
    assert place(counter, 100, MINUTE, timed=False)[2] == "duplicate"
    assert place(counter, 0, MINUTE, timed=False) == (MINUTE, 0, "fresh", 0)


def test_what_nobody_counts_is_numbered_by_its_arrival():
    counter = Counter()
    assert place(counter, None, 0) == (0, 0, "fresh", 0)
    assert place(counter, None, 10, 2) == (0, 1, "fresh", 0)
    assert place(counter, None, 10, 2)[2] == "duplicate"
    assert place(counter, None, MINUTE, 2, timed=False, retained=True)[2] == "duplicate"
    late = counter.place(Frame(None, T + 5, 3))
    assert late.verdict is Verdict.LATE
    assert late.boot_id < T


def test_a_boot_is_always_newer_than_the_one_before():
    counter = Counter()
    place(counter, 3, 0, session="a")
    assert place(counter, 0, 0, session="b") == (1, 0, "fresh", 0)
