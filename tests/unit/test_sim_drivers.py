"""What a driver does about each reply."""

from __future__ import annotations

import pytest
from sim_world import HOUR, MINUTE, NOBODY_HOME, of_kind, reply, scenario, world

from broker_bridge.wire.topics import TopicKind
from sensors_sim.engine.trip import PHASES, Phase, Trip

PLAIN = {
    "requests_per_hour": 30.0, "pool": 1, "no_show_share": 0, "cancel_share": 0, "early_share": 0,
    "overstay_share": 0, "tells_share": 1.0, "first_short": 1_000,
}  # fmt: skip
BAY, OTHER = "street-0001", "street-0002"
_POSITION = iter(range(1, 1_000_000))


class OneDriver:
    """A street that is empty all day, and its only driver's talk with the allocator."""

    def __init__(self, **changes):
        rules = scenario(drivers=PLAIN | changes, **NOBODY_HOME)
        self.world = world(rules)
        self.start_ms = rules.start_ms
        self.first = self.until("request")

    def until(self, kind, within=4 * HOUR):
        """The driver's next message of that type, or None."""
        end = self.world.now_ms + within
        while self.world.now_ms < end:
            for message in of_kind(self.world.advance(self.world.now_ms + 1_000), TopicKind.DRIVER_REQUEST):
                if message.type == kind:
                    return message
        return None

    def hears(self, kind, request_id=None, **more):
        more.setdefault("reservation_id", "r-1")
        reply(self.world, "drv-1", kind, request_id or self.first.request_id, next(_POSITION), **more)

    def promised(self, bay=BAY):
        until = self.first.arrive_at + self.first.stay_min * MINUTE
        self.hears("accepted", from_at=self.first.arrive_at, until=until)
        self.hears("bound", bay=bay)

    @property
    def standing(self):
        return {bay: car.kind for bay, car in self.world.truth.standing.items()}


def test_a_request_is_repeated_until_it_is_answered():
    driver = OneDriver()
    assert driver.until("request") == driver.first
    driver.hears("rejected", reason="no_bay", reservation_id=None)
    following = driver.until("request")
    assert following.request_id != driver.first.request_id
    assert driver.world.counts["rejected"] == 1


def test_a_driver_parks_says_so_stays_leaves_and_says_so():
    driver = OneDriver()
    driver.promised()
    arrive = driver.until("arrive")
    assert (arrive.blocked, arrive.reservation_id) == (False, "r-1")
    assert driver.standing == {BAY: "guest"}
    driver.hears("active", arrive.request_id)
    leave = driver.until("leave")
    assert driver.standing == {}
    assert driver.world.now_ms < driver.first.arrive_at + (driver.first.stay_min + 1) * MINUTE
    driver.hears("completed", leave.request_id)
    assert driver.until("request").request_id != driver.first.request_id
    counted = [driver.world.counts[kind] for kind in ("accepted", "bound", "active", "completed")]
    assert counted == [1, 1, 1, 1]


def test_a_driver_finds_the_bay_taken_and_goes_where_the_reply_says():
    driver = OneDriver()
    driver.promised()
    driver.world.truth.park(BAY, "squatter", "s", driver.world.now_ms)
    arrive = driver.until("arrive")
    assert arrive.blocked
    assert driver.standing == {BAY: "squatter"}
    driver.hears("relocated", arrive.request_id, bay=OTHER)
    told = driver.until("arrive")
    assert not told.blocked
    assert driver.standing == {BAY: "squatter", OTHER: "guest"}


@pytest.mark.parametrize("answer", ["failed", "rejected"])
def test_a_driver_without_a_substitute_goes_away(answer):
    driver = OneDriver()
    driver.promised()
    driver.world.truth.park(BAY, "squatter", "s", driver.world.now_ms)
    driver.hears(answer, driver.until("arrive").request_id, reason="contested")
    assert driver.standing == {BAY: "squatter"}
    assert driver.until("request").request_id != driver.first.request_id


def test_a_driver_who_is_moved_on_the_way_never_sees_the_first_bay():
    driver = OneDriver()
    driver.promised()
    driver.hears("relocated", bay=OTHER)
    driver.until("arrive")
    assert driver.standing == {OTHER: "guest"}


def test_a_parked_driver_who_is_moved_drives_on():
    driver = OneDriver()
    driver.promised()
    driver.hears("rejected", driver.until("arrive").request_id, reason="not_bound")
    driver.hears("relocated", bay=OTHER)
    assert driver.standing == {}
    driver.until("arrive")
    assert driver.standing == {OTHER: "guest"}


def test_a_no_show_never_comes():
    driver = OneDriver(no_show_share=1.0)
    driver.promised()
    assert driver.until("arrive", within=2 * HOUR) is None
    assert driver.standing == {}


def test_a_driver_cancels_before_the_start():
    driver = OneDriver(cancel_share=1.0)
    driver.promised()
    cancel = driver.until("cancel")
    assert driver.world.now_ms <= driver.first.arrive_at + 1_000
    driver.hears("cancelled", cancel.request_id)
    assert driver.until("request") is not None


def test_an_overstayer_heeds_the_warning():
    driver = OneDriver(overstay_share=1.0)
    driver.promised()
    driver.hears("active", driver.until("arrive").request_id)
    end_ms = driver.first.arrive_at + driver.first.stay_min * MINUTE
    driver.world.advance(end_ms + 1_000)
    assert driver.standing == {BAY: "guest"}
    driver.hears("warned")
    driver.world.advance(end_ms + 6 * MINUTE)
    assert driver.standing == {}


def test_some_let_the_sensor_tell():
    driver = OneDriver(tells_share=0.0)
    driver.promised()
    assert driver.until("arrive", within=30 * MINUTE) is None
    stays = [stood.kind for stood in driver.world.truth.past]
    assert stays == ["guest"]


def test_a_driver_who_was_told_no_bay_asks_where_it_is():
    driver = OneDriver()
    driver.hears("accepted", until=driver.first.arrive_at + 10 * MINUTE)
    query = driver.until("query")
    driver.hears("state", query.request_id, status="bound", bay=BAY)
    driver.until("arrive")
    assert driver.standing == {BAY: "guest"}


def test_a_reply_that_comes_twice_counts_once():
    driver = OneDriver()
    for _ in range(2):
        reply(driver.world, "drv-1", "accepted", driver.first.request_id, 7, reservation_id="r-1")
    assert driver.world.counts["accepted"] == 1


def test_a_reply_to_somebody_unknown_changes_nothing():
    driver = OneDriver()
    reply(driver.world, "drv-9", "accepted", "trip-of-another-time", 1, reservation_id="r-9")
    assert driver.world.counts["accepted"] == 0


@pytest.mark.parametrize("before", list(Phase))
@pytest.mark.parametrize("after", list(Phase))
def test_a_trip_goes_only_where_its_table_allows(before, after):
    trip = Trip(driver="d", request_id="q", wish=None, from_ms=0, until_ms=1, phase=before)
    if after in PHASES[before]:
        trip.enter(after)
        assert trip.phase is after
    else:
        with pytest.raises(ValueError, match="cannot become"):
            trip.enter(after)
