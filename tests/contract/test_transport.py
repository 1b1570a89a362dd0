"""What every transport promises on every broker."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import TYPE_CHECKING

import pytest
from labs import WAIT_S, Connects, Lab, connected, take

from broker_bridge.transport.base import (
    PACKET_BYTES_MAX,
    ClientOptions,
    ConnectionLostError,
    Transport,
    TransportError,
    Will,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from broker_bridge.transport.base import Delivery

pytestmark = pytest.mark.timeout(60)


def payloads(deliveries: Iterable[Delivery]) -> list[bytes]:
    return [delivery.payload for delivery in deliveries]


def must_kill(lab: Lab) -> None:
    if not lab.can_kill:
        pytest.skip("the external broker is not ours to kill")


async def publish_until_lost(client: Transport, topic: str) -> None:
    """Return when the client has noticed that its connection is lost."""
    with contextlib.suppress(ConnectionLostError):
        async with asyncio.timeout(WAIT_S):
            while True:
                await client.publish(topic, b"lost")


async def test_birth_after_each_connect_and_will_when_the_connection_dies(lab: Lab, top: str) -> None:
    status = f"{top}/status"

    async def birth(transport: Transport) -> None:
        await transport.publish(status, b"online", retain=True)

    connects = Connects(birth)
    async with connected(lab, f"watch-{top}", status) as watcher:
        will = Will(status, b"offline")
        async with connected(lab, f"gw-{top}", on_connect=connects, will=will) as gateway:
            assert payloads(await take(watcher, 1)) == [b"online"]
            await connects.wait(1)
            lab.cut(f"gw-{top}")
            assert payloads(await take(watcher, 2)) == [b"offline", b"online"]
            await connects.wait(2)
            assert gateway.connections == 2
        await watcher.publish(status, b"marker")
        assert payloads(await take(watcher, 1)) == [b"marker"], "a clean close publishes no will"


async def test_an_abort_is_no_farewell_and_the_transport_stays_closed(lab: Lab, top: str) -> None:
    status = f"{top}/status"
    async with connected(lab, f"watch-{top}", status) as watcher:
        async with connected(lab, f"gw-{top}", will=Will(status, b"offline")) as gateway:
            await gateway.publish(status, b"online", retain=True)
            await gateway.abort()
            assert payloads(await take(watcher, 2)) == [b"online", b"offline"]
            assert not gateway.connected
            with pytest.raises(ConnectionLostError):
                await gateway.publish(status, b"no more")
        async with connected(lab, f"gw-{top}", will=Will(status, b"offline")) as again:
            await again.publish(status, b"back")
        assert payloads(await take(watcher, 1)) == [b"back"]


async def test_the_will_is_retained(lab: Lab, top: str) -> None:
    status = f"{top}/status"
    async with connected(lab, f"watch-{top}", status) as watcher:
        async with connected(lab, f"gw-{top}", will=Will(status, b"offline")):
            lab.cut(f"gw-{top}")
            await take(watcher, 1)
        async with connected(lab, f"late-{top}", status) as late:
            (will,) = await take(late, 1)
            assert (will.payload, will.retained) == (b"offline", True)


async def test_retained_is_set_flagged_and_cleared(lab: Lab, top: str) -> None:
    topic = f"{top}/bay"
    async with connected(lab, f"live-{top}", topic) as live:
        await live.publish(topic, b"free", retain=True)
        (delivery,) = await take(live, 1)
        assert not delivery.retained, "a subscriber of before sees an ordinary message"
        async with connected(lab, f"late-{top}", topic) as late:
            (delivery,) = await take(late, 1)
            assert (delivery.topic, delivery.payload, delivery.retained) == (topic, b"free", True)
        await live.publish(topic, b"", retain=True)
        async with connected(lab, f"later-{top}", topic) as later:
            await later.publish(topic, b"marker")
            assert payloads(await take(later, 1)) == [b"marker"]


async def test_wildcards(lab: Lab, top: str) -> None:
    async with connected(lab, f"one-{top}", f"{top}/+/state", f"{top}/deep/#") as client:
        for topic in ("a/state", "a/b/state", "a/other", "deep/x/y", "b/state"):
            await client.publish(f"{top}/{topic}", b"x")
        topics = [delivery.topic for delivery in await take(client, 3)]
    assert topics == [f"{top}/a/state", f"{top}/deep/x/y", f"{top}/b/state"]


async def test_order_is_kept_and_nothing_lost_in_a_burst(lab: Lab, top: str) -> None:
    async with connected(lab, f"sub-{top}", f"{top}/#") as subscriber, connected(lab, f"pub-{top}") as publisher:
        sent = [b"%d" % number for number in range(3_000)]
        taking = asyncio.create_task(take(subscriber, len(sent)))
        await asyncio.gather(*[await publisher.send(f"{top}/x", payload) for payload in sent])
        assert payloads(await taking) == sent


async def test_what_was_not_acknowledged_comes_again_and_nothing_else(
    lab: Lab, top: str, request: pytest.FixtureRequest
) -> None:
    topic = f"{top}/x"
    async with connected(lab, f"pub-{top}") as publisher:
        async with connected(lab, f"sub-{top}", topic, persistent=True) as subscriber:
            for payload in (b"a", b"b"):
                await publisher.publish(topic, payload)
            first, _second = await take(subscriber, 2, ack=False)
            first.ack()
            first.ack()  # twice is once
        async with connected(lab, f"sub-{top}", topic, persistent=True) as subscriber:
            again = payloads(await take(subscriber, 1))
            if again == [b"a"] and "nats" in request.node.name:
                # NATS may close a connection before it has taken its last acknowledgement in: at least once.
                again = payloads(await take(subscriber, 1))
            assert again == [b"b"]
            await publisher.publish(topic, b"c")
            assert payloads(await take(subscriber, 1)) == [b"c"]


async def test_a_persistent_session_queues_while_the_client_is_away(lab: Lab, top: str) -> None:
    topic = f"{top}/x"
    async with connected(lab, f"pub-{top}") as publisher:
        async with connected(lab, f"sub-{top}", topic, persistent=True):
            pass
        sent = [b"%d" % number for number in range(50)]
        for payload in sent:
            await publisher.publish(topic, payload)
        async with connected(lab, f"sub-{top}", topic, persistent=True) as subscriber:
            # NATS may have sent the first to the connection just closed; it comes again behind the others.
            assert set(payloads(await take(subscriber, len(sent)))) == set(sent)


async def test_a_lost_connection_drops_what_was_not_taken_and_it_comes_again(lab: Lab, top: str) -> None:
    topic = f"{top}/x"
    connects = Connects()
    async with (
        connected(lab, f"pub-{top}") as publisher,
        connected(lab, f"sub-{top}", topic, persistent=True, on_connect=connects) as subscriber,
    ):
        await publisher.publish(topic, b"a")
        await publisher.publish(topic, b"b")
        (first,) = await take(subscriber, 1, ack=False)
        lab.cut(f"sub-{top}")
        await connects.wait(2)
        first.ack()
        again = payloads(await take(subscriber, 2))
        assert sorted(again) == [b"a", b"b"], "each once: the old connection's copies are gone"


async def test_an_acknowledgement_after_a_reconnect_does_nothing(lab: Lab, top: str) -> None:
    must_kill(lab)
    topic = f"{top}/x"
    sub_connects, pub_connects = Connects(), Connects()
    async with (
        connected(lab, f"pub-{top}", on_connect=pub_connects) as publisher,
        connected(lab, f"sub-{top}", topic, persistent=True, on_connect=sub_connects) as subscriber,
    ):
        await publisher.publish(topic, b"old")
        (old,) = await take(subscriber, 1, ack=False)
        await lab.kill()
        await lab.restart()
        await pub_connects.wait(2)
        await sub_connects.wait(2)
        await publisher.publish(topic, b"new")  # the emptied broker gives it the packet id of the old one
        (new,) = await take(subscriber, 1, ack=False)
        assert new.payload == b"new"
        old.ack()
        await subscriber.publish(f"{top}/other", b"")  # whatever the old one sent has arrived before this
        lab.cut(f"sub-{top}")
        await sub_connects.wait(3)
        assert payloads(await take(subscriber, 1)) == [b"new"]


async def test_after_a_broker_restart_the_subscriptions_are_restored(lab: Lab, top: str) -> None:
    must_kill(lab)
    connects = Connects()
    async with connected(lab, f"one-{top}", f"{top}/#", on_connect=connects) as client:
        await lab.kill()
        await publish_until_lost(client, f"{top}/x")
        assert not client.connected
        await lab.restart()
        await connects.wait(2)
        assert (client.connected, client.connections) == (True, 2)
        await client.publish(f"{top}/x", b"found")
        assert payloads(await take(client, 1))[-1] == b"found"


async def test_it_keeps_trying_until_there_is_a_broker(lab: Lab, top: str) -> None:
    must_kill(lab)
    await lab.kill()
    await lab.cable(f"one-{top}")
    connects = Connects()
    async with lab.transport(ClientOptions(f"one-{top}"), connects) as client:
        assert not client.connected
        with pytest.raises(ConnectionLostError):
            await client.send(f"{top}/x", b"")
        subscribing = asyncio.create_task(client.subscribe([f"{top}/#"]))
        await lab.restart()
        await connects.wait(1)
        async with asyncio.timeout(WAIT_S):
            await subscribing
        await client.publish(f"{top}/x", b"hello")
        assert payloads(await take(client, 1)) == [b"hello"]


async def test_a_full_publish_window_blocks_the_sender(lab: Lab, top: str) -> None:
    async with connected(lab, f"one-{top}", publish_window=5) as client:
        lab.freeze(f"one-{top}")
        sent = [await client.send(f"{top}/x", b"%d" % number) for number in range(5)]
        sixth = asyncio.create_task(client.send(f"{top}/x", b"5"))
        done, _ = await asyncio.wait({sixth}, timeout=0.1)
        assert not done
        assert not any(future.done() for future in sent)
        lab.thaw(f"one-{top}")
        async with asyncio.timeout(WAIT_S):
            await asyncio.gather(*sent, await sixth)


async def test_a_lost_connection_fails_what_is_in_flight_and_who_waits(lab: Lab, top: str) -> None:
    connects = Connects()
    async with connected(lab, f"one-{top}", publish_window=2, on_connect=connects) as client:
        lab.freeze(f"one-{top}")
        sent = [await client.send(f"{top}/x", b"") for _ in range(2)]
        waiting = [asyncio.create_task(client.send(f"{top}/x", b"")) for _ in range(3)]
        await asyncio.wait(waiting, timeout=0.05)
        lab.cut(f"one-{top}")
        async with asyncio.timeout(WAIT_S):
            results = await asyncio.gather(*sent, *waiting, return_exceptions=True)
        assert [type(result) for result in results] == [ConnectionLostError] * 5
        lab.thaw(f"one-{top}")
        await connects.wait(2)
        await client.publish(f"{top}/x", b"the window is whole again")


async def test_a_full_inbound_window_stops_reading_and_loses_nothing(lab: Lab, top: str) -> None:
    window, total = 10, 1_500
    async with (
        connected(lab, f"sub-{top}", f"{top}/#", receive_window=window) as subscriber,
        connected(lab, f"pub-{top}") as publisher,
    ):
        sent = [b"%d" % number for number in range(total)]
        await asyncio.gather(*[await publisher.send(f"{top}/x", payload) for payload in sent])
        assert 0 < subscriber.waiting <= 2 * window, "a consumer that does not receive"
        held = await take(subscriber, 2 * window, ack=False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                held += await subscriber.receive(total)
        assert len(held) == 2 * window, "a consumer that does not acknowledge"
        for delivery in held:
            delivery.ack()
        seen = set(payloads(held))
        async with asyncio.timeout(WAIT_S):
            while len(seen) < total:
                batch = await subscriber.receive(total)
                assert len(batch) <= 2 * window
                for delivery in batch:
                    seen.add(delivery.payload)
                    delivery.ack()
        assert seen == set(sent)


async def test_publishing_before_acknowledging_does_not_lock_up(lab: Lab, top: str) -> None:
    total = 300
    async with (
        connected(lab, f"relay-{top}", f"{top}/in", receive_window=5) as relay,
        connected(lab, f"pub-{top}", f"{top}/out") as publisher,
    ):
        sent = [b"%d" % number for number in range(total)]
        await asyncio.gather(*[await publisher.send(f"{top}/in", payload) for payload in sent])
        seen = set()
        async with asyncio.timeout(WAIT_S):
            while len(seen) < total:
                for delivery in await relay.receive(1):
                    await relay.publish(f"{top}/out", delivery.payload)
                    seen.add(delivery.payload)
                    delivery.ack()
        relayed: set[bytes] = set()
        while len(relayed) < total:
            relayed.update(payloads(await take(publisher, 1)))
        assert relayed == set(sent)


async def test_a_large_payload_is_delivered(lab: Lab, top: str) -> None:
    large = b"x" * (PACKET_BYTES_MAX + 8 * 1024)
    async with connected(lab, f"one-{top}", f"{top}/#") as client:
        await client.publish(f"{top}/x", large)
        assert payloads(await take(client, 1)) == [large]


async def test_an_error_in_on_connect_stops_the_transport(lab: Lab, top: str) -> None:
    async def broken(_transport: Transport) -> None:
        raise ValueError("no such thing")

    await lab.cable(f"one-{top}")
    async with lab.transport(ClientOptions(f"one-{top}"), broken) as client, asyncio.timeout(WAIT_S):
        with pytest.raises(TransportError, match="ValueError: no such thing") as caught:
            await client.receive(1)
        assert isinstance(caught.value.__cause__, ValueError)
        with pytest.raises(TransportError, match="no such thing"):
            await client.wait_connected()
        assert not client.connected


async def test_a_lost_connection_in_on_connect_is_no_error(lab: Lab, top: str) -> None:
    reached = asyncio.Event()

    async def publishes(transport: Transport) -> None:
        if transport.connections == 1:
            reached.set()
            lab.cut(f"one-{top}")
            await publish_until_lost(transport, f"{top}/x")
            raise ConnectionLostError

    connects = Connects(publishes)
    async with connected(lab, f"one-{top}", on_connect=connects) as client:
        await reached.wait()
        await connects.wait(1)
        assert client.connected
        assert client.connections >= 2


async def test_closing_leaves_nothing_behind(lab: Lab, top: str) -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    before = asyncio.all_tasks()
    async with connected(lab, f"pub-{top}") as publisher:
        async with connected(lab, f"sub-{top}", f"{top}/#") as subscriber:
            for number in range(20):
                await publisher.publish(f"{top}/x", b"%d" % number)
            await take(subscriber, 5, ack=False)
            receiving = asyncio.create_task(subscriber.receive(100))
            await receiving
            last = asyncio.create_task(subscriber.receive(100))
            lab.freeze(f"sub-{top}")
            forgotten = await subscriber.send(f"{top}/x", b"no one waits for this")
            lab.thaw(f"sub-{top}")
        with pytest.raises(ConnectionLostError):
            await last if not last.done() else await subscriber.receive(1)
        with pytest.raises(ConnectionLostError):
            await subscriber.send(f"{top}/x", b"")
        with pytest.raises(ConnectionLostError):
            await subscriber.wait_connected()
        del forgotten, receiving
    left = {task for task in asyncio.all_tasks() - before if task.get_name() != "cable" and not task.done()}
    gc.collect()
    assert not left
    assert not complaints


async def test_closing_while_the_broker_is_silent_or_away(lab: Lab, top: str) -> None:
    before = asyncio.all_tasks()
    await lab.cable(f"one-{top}")
    lab.freeze(f"one-{top}")
    async with lab.transport(ClientOptions(f"one-{top}")) as client:
        waiting = asyncio.create_task(client.wait_connected())
        await asyncio.wait({waiting}, timeout=0.05)
        lab.thaw(f"one-{top}")
    await asyncio.wait({waiting}, timeout=WAIT_S)
    assert waiting.done()
    waiting.exception()
    left = {task for task in asyncio.all_tasks() - before if task.get_name() != "cable" and not task.done()}
    assert not left
