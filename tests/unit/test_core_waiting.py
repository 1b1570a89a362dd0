"""Requests that wait for a bay, those that a policy collects, and the tick."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from deskwork import LAT, LON, START, DeskWork, restart, spec

from allocator.core import Settings
from allocator.domain import commands as c
from allocator.domain import events as e
from allocator.domain.interval import HOUR_MS, MINUTE_MS
from allocator.domain.lifecycle import ReservationStatus
from allocator.matching.policies import BindLate, Policy


def full_work(**settings):
    """One bay, booked by drv-1 from 10:00 to 11:00."""
    work = DeskWork(spec("b1"), settings=Settings(**settings))
    assert work.request("drv-1", lead_min=60) == "accepted"
    return work


def wait(work: DeskWork, driver: str = "drv-2", *, wait_min: float = 240, **more) -> str:
    return work.request(driver, **{"lead_min": 60} | more, wait_until=work.now + round(wait_min * MINUTE_MS))


def kinds(work: DeskWork, driver: str) -> list[str]:
    return [reply["type"] for reply in work.replies(driver)]


def test_one_who_finds_no_bay_waits_and_is_told_until_when():
    work = full_work()
    assert wait(work, wait_min=30) == "waitlisted"
    reply = work.replies("drv-2")[0]
    assert (reply["reservation_id"], reply["until"]) == ("r-2", "2026-03-02T00:30:00.000Z")
    assert not {"bay", "walk_m"} & reply.keys()
    assert work.say("drv-2", "query", "r-2")["status"] == "waiting"
    public = [said["data"] for topic, said in work.sent if said.get("type") == "baybroker.request_waitlisted.v1"]
    assert not {"held_from", "max_price_won", "vehicle_id", "lat"} & public[0].keys()


def test_a_cancelled_booking_is_given_at_once_to_the_first_who_waits():
    work = full_work()
    wait(work, "drv-2")
    wait(work, "drv-3")
    work.say("drv-1", "cancel", "r-1")
    assert (kinds(work, "drv-2"), kinds(work, "drv-3")) == (["waitlisted", "accepted"], ["waitlisted"])
    assert work.replies("drv-2")[1]["request_id"] == work.replies("drv-2")[0]["request_id"]
    work.pass_minutes(46)
    assert work.replies("drv-2")[-1]["bay"] == "b1"


@pytest.mark.parametrize("ending", ["no_show", "completed"])
def test_a_bay_that_gets_free_is_given_to_one_who_waits(ending):
    work = DeskWork(spec("b1"))
    work.request("drv-1", lead_min=5, stay_min=120)
    wait(work, "drv-2", lead_min=5)
    work.pass_minutes(5)
    if ending == "completed":
        work.sense("b1", "occupied")
        work.pass_minutes(5)
        work.sense("b1", "free")
        work.pass_minutes(1)
    else:
        work.pass_minutes(15)
    assert kinds(work, "drv-2") == ["waitlisted", "accepted", "bound"]


def test_a_stay_that_should_have_begun_begins_now_and_is_as_long():
    work = full_work()
    wait(work, "drv-2", stay_min=40)
    work.pass_minutes(70)
    work.say("drv-1", "cancel", "r-1")
    accepted = work.named(e.ReservationAccepted)[-1]
    assert accepted.from_at - START == 70 * MINUTE_MS
    assert accepted.until - accepted.from_at == 40 * MINUTE_MS


def test_a_new_offer_an_opened_bay_and_a_restored_sensor_end_a_wait():
    work = DeskWork(spec("b1"), spec("b2", east_m=10), spec("b3", east_m=20), free=False)
    for n, bay in enumerate(("b1", "b2", "b3"), 1):
        assert wait(work, f"drv-{n}", lead_min=5) == "waitlisted"
        work.sense(bay, "free")
        assert kinds(work, f"drv-{n}") == ["waitlisted", "accepted", "bound"]
    wait(work, "drv-4", lead_min=12 * 60)
    late = c.OfferOnce(
        resident="res-b1", request_id="late", bay="b1", from_at=work.now + 11 * HOUR_MS, until=work.now + 20 * HOUR_MS
    )
    work.give(late)
    assert kinds(work, "drv-4") == ["waitlisted", "accepted"]


def test_what_no_event_brings_the_tick_finds():
    work = DeskWork(spec("b1"), settings=Settings(policy=_Shy()))
    assert wait(work) == "waitlisted"
    work.pass_minutes(4.9)
    assert kinds(work, "drv-2") == ["waitlisted"]
    work.pass_minutes(0.2)
    assert kinds(work, "drv-2") == ["waitlisted", "accepted"]


class _Shy(Policy):
    """Finds nothing in the first minute."""

    name = "shy"
    bind_lead_ms = 15 * MINUTE_MS

    def place(self, board, wanted, now):
        return BindLate().place(board, wanted._replace(exclude="b1") if now < START + MINUTE_MS else wanted, now)


def test_a_wait_that_is_over_is_refused_and_its_place_taken_away():
    work = full_work()
    wait(work, wait_min=30)
    work.pass_minutes(30)
    assert kinds(work, "drv-2") == ["waitlisted", "rejected"]
    assert work.replies("drv-2")[-1]["reason"] == "wait_over"
    assert list(work.state.reservations) == ["r-1"]
    assert work.commits[-1].reservations[0].status is ReservationStatus.REJECTED


def test_who_waits_may_cancel_and_is_refused_what_needs_a_bay():
    work = full_work()
    wait(work)
    assert work.say("drv-2", "arrive", "r-2")["reason"] == "not_bound"
    assert work.say("drv-2", "extend", "r-2", extend_ms=MINUTE_MS)["reason"] == "not_active"
    assert work.say("drv-2", "cancel", "r-2")["type"] == "cancelled"
    work.say("drv-1", "cancel", "r-1")
    assert len(work.named(e.ReservationAccepted)) == 1


def test_only_so_many_wait_and_only_for_a_time_that_is_still_to_come():
    work = full_work(waiting_max=1)
    assert wait(work, wait_min=0) == "rejected"
    assert wait(work, "drv-2") == "waitlisted"
    assert wait(work, "drv-3") == "rejected"
    assert work.replies("drv-3")[0]["reason"] == "no_bay"


def test_a_vehicle_that_got_another_bay_meanwhile_keeps_waiting():
    work = DeskWork(spec("b1"), spec("b2", east_m=200))
    work.request("drv-1", lead_min=60, max_walk_m=100)
    wait(work, "drv-2", max_walk_m=100)
    assert work.request("drv-2", lead_min=60) == "accepted"
    work.say("drv-1", "cancel", "r-1")
    work.pass_minutes(10)
    assert kinds(work, "drv-2") == ["waitlisted", "accepted"]
    work.say("drv-2", "cancel", "r-3")
    work.pass_minutes(5)
    assert kinds(work, "drv-2") == ["waitlisted", "accepted", "cancelled", "accepted"]


def test_who_waits_is_not_forgotten_by_a_restart_nor_is_the_order():
    work = DeskWork(spec("b1"), spec("b2", east_m=2000))
    for n in range(9):
        work.request(f"old-{n}", lead_min=60, stay_min=20, lon=LON + 2000 / 88_400)
    work.request("drv-1", lead_min=60)
    for n in range(2, 5):
        wait(work, f"drv-{n}", wait_min=60 + n)
    restart(work)
    work.say("drv-1", "cancel", work.replies("drv-1")[0]["reservation_id"])
    assert kinds(work, "drv-2") == ["waitlisted", "accepted"]
    work.pass_minutes(70)
    assert kinds(work, "drv-3") == kinds(work, "drv-4") == ["waitlisted", "rejected"]


@dataclass(frozen=True, slots=True)
class Collects(BindLate):
    """Gives the bays, in the order of their names, to those who asked last."""

    name: str = "collects"
    batch_ms: int | None = 2 * MINUTE_MS

    def place_together(self, board, wanted, now):  # noqa: ARG002 - the protocol's
        given = [None] * len(wanted)
        for bay in sorted(board.number):
            for n in reversed(range(len(wanted))):
                mask = board.calendars.mask(wanted[n].held)
                free = board.calendars.offered(board.number[bay], mask) and not board.calendars.held(
                    board.number[bay], mask
                )
                if given[n] is None and free:
                    given[n] = bay
                    break
        return given


def test_a_policy_that_collects_answers_at_the_end_of_its_window():
    work = DeskWork(spec("b1"), settings=Settings(policy=Collects()))
    assert [work.request(f"drv-{n}") for n in range(2)] == ["waitlisted"] * 2
    assert wait(work, "drv-2", max_walk_m=1, lat=LAT) == "waitlisted"
    work.pass_minutes(1.9)
    assert kinds(work, "drv-1") == ["waitlisted"]
    work.pass_minutes(0.2)
    assert kinds(work, "drv-2") == ["waitlisted", "accepted"]
    assert kinds(work, "drv-0") == kinds(work, "drv-1") == ["waitlisted", "rejected"]
    assert work.replies("drv-0")[-1]["reason"] == "no_bay"


def test_one_with_a_time_of_his_own_waits_for_the_next_batches():
    work = DeskWork(spec("b1"), settings=Settings(policy=Collects()))
    wait(work, "drv-1", lead_min=60)
    work.request("drv-2", lead_min=60)
    work.pass_minutes(2)
    assert (kinds(work, "drv-2")[1:], kinds(work, "drv-1")[1:]) == (["accepted"], [])
    work.say("drv-2", "cancel", "r-2")
    work.pass_minutes(2)
    assert kinds(work, "drv-1") == ["waitlisted", "accepted"]


def test_a_batch_puts_no_vehicle_in_two_places():
    work = DeskWork(spec("b1"), spec("b2", east_m=10), settings=Settings(policy=Collects()))
    for driver in ("drv-1", "drv-2"):
        assert work.request(driver, vehicle_id="the same") == "waitlisted"
    work.pass_minutes(2)
    assert (kinds(work, "drv-1")[-1], kinds(work, "drv-2")[-1]) == ("accepted", "rejected")


class _Improves(Policy):
    """Moves everybody on b2 to b1, once."""

    name = "improves"
    bind_lead_ms = 15 * MINUTE_MS

    def place(self, board, wanted, now):
        return BindLate().place(board, wanted, now)

    def improve(self, board, now):  # noqa: ARG002 - the protocol's
        held = [it for it in board.on_bay[1].values() if it.status is ReservationStatus.ACCEPTED]
        return tuple(e.Move(reservation_id=it.reservation_id, from_bay="b2", to_bay="b1", walk_m=0) for it in held)


def test_a_tick_lets_the_policy_shorten_walks_and_is_no_event_where_it_has_nothing_to_do():
    work = DeskWork(spec("b1"), spec("b2", east_m=100), settings=Settings(policy=_Improves()))
    work.request("drv-1")
    work.request("drv-2")
    work.say("drv-1", "cancel", "r-1")
    position = work.state.position
    work.pass_minutes(11)
    assert [event.moves[0].to_bay for event in work.named(e.Replanned)] == ["b1"]
    assert work.state.position == position + 1
    assert kinds(work, "drv-2") == ["accepted"]
