"""What a comparison says, and the messages that ingest is measured with."""

from __future__ import annotations

import json

import pytest

from baybroker.bench.compare import compare, percentile
from baybroker.bench.world import occupancy_packets, specs


def compared(ours, peer, bound="at least", target=0.7):
    return compare("it", "messages/s", ours, peer, peer_is="a peer", bound=bound, target=target)


def test_the_ratio_is_taken_within_each_repetition():
    result = compared([70, 90, 400], [100, 100, 200])
    assert (result.ratio.min, result.ratio.median, result.ratio.max) == (0.7, 0.9, 2.0)
    assert (result.ours.median, result.peer.median) == (90, 100)


@pytest.mark.parametrize(
    ("bound", "ratio", "met"), [("at least", 0.69, False), ("at least", 0.7, True), ("at most", 0.71, False)]
)
def test_the_target_is_judged_by_the_median(bound, ratio, met):
    result = compared([ratio * 100, 0.1, 900], [100, 100, 100], bound)
    assert (result.met, result.target) == (met, f"{bound} 0.7 x")


def test_a_row_without_a_target_is_not_judged():
    assert compared([1], [1], target=None).met is None


@pytest.mark.parametrize(("percent", "expected"), [(50, 2), (99, 4), (25, 1), (26, 2)])
def test_a_percentile_is_one_of_the_values(percent, expected):
    assert percentile([4, 1, 3, 2], percent) == expected


def test_half_of_the_sensors_messages_change_their_bays_state():
    packets, changes = occupancy_packets(4_000, 100, 1_000)
    shown, counted = {}, 0
    for topic, payload in packets:
        status = json.loads(payload)["status"]
        counted += shown.get(topic) != status
        shown[topic] = status
    assert counted == changes
    assert changes == pytest.approx(2_000, rel=0.05)
    assert len(shown) == 100


def test_a_register_has_every_bay_once_and_in_one_zone():
    register = specs(1_050)
    assert len({spec.bay for spec in register}) == 1_050
    assert len({(spec.lat, spec.lon) for spec in register}) == 1_050
    assert {spec.zone for spec in register} == {f"z-{number}" for number in range(11)}
