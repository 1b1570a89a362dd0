"""What each user of the shipped Mosquitto may and may not do, tried on a real broker."""

from __future__ import annotations

import pytest
from mosquitto_house import MISSING, Client, new_house

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (apt-get install mosquitto)"),
    pytest.mark.xdist_group("mosquitto-acl"),
]

CITY = "parking/v1/seoul"
STREET = ("gw-1", "gw-2", "drv-7", "drv-8", "res-3", "op-4")
SENTINEL = f"{CITY}/clock"

MAY_PUBLISH = [
    ("gw-1", "gateways/gw-1/status"),
    ("gw-1", "gateways/gw-1/bays/z-1/b-1/occupancy"),
    ("drv-7", "drivers/drv-7/request"),
    ("res-3", "residents/res-3/offer"),
    ("op-4", "operators/op-4/command"),
    ("op-4", "simulator/command"),
    ("operator", "operators/operator/command"),
    ("allocator", "drivers/drv-7/reply"),
    ("allocator", "bays/z-1/b-1/state"),
    ("allocator", "zones/z-1/events"),
    ("allocator", "allocator/status"),
    ("simulator", "gateways/gw-1/bays/z-1/b-1/device"),
    ("simulator", "drivers/drv-7/request"),
    ("simulator", "clock"),
    ("web", "drivers/drv-7/request"),
    ("web", "residents/res-3/offer"),
    ("web", "operators/op-4/command"),
    ("web", "simulator/command"),
]
MUST_NOT_PUBLISH = [
    ("gw-1", "gateways/gw-2/status"),
    ("gw-1", "gateways/gw-2/bays/z-1/b-1/occupancy"),
    ("gw-1", "bays/z-1/b-1/state"),
    ("gw-1", "clock"),
    ("drv-7", "drivers/drv-8/request"),
    ("drv-7", "drivers/drv-7/reply"),
    ("drv-7", "operators/drv-7/command"),
    ("drv-7", "simulator/command"),
    ("res-3", "residents/res-4/offer"),
    ("op-4", "operators/operator/command"),
    ("op-4", "gateways/gw-1/status"),
    ("simulator", "bays/z-1/b-1/state"),
    ("simulator", "operators/operator/command"),
    ("allocator", "gateways/gw-1/status"),
    ("viewer", "bays/z-1/b-1/state"),
    ("viewer", "gateways/viewer/status"),
    ("viewer", "drivers/viewer/request"),
    ("viewer", "residents/viewer/offer"),
    ("viewer", "operators/viewer/command"),
    ("health", "drivers/health/request"),
    ("web", "drivers/drv-7/reply"),
    ("web", "bays/z-1/b-1/state"),
    ("web", "gateways/gw-1/status"),
    ("web", "gateways/web/status"),
    ("web", "clock"),
]
MAY_READ = [
    ("drv-7", "allocator", "drivers/drv-7/reply"),
    ("drv-7", "allocator", "bays/z-1/b-1/state"),
    ("drv-7", "allocator", "zones/z-1/availability"),
    ("gw-1", "allocator", "allocator/status"),
    ("res-3", "allocator", "residents/res-3/notice"),
    ("viewer", "simulator", "gateways/gw-1/status"),
    ("viewer", "allocator", "zones/z-1/events"),
    ("viewer", "allocator", "bays/z-1/b-1/state"),
    ("op-4", "simulator", "drivers/drv-7/request"),
    ("allocator", "gw-1", "gateways/gw-1/bays/z-1/b-1/occupancy"),
    ("allocator", "op-4", "operators/op-4/command"),
    ("simulator", "allocator", "drivers/drv-7/reply"),
    ("web", "allocator", "drivers/drv-7/reply"),
    ("web", "allocator", "residents/res-3/notice"),
    ("web", "allocator", "operators/op-4/reply"),
    ("web", "allocator", "bays/z-1/b-1/state"),
    ("web", "gw-1", "gateways/gw-1/bays/z-1/b-1/device"),
]
MUST_NOT_READ = [
    ("drv-7", "allocator", "drivers/drv-8/reply"),
    ("drv-7", "simulator", "drivers/drv-7/request"),
    ("drv-7", "allocator", "residents/res-3/notice"),
    ("gw-2", "gw-1", "gateways/gw-1/status"),
    ("res-3", "allocator", "residents/res-4/notice"),
    ("viewer", "allocator", "drivers/drv-7/reply"),
    ("viewer", "simulator", "residents/res-3/offer"),
    ("viewer", "op-4", "operators/op-4/command"),
    ("simulator", "op-4", "operators/op-4/command"),
    ("web", "simulator", "drivers/drv-7/request"),
    ("web", "op-4", "operators/op-4/command"),
]


@pytest.fixture(scope="module")
def house():
    extra = ",".join(f"{user}:pw-{user}" for user in STREET)
    with new_house() as made, made.running(BAYBROKER_EXTRA_USERS=extra):
        yield made


def client(house, user):
    return Client(house.port, user, f"pw-{user}" if user in STREET else house.secret(user))


def delivered(house, *, publisher, reader, topic):
    """Tell whether `reader` gets what `publisher` says; a sentinel that follows shows when the answer is no."""
    with client(house, reader) as reading, client(house, publisher) as writing, client(house, "simulator") as marking:
        reading.subscribe(f"{CITY}/{topic}", SENTINEL)
        writing.publish(f"{CITY}/{topic}", b"tried")
        marking.publish(SENTINEL, b"sentinel")
        first = reading.next()
        assert first in ((f"{CITY}/{topic}", b"tried"), (SENTINEL, b"sentinel"))
        return first[1] == b"tried"


@pytest.mark.parametrize(("user", "topic"), MAY_PUBLISH)
def test_may_publish(house, user, topic):
    assert delivered(house, publisher=user, reader="operator", topic=topic)


@pytest.mark.parametrize(("user", "topic"), MUST_NOT_PUBLISH)
def test_must_not_publish(house, user, topic):
    assert not delivered(house, publisher=user, reader="operator", topic=topic)


@pytest.mark.parametrize(("reader", "publisher", "topic"), MAY_READ)
def test_may_read(house, reader, publisher, topic):
    assert delivered(house, publisher=publisher, reader=reader, topic=topic)


@pytest.mark.parametrize(("reader", "publisher", "topic"), MUST_NOT_READ)
def test_must_not_read(house, reader, publisher, topic):
    # The same message does reach the operator, so it is the reader that is refused, not the publisher.
    assert delivered(house, publisher=publisher, reader="operator", topic=topic)
    assert not delivered(house, publisher=publisher, reader=reader, topic=topic)


@pytest.mark.parametrize(("user", "password"), [(None, None), ("gw-1", "wrong"), ("nobody", "pw-gw-1"), ("gw-1", None)])
def test_refuses_the_unknown(house, user, password):
    refused = Client(house.port, user, password)
    assert refused.answer.is_failure
    refused.close()


def test_health_reads_the_uptime(house):
    with client(house, "health") as health:
        health.subscribe("$SYS/broker/uptime")
        assert health.next()[0] == "$SYS/broker/uptime"


def test_a_message_of_1_mb_ends_the_connection_and_goes_nowhere(house):
    with client(house, "operator") as operator, client(house, "gw-1") as gateway:
        operator.subscribe(f"{CITY}/#")
        gateway.send(f"{CITY}/gateways/gw-1/status", bytes(1_000_000))
        gateway.ended.get(timeout=10)
        with client(house, "gw-1") as again:
            again.publish(f"{CITY}/gateways/gw-1/status", b"small")
        assert operator.next() == (f"{CITY}/gateways/gw-1/status", b"small")
