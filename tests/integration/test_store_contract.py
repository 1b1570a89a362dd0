"""Both drivers keep the Store's contract."""

from __future__ import annotations

from dataclasses import replace

import pytest
import store_world as world

from allocator.domain import events as ev
from allocator.domain.lifecycle import LIVE, ReservationStatus
from allocator.domain.model import StateImage
from allocator.store.aiosqlite_store import AioSqliteStore
from allocator.store.base import (
    Answer,
    Commit,
    ConstraintError,
    HeardRow,
    LedgerEntry,
    OutboxRow,
    Quarantined,
    Store,
    StoreError,
)
from allocator.store.database import open_readonly
from allocator.store.sqlite3_store import Sqlite3Store

BAYS = [world.bay("bay-1"), world.bay("bay-2")]


@pytest.fixture(params=[AioSqliteStore, Sqlite3Store, None], ids=["aiosqlite", "sqlite3", "memory"])
async def store(request, tmp_path):
    made: Store = request.param(str(tmp_path / "city.db")) if request.param else Sqlite3Store()
    await made.open("test")
    yield made
    await made.close()


async def live(store: Store) -> dict[str, str | None]:
    return {it.reservation_id: it.bay for it in (await store.load()).tables.reservations}


def test_the_example_covers_every_event_type():
    assert tuple(type(it) for it in world.ONE_OF_EACH) == ev.EVENT_TYPES


async def test_every_event_type_comes_back_as_it_was(store):
    history = world.recorded(world.ONE_OF_EACH)
    await store.commit(Commit(events=history))
    loaded = await store.load()
    assert loaded.events == history
    assert loaded.tables.position == len(history)
    assert loaded.tables.event_nos == {"zone-a": sum(it.event.published for it in history)}


async def test_every_row_comes_back_as_it_was(store):
    outbox = [OutboxRow(5, "t/5", b"\x00\xff", retain=True), OutboxRow(3, "t/3", b"", retain=False)]
    heard = [HeardRow(bay="bay-9", boot_id=1, seq=2, last_heard_at=3, heartbeat_ms=4)]
    await store.commit(
        Commit(
            bays=list(reversed(BAYS)),
            offers=[world.once(), world.weekly()],
            reservations=[
                world.reservation("rsv-2", "bay-2"),
                world.reservation("rsv-1"),
                world.reservation("rsv-0", status=ReservationStatus.COMPLETED),
            ],
            outbox=outbox,
            heard=heard,
            meta={"timezone": "Asia/Seoul"},
        )
    )
    loaded = await store.load()
    assert loaded.snapshot is None
    assert loaded.tables == StateImage(
        accepted=3,
        offered=2,
        bays=BAYS,
        offers=[world.weekly(), world.once()],
        reservations=[world.reservation("rsv-1"), world.reservation("rsv-2", "bay-2")],
    )
    assert loaded.outbox == list(reversed(outbox))
    assert loaded.heard == heard
    assert loaded.meta == {"timezone": "Asia/Seoul"}


async def test_rows_are_replaced_by_what_they_are_now(store):
    await store.commit(
        Commit(bays=BAYS, offers=[world.weekly()], heard=[HeardRow("bay-1", 1, 1, 1, 1)], meta={"a": "1"})
    )
    changed_bay = replace(BAYS[0], lost=None, closed=False, seq=99)
    changed_offer = replace(world.weekly(), withdrawn=True)
    await store.commit(
        Commit(bays=[changed_bay], offers=[changed_offer], heard=[HeardRow("bay-1", 2, 3, 4, 5)], meta={"a": "2"})
    )
    loaded = await store.load()
    assert loaded.tables.bays == [changed_bay, BAYS[1]]
    assert loaded.tables.offers == [changed_offer]
    assert loaded.heard == [HeardRow("bay-1", 2, 3, 4, 5)]
    assert loaded.meta == {"a": "2"}


