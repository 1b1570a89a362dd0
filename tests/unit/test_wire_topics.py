"""The topic grammar and MQTT filters."""

from __future__ import annotations

import pytest

from broker_bridge.wire.errors import BadMessageError
from broker_bridge.wire.topics import TopicKind, build, matches, parse, subscription

OCCUPANCY = "parking/v1/seoul/gateways/gw-1/bays/z-1/b-7/occupancy"


def test_builds_and_parses():
    assert build(TopicKind.OCCUPANCY, "seoul", gateway="gw-1", zone="z-1", bay="b-7") == OCCUPANCY
    topic = parse(OCCUPANCY)
    assert (topic.kind, topic.city) == (TopicKind.OCCUPANCY, "seoul")
    assert topic.names == {"gateway": "gw-1", "zone": "z-1", "bay": "b-7"}


@pytest.mark.parametrize("name", ["", "A", "b_1", "b 1", "b+", "#", "b/1", "é", "b.1", "a" * 65, "b\n", "$sys"])
def test_refuses_a_name_outside_the_alphabet(name):
    with pytest.raises(BadMessageError) as caught:
        build(TopicKind.CLOCK, name)
    assert caught.value.reason == "topic_alphabet"


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("", "topic_unknown"),
        ("parking/v1/seoul", "topic_unknown"),
        ("parking/v2/seoul/clock", "topic_unknown"),
        ("Parking/v1/seoul/clock", "topic_unknown"),
        ("parking/v1/seoul/clock/", "topic_unknown"),
        ("/parking/v1/seoul/clock", "topic_unknown"),
        ("parking/v1/seoul/bays/z-1/b-7/occupancy", "topic_unknown"),
        ("parking/v1/seoul/gateways/gw-1/cars/z-1/b-7/occupancy", "topic_unknown"),
        ("parking/v1/Seoul/clock", "topic_alphabet"),
        ("parking/v1/seoul/gateways/GW/status", "topic_alphabet"),
        ("parking/v1/seoul/gateways//status", "topic_alphabet"),
    ],
)
def test_refuses_what_is_no_topic_of_the_contract(topic, reason):
    with pytest.raises(BadMessageError) as caught:
        parse(topic)
    assert caught.value.reason == reason


def test_subscription_narrows_to_the_given_names():
    assert subscription(TopicKind.DRIVER_REPLY, "seoul") == "parking/v1/seoul/drivers/+/reply"
    assert subscription(TopicKind.DRIVER_REPLY, "seoul", driver="drv-1") == "parking/v1/seoul/drivers/drv-1/reply"


@pytest.mark.parametrize(
    ("subscribed", "topic", "expected"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a/b/c", False),
        ("a/+/c", "a//c", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "b/a", False),
        ("+", "a", True),
        ("+/+", "a", False),
        ("#", "a/b", True),
        ("#", "$SYS/broker/uptime", False),
        ("+/broker/uptime", "$SYS/broker/uptime", False),
        ("$SYS/#", "$SYS/broker/uptime", True),
    ],
)
def test_filters_match_as_mqtt_says(subscribed, topic, expected):
    assert matches(subscribed, topic) is expected
