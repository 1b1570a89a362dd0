"""Whatever the allocator answers, in whatever order, the drivers' world stays whole."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from sim_world import MINUTE, of_kind, reply, scenario, world

from broker_bridge.wire.topics import TopicKind

KINDS = [
    "accepted", "waitlisted", "rejected", "bound", "active", "relocated", "extended", "warned", "completed",
    "expired", "cancelled", "failed", "state",
]  # fmt: skip
STEP = st.tuples(
    st.integers(min_value=0, max_value=12 * MINUTE),
    st.integers(min_value=0),
    st.sampled_from(KINDS),
    st.integers(min_value=1, max_value=12),
    st.sampled_from([None, "bound", "completed", "expired"]),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.booleans(), st.lists(STEP, max_size=120))
def test_any_replies_in_any_order(seed, tells, steps):
    drivers = {"requests_per_hour": 40.0, "pool": 8, "short_share": 0.6, "tells_share": float(tells)}
    running = world(scenario(drivers=drivers, squatters={"per_bay_day": 12.0}), seed)
    asked = {}
    for position, (later_ms, which, kind, bay, status) in enumerate(steps):
        said = running.advance(running.now_ms + later_ms)
        asked |= {message.request_id: message for message in of_kind(said, TopicKind.DRIVER_REQUEST)}
        if asked:
            request_id = list(asked)[which % len(asked)]
            more = {"reservation_id": f"r-{which % 7}", "bay": f"street-{bay:04d}", "status": status}
            reply(running, "drv-1", kind, request_id, position, **more)
        cars = [car.name for car in running.truth.standing.values()]
        assert len(cars) == len(set(cars)), "nobody stands in two bays"
    running.advance(running.now_ms + 60 * MINUTE)