async def test_two_reservations_swap_their_bays_in_one_commit(store):
    pair = [world.reservation("rsv-1", "bay-1"), world.reservation("rsv-2", "bay-2")]
    await store.commit(Commit(bays=BAYS, reservations=pair))
    swapped = [replace(pair[0], bay="bay-2"), replace(pair[1], bay="bay-1")]
    with pytest.raises(ConstraintError, match="same bay overlaps"):
        await store.commit(Commit(reservations=swapped))
    await store.commit(Commit(reservations=swapped, moved=["rsv-1", "rsv-2"]))
    assert await live(store) == {"rsv-1": "bay-2", "rsv-2": "bay-1"}


async def test_one_that_ends_makes_room_for_another_in_the_same_commit(store):
    first = world.reservation("rsv-1", vehicle_id="v-same")
    await store.commit(Commit(bays=BAYS, reservations=[first]))
    ended = replace(first, status=ReservationStatus.CANCELLED)
    await store.commit(Commit(reservations=[world.reservation("rsv-2", vehicle_id="v-same"), ended]))
    assert await live(store) == {"rsv-2": "bay-1"}


@pytest.mark.parametrize("status", sorted(LIVE))
async def test_an_overlap_on_a_bay_is_refused_on_insert(store, status):
    await store.commit(Commit(bays=BAYS, reservations=[world.reservation("rsv-1", hours=(0, 2), status=status)]))
    with pytest.raises(ConstraintError, match="same bay overlaps"):
        await store.commit(Commit(reservations=[world.reservation("rsv-2", hours=(1, 3))]))
    await store.commit(Commit(reservations=[world.reservation("rsv-2", hours=(2, 4))]))  # half-open: touching is fine
    assert await live(store) == {"rsv-1": "bay-1", "rsv-2": "bay-1"}


async def test_an_overlap_of_a_vehicle_is_refused_on_insert(store):
    await store.commit(Commit(bays=BAYS, reservations=[world.reservation("rsv-1", vehicle_id="v-same")]))
    with pytest.raises(ConstraintError, match="same vehicle overlaps"):
        await store.commit(Commit(reservations=[world.reservation("rsv-2", "bay-2", (1, 3), vehicle_id="v-same")]))


async def test_an_overlap_is_refused_on_update(store):
    first, second = world.reservation("rsv-1", hours=(0, 2)), world.reservation("rsv-2", hours=(2, 4))
    await store.commit(Commit(bays=BAYS, reservations=[first, second]))
    with pytest.raises(ConstraintError, match="same bay overlaps"):
        await store.commit(Commit(reservations=[replace(first, held_until=first.held_until + world.HOUR)]))
    assert await live(store) == {"rsv-1": "bay-1", "rsv-2": "bay-1"}


async def test_a_refused_commit_leaves_nothing_and_the_store_goes_on(store):
    await store.commit(Commit(bays=BAYS, reservations=[world.reservation("rsv-1")]))
    before = await store.load()
    with pytest.raises(ConstraintError):
        await store.commit(
            Commit(
                events=world.recorded(world.ONE_OF_EACH),
                bays=[replace(BAYS[0], seq=77)],
                reservations=[world.reservation("rsv-2")],
                outbox=[OutboxRow(1, "t", b"", retain=False)],
                meta={"a": "1"},
            )
        )
    assert await store.load() == before
    await store.commit(world.step(1))
    assert (await store.load()).tables.position == 1


async def test_an_answer_is_kept_once_and_found_again(store):
    first = Answer("drivers/drv-1", "q-1", "t/reply", b'{"type":"accepted"}')
    others = [replace(first, party="drivers/drv-2"), replace(first, request_id="q-2")]
    await store.commit(Commit(answers=[first, *others]))
    assert await store.answers([("drivers/drv-1", "q-1"), ("drivers/drv-1", "q-9")]) == {
        ("drivers/drv-1", "q-1"): first
    }
    assert await store.answers([]) == {}
    with pytest.raises(ConstraintError, match="answer"):
        await store.commit(Commit(answers=[replace(first, payload=b"{}")]))
    assert await store.answers([("drivers/drv-1", "q-1")]) == {("drivers/drv-1", "q-1"): first}


