"""The world in virtual time: residents, sensors and their faults."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import pytest
from sim_world import DAY, HOUR, MINUTE, NOBODY_HOME, digest, of_kind, scenario, wire, world

from broker_bridge.wire import codec
from broker_bridge.wire.topics import TopicKind
from sensors_sim.engine.stage import WHOLE, Portion
from sensors_sim.scenario import load_scenario

FAULTY = {"duplicate_share": 0.2, "late_share": 0.2, "offline_per_day": 2.0, "offline_mean_min": 30.0}
LIVELY = {"squatters": {"per_bay_day": 4.0}, "drivers": {"requests_per_hour": 10.0}}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    rules = scenario(**LIVELY, sensors=FAULTY)
    one, two, other = (digest(world(rules, seed).advance(rules.start_ms + DAY)) for seed in (7, 7, 8))
    assert one == two
    assert one != other


def test_how_finely_it_is_advanced_changes_nothing():
    rules = scenario(**LIVELY, sensors=FAULTY)
    at_once = wire(world(rules).advance(rules.start_ms + 6 * HOUR))
    by_minutes = world(rules)
    assert at_once == wire(one for minute in range(361) for one in by_minutes.advance(rules.start_ms + minute * MINUTE))


def test_what_it_says_is_valid_on_the_wire_and_in_the_order_of_time():
    rules = scenario(**LIVELY, sensors=FAULTY)
    said = world(rules).advance(rules.start_ms + DAY)
    assert [one.at_ms for one in said] == sorted(one.at_ms for one in said)
    assert {one.kind for one in said} == {
        TopicKind.OCCUPANCY, TopicKind.DEVICE, TopicKind.DRIVER_REQUEST, TopicKind.RESIDENT_OFFER,
    }  # fmt: skip
    for one in said:
        assert codec.decode(one.kind, codec.encode(one.message)) == one.message


def test_residents_are_away_by_day_and_at_home_by_night():
    rules = scenario(bays=200, offers={"weekly_share": 0})
    running = world(rules)
    free: dict[int, list[int]] = defaultdict(list)
    for hour in range(1, 5 * 24):
        running.advance(rules.start_ms + hour * HOUR)
        free[(9 + hour) % 24].append(200 - len(running.truth.standing))
    assert min(free[13]) > 140
    assert min(free[13]) > max(free[4]) > 100, "as in the profile's city, a third is at home by night"


def test_residents_of_one_street_keep_different_hours():
    rules = scenario(bays=100)
    running = world(rules)
    running.advance(rules.start_ms + DAY)
    left = {stood.until_ms // MINUTE for stood in running.truth.past if stood.kind == "resident"}
    assert len(left) > 40


def test_who_offers_weekly_is_mostly_out_of_the_window():
    rules = scenario(bays=200, offers={"weekly_share": 1.0})
    running = world(rules)
    offers = of_kind(running.advance(rules.start_ms), TopicKind.RESIDENT_OFFER)
    assert {offer.type for offer in offers} == {"weekly"}
    assert {(offer.start, offer.end) for offer in offers} == {
        ("09:00", "18:00"), ("08:30", "19:00"), ("09:00", "19:00"),
    }  # fmt: skip
    running.advance(rules.start_ms + 30 * HOUR)
    assert len(running.truth.standing) < 20, "15:00 on Tuesday"


def test_an_offer_is_repeated_word_for_word_until_it_is_answered():
    rules = scenario(bays=1, offers={"weekly_share": 1.0})
    offers = of_kind(world(rules).advance(rules.start_ms + 20 * MINUTE), TopicKind.RESIDENT_OFFER)
    assert len(offers) == 4, "at 0, 2, 6 and 14 minutes"
    assert len({offer.request_id for offer in offers}) == 1


def test_who_has_no_weekly_offer_may_offer_a_single_absence():
    rules = scenario(bays=100, offers={"weekly_share": 0.0, "once_share": 1.0})
    said = world(rules).advance(rules.start_ms)
    offers = of_kind(said, TopicKind.RESIDENT_OFFER)
    assert len(offers) > 40
    assert all(offer.type == "once" and offer.until - offer.from_at >= HOUR for offer in offers)


def test_a_resident_lets_the_bay_open_itself_once_and_for_all():
    rules = scenario(bays=100, offers={"weekly_share": 0.3, "auto_share": 1.0, "once_share": 1.0})
    offers = of_kind(world(rules).advance(rules.start_ms), TopicKind.RESIDENT_OFFER)
    kinds = [offer.type for offer in offers]
    assert len(kinds) == 100
    assert set(kinds) == {"weekly", "auto"}
    assert kinds.count("auto") > 50


def test_every_sensor_says_at_its_birth_what_is_there():
    rules = scenario()
    running = world(rules)
    said = running.advance(rules.start_ms)
    states = {one.names["bay"]: one.message for one in said if one.kind is TopicKind.OCCUPANCY}
    assert len(states) == 12
    for bay, message in states.items():
        assert message.status == ("occupied" if running.truth.occupied(bay) else "free")
        assert (message.boot_id, message.seq, message.observed_at) == (rules.start_ms, 0, rules.start_ms)


def test_seq_counts_from_0_at_each_boot_and_on_each_topic():
    rules = scenario(bays=30, squatters={"per_bay_day": 10.0}, sensors=FAULTY)
    running = world(rules)
    counted: dict[tuple[str, str, int], Counter[int]] = defaultdict(Counter)
    for one in running.advance(rules.start_ms + 2 * DAY):
        if one.kind in {TopicKind.OCCUPANCY, TopicKind.DEVICE}:
            counted[one.names["bay"], one.kind, one.message.boot_id][one.message.seq] += 1
    assert running.counts["outages"] > 20
    assert len({boot for _, _, boot in counted}) > 20
    late_at_the_end = 0
    for seqs in counted.values():
        late_at_the_end += max(seqs) + 1 - len(seqs)
        assert max(seqs.values()) <= 2
    assert late_at_the_end <= 3, "what is still under way"
    assert running.counts["duplicates"] > 50 < running.counts["late"]


def test_without_faults_every_message_of_a_sensor_is_one_further():
    rules = scenario(squatters={"per_bay_day": 10.0})
    last: dict[tuple[str, str], int] = defaultdict(lambda: -1)
    for one in world(rules).advance(rules.start_ms + DAY):
        if one.kind in {TopicKind.OCCUPANCY, TopicKind.DEVICE}:
            key = (one.names["bay"], one.kind)
            assert one.message.seq == last[key] + 1
            last[key] = one.message.seq


def test_late_messages_are_overtaken_but_told_within_a_minute():
    rules = scenario(bays=30, squatters={"per_bay_day": 10.0}, sensors=FAULTY)
    said = world(rules).advance(rules.start_ms + DAY)
    late = [one.at_ms - one.message.observed_at for one in said if one.kind is TopicKind.OCCUPANCY]
    assert 5_000 <= max(late) < MINUTE


@pytest.mark.parametrize("heartbeat_s", [600, 3_600])
def test_the_heartbeat_is_as_told(heartbeat_s):
    rules = scenario(bays=3, sensors={"heartbeat_s": heartbeat_s, "duplicate_share": 0, "late_share": 0})
    beats = defaultdict(list)
    for one in world(rules).advance(rules.start_ms + DAY):
        if one.kind is TopicKind.DEVICE:
            assert one.message.heartbeat_s == heartbeat_s
            beats[one.names["bay"]].append(one.at_ms)
    for times in beats.values():
        gaps = {later - earlier for earlier, later in itertools.pairwise(times[1:])}
        assert gaps == {heartbeat_s * 1000}


def test_a_quiet_world_says_births_and_changes_only():
    rules = scenario(bays=30, squatters={"per_bay_day": 10.0}, sensors={"duplicate_share": 0, "late_share": 0})
    running = world(rules, quiet=True)
    said = running.advance(rules.start_ms + DAY)
    status = {}
    for one in said:
        if one.kind is TopicKind.OCCUPANCY:
            assert status.get(one.names["bay"]) != one.message.status or one.message.seq == 0
            status[one.names["bay"]] = one.message.status
    devices = of_kind(said, TopicKind.DEVICE)
    assert len({message.boot_id for message in devices}) >= 1
    assert all(message.seq == 0 and message.heartbeat_s == 604_800 for message in devices)
    assert running.counts["arrivals"] > 50


def test_a_sensor_notices_a_car_after_its_delay():
    rules = scenario(bays=40, squatters={"per_bay_day": 10.0}, **NOBODY_HOME)
    rules = rules.model_copy(update={"sensors": rules.sensors.model_copy(update={"heartbeat_s": 604_800})})
    running = world(rules)
    delays = []
    for one in running.advance(rules.start_ms + 10 * HOUR):
        if one.kind is TopicKind.OCCUPANCY and one.message.seq > 0 and one.message.status == "occupied":
            bay = one.names["bay"]
            cars = [stood.since_ms for stood in running.truth.past if stood.bay == bay]
            cars += [running.truth.standing[bay].since_ms] if bay in running.truth.standing else []
            delays.append(min(one.at_ms - since for since in cars if since <= one.at_ms))
    assert len(delays) > 20
    assert all(0 < delay < 8_000 for delay in delays)


def test_the_truth_is_kept_beside_what_the_sensors_say():
    rules = scenario(bays=30, squatters={"per_bay_day": 10.0}, sensors={"offline_per_day": 20.0})
    running = world(rules)
    running.advance(rules.start_ms + 8 * HOUR)
    said, real = running.truth.said, running.truth.standing
    wrong = [bay for bay in said if (said[bay] == "occupied") != (bay in real)]
    assert 0 < len(wrong) < 30, "sensors that are offline do not know better"


def test_a_gateway_announces_its_own_bays_again():
    rules = scenario()
    running = world(rules)
    running.advance(rules.start_ms + MINUTE)
    said = running.announce("gw-street-01")
    assert {one.sender for one in said} == {"gw-street-01"}
    assert len(said) == 12
    assert all(one.message.seq == 1 for one in said)


def test_a_world_that_continues_asks_with_ids_of_its_own():
    rules = scenario(drivers={"requests_per_hour": 60.0})
    later = rules.start_ms + HOUR
    ids = [
        {message.request_id for message in of_kind(one.advance(one.start_ms + HOUR), TopicKind.DRIVER_REQUEST)}
        for one in (world(rules), world(rules, start_ms=later))
    ]
    assert min(len(some) for some in ids) > 5
    assert not ids[0] & ids[1]


def test_the_demo_begins_warm():
    rules = load_scenario("demo")
    running = world(rules, rules.seed)
    assert 150 < 300 - running.occupied_at_start < 285
    asked = of_kind(running.advance(rules.start_ms + 20 * MINUTE), TopicKind.DRIVER_REQUEST)
    first = list({message.request_id: message for message in asked}.values())[:8]
    assert all(5 <= message.stay_min <= 10 for message in first)
    assert running.counts["squatted"] > 0


def test_the_portions_of_a_city_say_together_what_the_whole_says():
    zones = [
        {"name": name, "lat": lat, "lon": 126.9296, "bays": 40, "streets": 2}
        for name, lat in (("north", 37.6), ("middle", 37.52), ("south", 37.4842))
    ]
    rules = scenario(
        zones=zones,
        drivers={"requests_per_hour": 30.0, "background_share": 0.5, "pool": 2_000},
        squatters={"per_bay_day": 1.0},
        offers={"weekly_share": 0.4, "auto_share": 0.2, "once_share": 0.5},
        sensors={"duplicate_share": 0.1, "late_share": 0.1, "offline_per_day": 1},
        faults=[
            {"kind": "gateway_down", "per_day": 3.0, "for_min": 20},
            {"kind": "flapping", "after_min": 60, "for_min": 10, "share": 0.1, "flap_s": 30},
        ],
    )
    portions = [Portion(frozenset({"north", "south"}), 0, 2), Portion(frozenset({"middle"}), 1, 2)]
    worlds = [world(rules, portion=portion) for portion in (WHOLE, *portions)]
    whole, *parts = (one.advance(rules.start_ms + DAY) for one in worlds)
    all_said, *said = (Counter(_nameless(part)) for part in (whole, *parts))
    assert said[0] + said[1] == all_said
    assert min(sum(part.values()) for part in said) > 500
    assert not _names(parts[0]) & _names(parts[1]), "each has drivers and requests of its own"


def _nameless(said):
    """What was said, but for the names of drivers, vehicles and requests."""
    for one in said:
        names = {key: name for key, name in one.names.items() if key != "driver"}
        yield one.at_ms, one.kind, repr(names), repr(one.message.model_dump(exclude={"request_id", "vehicle_id"}))


def _names(said):
    return {(one.names.get("driver"), getattr(one.message, "request_id", None)) for one in said} - {(None, None)}
