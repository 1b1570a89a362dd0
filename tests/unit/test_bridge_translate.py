"""What devices say of their bays: back-dating, late words, health, and a map that changes."""

from __future__ import annotations

import pytest
from bridge_world import PROFILES

from broker_bridge.bridge.device_map import map_row, parse_map
from broker_bridge.bridge.record import Spot
from broker_bridge.bridge.translate import STRANGERS_MAX, Translator, believed
from broker_bridge.bridge.uplink import Uplink
from broker_bridge.wire.errors import SettingsError
from broker_bridge.wire.topics import TopicKind

NOW = 1_790_000_000_000
MINUTE = 60_000
HEADER = "dev_eui,city,zone,bay,profile\n"


class Street:
    """A translator with one device; `hear` returns (status or None, seq, observed_at, retained) of what is said."""

    def __init__(self, profile: str = "bosch-tps110") -> None:
        self.spot = Spot("seoul", "z-1", "b-1", profile)
        self.translator = Translator(PROFILES, {})
        self.translator.use({"dev-1": self.spot}, NOW)

    def uplink(self, f_cnt, frame, at, *, port=1, device="dev-1", **more):
        uplink = Uplink(device=device, at_ms=NOW + at, f_cnt=f_cnt, port=port, frame=bytes.fromhex(frame), **more)
        return self.translator.take(uplink, "net", NOW + at)

    def hear(self, *uplink, **more):
        said = self.uplink(*uplink, **more)
        return [
            (one.message.status, one.message.seq, one.message.observed_at - NOW, one.retain)
            for one in said
            if one.kind is TopicKind.OCCUPANCY
        ]

    @property
    def device(self):
        return self.translator.devices["dev-1"]


def health(said):
    return next((one.message for one in said if one.kind is TopicKind.DEVICE), None)


def test_a_late_word_is_not_retained_and_changes_nothing():
    street = Street()
    street.hear(0, "00", 0)
    assert street.hear(2, "01", 2 * MINUTE) == [("occupied", 2, 2 * MINUTE, True)]
    assert street.hear(1, "00", MINUTE) == [("free", 1, MINUTE, False)]
    assert street.device.status == "occupied"
    assert street.device.lost == 0


def test_a_lost_change_is_told_and_dated_back_where_the_next_frame_knows_it():
    street = Street("nwave-nps405")
    one_minute = 0b10  # in bits 7..1
    assert street.hear(0, "01", 0) == [("occupied", 0, 0, True)]
    assert street.hear(2, f"{one_minute | 1:02x}", 5 * MINUTE) == [
        ("free", 1, 4 * MINUTE, False),
        ("occupied", 2, 5 * MINUTE, True),
    ]
    assert street.hear(3, f"{one_minute:02x}", 6 * MINUTE) == [("free", 3, 6 * MINUTE, True)]


@pytest.mark.parametrize(("f_cnt", "minutes"), [(1, 1), (2, 40)], ids=["nothing was lost", "longer than we know"])
def test_nothing_is_made_up_where_the_frames_do_not_prove_it(f_cnt, minutes):
    street = Street("nwave-nps405")
    street.hear(0, "01", 0)
    assert street.hear(f_cnt, f"{minutes << 1 | 1:02x}", 5 * MINUTE) == [("occupied", f_cnt, 5 * MINUTE, True)]


def test_health_is_told_with_the_first_frame_and_where_a_frame_says_something_of_it():
    street = Street()
    first = health(street.uplink(0, "01", 0, rssi_dbm=-90.0))
    assert (first.heartbeat_s, first.rssi_dbm, first.temperature_c) == (86_400, -90.0, None)
    assert health(street.uplink(1, "00", 1)) is None
    assert health(street.uplink(2, "00f6", 2, port=2)).temperature_c == -10.0
    start_up = health(street.uplink(3, "000000000000000000000000001d020200", 3, port=3))
    assert (start_up.firmware, start_up.temperature_c) == ("0.29.2", -10.0)