async def test_acknowledged_messages_leave_the_outbox(store):
    await store.commit(Commit(outbox=[OutboxRow(number, "t", b"", retain=False) for number in (1, 2, 3)]))
    await store.commit(Commit(outbox=[OutboxRow(4, "t", b"", retain=False)], outbox_done=[1, 3]))
    assert [row.outbox_id for row in (await store.load()).outbox] == [2, 4]


async def test_a_restart_begins_with_the_newest_snapshot_and_the_events_after_it(store):
    history = world.recorded(world.ONE_OF_EACH)
    image = StateImage(
        position=9,
        event_nos={"zone-a": 9},
        accepted=2,
        offered=3,
        bays=[world.bay()],
        offers=[world.weekly(), world.once()],
        reservations=[world.reservation("rsv-1")],
    )
    await store.commit(Commit(events=history[:5], snapshot=StateImage(position=5)))
    await store.commit(Commit(events=history[5:9], snapshot=image))
    await store.commit(Commit(events=history[9:]))
    loaded = await store.load()
    assert loaded.snapshot == image
    assert loaded.events == history[9:]


async def test_a_gap_or_a_repeat_of_positions_is_refused(store):
    for wrong in (2, 0):
        with pytest.raises(ConstraintError, match=f"position {wrong} where 1 is due"):
            await store.commit(Commit(events=[world.recorded(world.ONE_OF_EACH)[0]._replace(position=wrong)]))


async def test_a_ledger_that_does_not_balance_is_refused(store):
    await store.commit(world.step(1))
    with pytest.raises(ConstraintError, match="position 1 sum to -100"):
        await store.commit(Commit(ledger=[LedgerEntry(1, "driver:drv-1", -300), LedgerEntry(1, "operator", 200)]))


async def test_a_ledger_entry_points_at_an_event(store):
    with pytest.raises(ConstraintError, match="FOREIGN KEY"):
        await store.commit(Commit(ledger=[LedgerEntry(1, "driver:drv-1", -1), LedgerEntry(1, "operator", 1)]))


@pytest.mark.parametrize("value", [2**63, "\ud800"], ids=["too large", "half a surrogate"])
async def test_a_value_the_database_cannot_hold_is_refused_like_a_constraint(store, value):
    bay = replace(world.bay(), seq=value) if isinstance(value, int) else replace(world.bay(), lost=value)
    with pytest.raises(ConstraintError):
        await store.commit(Commit(bays=[bay]))
    await store.commit(Commit(bays=BAYS))


async def test_a_store_that_is_not_open_says_so(store):
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="not open"):
        await store.commit(Commit())


async def test_users_can_read_quarantine_ledger_and_occupancy_by_sql(tmp_path):
    path = tmp_path / "city.db"
    store = AioSqliteStore(str(path))
    await store.open("test")
    history = world.recorded(world.ONE_OF_EACH)
    entries = [LedgerEntry(26, "driver:drv-1", -1_200), LedgerEntry(26, "operator", 1_200)]
    await store.commit(
        Commit(events=history, ledger=entries, quarantined=[Quarantined(1, "t/request", b"\xff", "overlap")])
    )
    reader = open_readonly(path)
    assert reader.execute("SELECT * FROM occupancy_change").fetchall() == [
        (6, world.MONDAY_9 + 6, "bay-1", "free", "occupied", world.MONDAY_9, 7, 8, 1)
    ]
    assert reader.execute("SELECT account, amount FROM ledger WHERE position = 26").fetchall() == [
        ("driver:drv-1", -1_200),
        ("operator", 1_200),
    ]
    assert reader.execute("SELECT at, topic, payload, error FROM quarantine").fetchall() == [
        (1, "t/request", b"\xff", "overlap")
    ]
    reader.close()
    await store.close()


async def test_only_the_two_newest_snapshots_are_kept(tmp_path):
    path = tmp_path / "city.db"
    store = Sqlite3Store(str(path))
    await store.open("test")
    for position in (1, 2, 3, 3):
        await store.commit(Commit(snapshot=StateImage(position=position)))
    reader = open_readonly(path)
    assert reader.execute("SELECT position FROM snapshot ORDER BY position").fetchall() == [(2,), (3,)]
    reader.close()
    await store.close()
