"""Portions of a city: zones that nobody walks between, in groups that are worth a process."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sim_world import scenario

from baybroker.lab.trial.portions import portions_of
from sensors_sim.city import build_city, city_of
from sensors_sim.engine.chance import streams
from sensors_sim.engine.stage import WHOLE

WALK_M = 400
M = 1 / 111_320


def city(**bays_at):
    """A city of zones, each so many (bays, metres to the north)."""
    zones = [
        {"name": name, "lat": 37.4842 + north_m * M, "lon": 126.9296, "bays": bays, "streets": 1}
        for name, (bays, north_m) in bays_at.items()
    ]
    return build_city(scenario(zones=zones), streams(1).city)


def zones_of(of, bays_least=10):
    return [set(portion.zones or ()) for portion in portions_of(of, WALK_M, bays_least)]


def test_zones_two_walks_apart_are_portions_and_nearer_ones_are_not():
    assert zones_of(city(a=(20, 0), b=(20, 850))) == [{"a"}, {"b"}]
    assert zones_of(city(a=(20, 0), b=(20, 780))) == [set()]


def test_a_zone_between_two_holds_them_together():
    assert zones_of(city(a=(20, 0), between=(20, 600), b=(20, 1200))) == [set()]


def test_small_groups_join_the_smallest_portion():
    assert zones_of(city(a=(40, 0), b=(30, 2_000), c=(6, 4_000), d=(3, 6_000))) == [{"a"}, {"b", "c", "d"}]


def test_a_city_of_too_few_bays_is_one():
    assert portions_of(city(a=(20, 0), b=(20, 2_000)), WALK_M, 21) == (WHOLE,)
    assert portions_of(city(a=(20, 0), b=(20, 2_000)), WALK_M) == (WHOLE,)


def test_portions_are_numbered_and_zones_that_share_a_gateway_stay_together():
    apart = city(a=(20, 0), b=(20, 2_000))
    assert [(portion.number, portion.of) for portion in portions_of(apart, WALK_M, 10)] == [(0, 2), (1, 2)]
    one_gateway = city_of("tiny", [replace(bay, gateway="gw") for bay in apart.bays.values()])
    assert portions_of(one_gateway, WALK_M, 10) == (WHOLE,)


@pytest.mark.parametrize("east_m", [0, 300])
def test_the_distance_is_that_of_the_nearest_bays_in_any_direction(east_m):
    bays = list(city(a=(20, 0), b=(20, 100)).bays.values())
    moved = [replace(bay, lon=bay.lon + 0.0095 + east_m * M) if bay.zone == "b" else bay for bay in bays]
    assert len(portions_of(city_of("tiny", moved), WALK_M, 10)) == (2 if east_m else 1)
