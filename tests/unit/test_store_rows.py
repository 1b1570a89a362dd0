"""The store's pure half: the codec, the order of the writes, the file of queries."""

from __future__ import annotations

import re

import pytest

from allocator.domain.events import EVENTS_BY_NAME, BayRetired, OccupancyChanged
from allocator.domain.lifecycle import LIVE, ReservationStatus
from allocator.store.base import Commit, ConstraintError, LeaseHeldError, LedgerEntry, StoreError
from allocator.store.event_codec import decode_event, decode_image, encode_event
from allocator.store.queries import parse_queries, queries, schemas
from allocator.store.rows import TABLES, check_fence, writes_of


def test_an_event_is_stored_under_its_name_as_plain_json():
    event = OccupancyChanged(bay="bay-1", before="free", status="occupied", observed_at=5, boot_id=6, seq=7)
    name, payload = encode_event(event)
    assert name == "occupancy_changed"
    assert payload == (
        '{"bay":"bay-1","before":"free","status":"occupied","observed_at":5,"boot_id":6,"seq":7,'
        '"late":false,"clock_off":false}'
    )


def test_a_row_from_before_a_field_was_added_gets_its_default():
    old = '{"bay":"bay-1","before":"free","status":"occupied","observed_at":5,"boot_id":6,"seq":7}'
    assert decode_event("occupancy_changed", old).late is False
    assert decode_event("bay_retired", '{"bay":"bay-1"}') == BayRetired(bay="bay-1")


def test_a_field_that_this_version_does_not_know_is_left_out():
    assert decode_event("bay_retired", '{"bay":"bay-1","colour":"red"}') == BayRetired(bay="bay-1")


@pytest.mark.parametrize(
    ("name", "payload", "said"),
    [
        ("bay_painted", "{}", "'bay_painted' that this version does not know"),
        ("bay_retired", "{}", "bay: Field required"),
        ("bay_retired", '{"bay":7}', "bay: Input should be a valid string"),
        ("bay_retired", "{", "payload: Invalid JSON"),
    ],
)
def test_an_event_that_cannot_be_read_is_one_clear_error(name, payload, said):
    with pytest.raises(StoreError, match=re.escape(said)):
        decode_event(name, payload)


def test_a_snapshot_that_cannot_be_read_is_passed_over():
    assert decode_image('{"position":"first"}') is None


def test_every_event_type_has_a_codec():
    for name in EVENTS_BY_NAME:
        with pytest.raises(StoreError, match="cannot be read"):
            decode_event(name, "[]")


def test_a_commit_of_nothing_writes_nothing():
    assert writes_of(Commit()) == []


def test_the_ledger_must_balance_at_every_position():
    entries = [LedgerEntry(1, "a", -5), LedgerEntry(1, "b", 4), LedgerEntry(2, "a", 1)]
    with pytest.raises(ConstraintError, match="position 1 sum to -1"):
        writes_of(Commit(ledger=entries))
    assert writes_of(Commit(ledger=[LedgerEntry(1, "a", -5), LedgerEntry(1, "b", 5)]))


@pytest.mark.parametrize(
    ("found", "positions", "error"),
    [
        ((3, 10), [11, 12], None),
        ((3, 10), [], None),
        ((4, 10), [11], LeaseHeldError),
        ((None, 10), [11], LeaseHeldError),
        ((3, 10), [10], ConstraintError),
        ((3, 10), [12], ConstraintError),
        ((3, 10), [11, 13], ConstraintError),
    ],
)
def test_a_commit_is_fenced_by_the_epoch_and_the_last_position(found, positions, error):
    if error is None:
        check_fence(found, 3, positions)
        return
    with pytest.raises(error):
        check_fence(found, 3, positions)


def test_queries_are_parsed_by_their_headers():
    text = "-- a file --x\n\n-- one --\n-- What it does.\nSELECT 1;\n\n-- two --\nSELECT\n2;\n"
    assert parse_queries(text) == {"one": "-- What it does.\nSELECT 1;", "two": "SELECT\n2;"}
    with pytest.raises(ValueError, match="twice"):
        parse_queries("-- one --\nSELECT 1;\n-- one --\nSELECT 2;\n")


def test_every_query_says_what_it_does_and_is_known_where_it_is_named():
    assert all(statement.startswith("-- ") for statement in queries().values())
    assert set(TABLES) < set(queries())


def test_sql_and_the_lifecycle_mean_the_same_statuses():
    sql = "\n".join((*schemas(), *queries().values()))
    live = re.findall(r"status IN \(('accepted'[^)]*)\)", sql)
    assert len(live) == 8
    assert {frozenset(re.findall(r"\w+", names)) for names in live} == {LIVE}
    every = re.search(r"status IN \(\s*('waiting'[^)]*)\)", sql)
    assert set(re.findall(r"\w+", every[1])) == set(ReservationStatus)