def test_a_json_profile_reads_what_the_networks_codec_made_of_the_frame():
    street = Street("generic-json")
    assert street.hear(0, "aa", 0, json={"status": "taken"})[0][0] == "occupied"
    assert street.hear(1, "ab", 1, json={"status": "vacant"})[0][0] == "free"


def test_a_device_of_another_bay_begins_anew_and_the_old_bay_is_unknown():
    street = Street()
    street.hear(0, "01", -5000)
    spot = Spot("seoul", "z-1", "b-2", "bosch-tps110")
    said = street.translator.use({"dev-1": spot}, NOW)
    words = [(one.place[2], one.message.status, one.message.boot_id) for one in said if one.kind is TopicKind.OCCUPANCY]
    assert words == [("b-1", "unknown", NOW), ("b-2", "occupied", NOW)]
    assert street.translator.use({"dev-1": spot}, NOW + 1) == []


def test_a_bay_that_gets_a_new_device_hears_only_of_that_one():
    street = Street()
    street.hear(9, "01", -MINUTE)
    street.uplink(3, "00", -2 * MINUTE, device="dev-2")
    said = street.translator.use({"dev-2": street.spot}, NOW)
    words = [
        (one.message.status, one.message.boot_id, one.message.seq) for one in said if one.kind is TopicKind.OCCUPANCY
    ]
    assert words == [("free", NOW, 3)]
    assert street.hear(10, "00", MINUTE) == []


def test_what_holds_leaves_out_who_is_silent():
    street = Street()
    street.hear(0, "01", 0)
    assert {one.kind for one in street.translator.standing("seoul", NOW)} == {TopicKind.OCCUPANCY, TopicKind.DEVICE}
    assert list(street.translator.standing("busan", NOW)) == []
    assert list(street.translator.standing("seoul", NOW + 3 * 86_400_000)) == []


def test_strangers_are_bounded_and_mapped_devices_are_not():
    street = Street()
    for number in range(STRANGERS_MAX + 5):
        street.uplink(0, "00", 0, device=f"stranger-{number}")
    assert street.translator.figures.strangers_dropped == 5
    assert street.hear(0, "00", 0) == [("free", 0, 0, True)]


def test_a_time_that_cannot_be_is_replaced_by_the_receive_time():
    assert believed(NOW + 5000, NOW) == (NOW + 5000, True)
    assert believed(NOW - 3_600_000, NOW) == (NOW - 3_600_000, True)
    assert believed(NOW + 61_000, NOW) == (NOW, False)
    assert believed(NOW - 8 * 86_400_000, NOW) == (NOW, False)
    assert believed(None, NOW) == (NOW, False)


def test_a_map_is_read_as_it_is_written():
    spot = Spot("seoul", "z-1", "b-1", "bosch-tps110")
    text = "\ufeff" + HEADER + "# a note\n" + map_row("70B3D57ED0001001", spot) + "\n"
    assert parse_map(text, "m.csv", PROFILES) == {"70b3d57ed0001001": spot}


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ("a,seoul,z-1,b-1,none-such\n", "m.csv line 2: no profile is named 'none-such'"),
        ("a,seoul,Z 1,b-1,bosch-tps110\n", "m.csv line 2: the zone 'Z 1' is no name"),
        ("a b,seoul,z-1,b-1,bosch-tps110\n", "m.csv line 2: 'a b' is no device"),
        ("a,seoul,z-1,b-1,bosch-tps110\nA,seoul,z-1,b-2,bosch-tps110\n", "m.csv line 3: a is mapped twice"),
        ("a,seoul,z-1,b-1,bosch-tps110\nb,seoul,z-1,b-1,bosch-tps110\n", "has the device a already"),
        ("a,seoul\n", "m.csv line 2: the zone '' is no name"),
    ],
)
def test_a_bad_line_is_named(rows, complaint):
    with pytest.raises(SettingsError, match=complaint):
        parse_map(HEADER + rows, "m.csv", PROFILES)


def test_a_missing_column_is_named():
    with pytest.raises(SettingsError, match="no column 'profile'"):
        parse_map("dev_eui,city,zone,bay\n", "m.csv", PROFILES)
