"""Every frame of the shared reference vectors means what its source says it means."""

from __future__ import annotations

import json

import pytest
from device_frames import PROFILES, ROOT

from broker_bridge.devices import FrameError

VECTORS = "shared/reference/sensor_vectors.json"
FILE = next((folder / VECTORS for folder in ROOT.parents if (folder / VECTORS).is_file()), None)
PROFILE_OF = {
    "TPS110": "bosch-tps110",
    "NPS310SM": "nwave-nps310",
    "NPS405": "nwave-nps405",
    "NCC405": "nwave-ncc405",
    "TEKZIPARK": "tekzitel-tekzipark",
    "EM310-UDL": "milesight-em310-udl",
    "EM400-MUD": "milesight-em400-mud",
    "fw v2": "libelium-v2",
    "fw v1": "libelium-v1",
    "PlacePod": "pni-placepod",
}
KIND_OF = {
    "parking status": "status",
    "parking_status": "status",
    "heartbeat": "heartbeat",
    "startup": "startup",
    "user_registration": "other",
    "counter_update": "other",
}
LIBELIUM_KINDS = {0: "status", 1: "heartbeat", 4: "startup", 7: "other"}
# what the sources call it -> how the reading says it
SAYS = {
    "type": lambda said, reading: reading.kind == KIND_OF[said],
    "occupied": lambda said, reading: reading.status == ("occupied" if said else "free"),
    "parking_status": lambda said, reading: reading.status == ("occupied" if said else "free"),
    "keep_alive": lambda said, reading: reading.kind == ("heartbeat" if said else "status"),
    "keepAlive": lambda said, reading: (reading.kind == "heartbeat") == bool(said),
    "reset": lambda said, reading: (reading.kind == "startup") == bool(said),
    "reboot_response": lambda said, reading: reading.kind == "startup" and reading.fields["reboot_response"] == said,
    "temperature": lambda said, reading: reading.temperature_c == said,
    "Temperature": lambda said, reading: reading.temperature_c == said,
    "battery_voltage": lambda said, reading: reading.battery_v == said,
    "battery": lambda said, reading: said in {reading.battery_pct, reading.battery_v},
    "distance": lambda said, reading: reading.fields["distance_mm"] == said,
    "previous_state_duration": lambda said, reading: reading.previous_state_s == said * 60,
    "previous_state_duration_error": lambda said, reading: (
        reading.fields["previous_state_error_s"] == (None if said is None else said * 60)
    ),
    "previous_state_duration_overflow": lambda said, reading: reading.fields["previous_state_overflow"] is said,
    "battery_voltage_mean_24h": lambda said, reading: reading.fields["battery_mean_24h_v"] == said,
    "frame_type": lambda said, reading: reading.fields["frame_type"] == said and reading.kind == LIBELIUM_KINDS[said],
    "Beacon_RSSI": lambda said, reading: reading.fields["beacon_rssi_dbm"] == said,
}
RENAMED = {
    "debugCodes": "debug_codes",
    "firmwareVersion": "firmware",
    "resetCause": "reset_cause",
    "Beacons": "beacons",
    "Parking_ID": "parking_id",
    "Radar": "radar",
    "No_Beacon": "no_beacon",
    "Obstruction": "obstruction",
    "Good_Battery": "good_battery",
}


def vectors():
    if FILE is None:
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no ../{VECTORS} beside the project"))]
    return [
        pytest.param(vector, id=f"{vector['vendor']}-{vector['fport']}-{vector['bytes_hex']}")
        for vector in json.loads(FILE.read_text(encoding="utf-8"))
    ]


@pytest.mark.parametrize("vector", vectors())
def test_shared_vector(vector):
    (name,) = [name for model, name in PROFILE_OF.items() if model in vector["model"]]
    frame, port, expected = bytes.fromhex(vector["bytes_hex"]), vector["fport"], vector["expected"]
    if "errors" in expected:
        with pytest.raises(FrameError) as refused:
            PROFILES[name].decode(frame, port)
        assert (refused.value.frame, refused.value.port) == (frame, port)
        return
    reading = PROFILES[name].decode(frame, port)
    for field, value in expected.items():
        if field in SAYS:
            assert SAYS[field](value, reading), (field, value, reading)
        else:
            assert reading.fields[RENAMED.get(field, field)] == value, (field, reading)
