"""Whatever order frames come in, the bridge's numbers obey the contract."""

from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from broker_bridge.bridge.counter import Counter, Frame, Verdict
from broker_bridge.bridge.networks import parse_chirpstack, parse_ttn
from broker_bridge.bridge.uplink import Uplink, UplinkError

T = 1_790_000_000_000
frames = st.builds(
    Frame,
    f_cnt=st.none() | st.integers(0, 100) | st.integers(0, 2**32 - 1),
    at_ms=st.integers(T, T + 200_000),
    check=st.integers(0, 2),
    session=st.sampled_from([None, "a", "b"]),
    timed=st.booleans(),
)
leaves = st.sampled_from([None, True, -1, 0, 7, 2**70, 1.5, float("nan"), "", "7", "x y", "AA==", [], [{}], [1], {}])
INNER = ("devEui", "dev_eui", "device_id", "f_cnt", "frm_payload", "rx_metadata", "dev_addr", "received_at")
OUTER = (
    "deviceInfo",
    "fCnt",
    "fPort",
    "data",
    "time",
    "rxInfo",
    "devAddr",
    "object",
    "end_device_ids",
    "uplink_message",
)
json_objects = st.dictionaries(
    st.sampled_from(OUTER), leaves | st.dictionaries(st.sampled_from(INNER), leaves, max_size=3), max_size=4
)


@given(st.lists(frames, max_size=60))
def test_fresh_numbers_only_grow_and_no_number_is_fresh_or_late_twice(said):
    counter, newest = Counter(), (-1, -1)
    for frame in said:
        place = counter.place(frame)
        if place.verdict is Verdict.FRESH:
            assert (place.boot_id, place.seq) > newest
            newest = (place.boot_id, place.seq)
        else:
            assert (place.boot_id, place.seq) <= newest


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(0, 1000))
def test_within_one_session_each_counter_is_heard_once(order, step_ms):
    """Frames of one boot in any order and any number of copies: each is fresh or late exactly once."""
    counter, heard = Counter(), []
    for f_cnt in order:
        place = counter.place(Frame(f_cnt, T + f_cnt * step_ms, f_cnt, "a"))
        if place.verdict is not Verdict.DUPLICATE:
            heard.append(f_cnt)
    assert sorted(heard) == sorted(set(order))


@given(st.sampled_from([parse_chirpstack, parse_ttn]), st.binary(max_size=60))
def test_any_payload_is_read_or_raises_the_one_error(parse, payload):
    _parse(parse, payload)


@given(st.sampled_from([parse_chirpstack, parse_ttn]), json_objects)
def test_any_json_is_read_or_raises_the_one_error(parse, said):
    _parse(parse, json.dumps(said).encode())


def _parse(parse, payload):
    with contextlib.suppress(UplinkError):
        assert isinstance(parse("application/a/device/b/event/up", payload), Uplink)
