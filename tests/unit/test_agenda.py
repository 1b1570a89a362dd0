"""The agenda: by time, and first come first within an instant."""

from __future__ import annotations

import pytest

from broker_bridge.agenda import Agenda


def drained(agenda):
    return [agenda.pop() for _ in range(len(agenda))]


def test_what_comes_sooner_comes_first_and_equals_in_the_order_of_entering():
    agenda = Agenda()
    for at, item in [(20, "c"), (10, "a"), (20, "d"), (10, "b")]:
        agenda.add(at, item)
    assert (len(agenda), agenda.next_at()) == (4, 10)
    assert drained(agenda) == [(10, "a"), (10, "b"), (20, "c"), (20, "d")]
    assert (len(agenda), agenda.next_at()) == (0, None)


def test_what_is_entered_while_its_instant_is_taken_out_comes_after_the_others_of_it():
    agenda = Agenda()
    for item in "ab":
        agenda.add(10, item)
    assert agenda.pop() == (10, "a")
    agenda.add(10, "c")
    agenda.add(0, "sooner than that")
    assert drained(agenda) == [(0, "sooner than that"), (10, "b"), (10, "c")]


def test_an_instant_can_come_again():
    agenda = Agenda()
    for item in "abc":
        agenda.add(10, item)
        assert drained(agenda) == [(10, item)]


def test_nothing_comes_out_of_an_empty_one():
    with pytest.raises(IndexError):
        Agenda().pop()
