"""The shipped device profiles, and readings that each device can say."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from broker_bridge.devices import Reading, load_profiles

ROOT = Path(__file__).parents[1]
PROFILES = load_profiles(ROOT / "config" / "devices")
NAMES = (
    "bosch-tps110",
    "generic-json",
    "libelium-v1",
    "libelium-v2",
    "milesight-em310-udl",
    "milesight-em400-mud",
    "nwave-ncc405",
    "nwave-nps310",
    "nwave-nps405",
    "pni-placepod",
    "tekzitel-tekzipark",
)


def decode(name, port, text, **said):
    return PROFILES[name].decode(bytes.fromhex(text), port, **said)


def said(reading):
    """What the shared fields say, without the device's own ones."""
    return {
        name: getattr(reading, name)
        for name in ("kind", "status", "battery_v", "battery_pct", "temperature_c", "previous_state_s")
    }


def numbers(low, high, *, by=1):
    """Multiples of the resolution that the device sends, and nothing."""
    return st.none() | st.integers(round(low / by), round(high / by)).map(lambda steps: round(steps * by, 3))


def readings(kinds="status heartbeat startup", statuses=("free", "occupied"), **values):
    return st.builds(
        Reading,
        kind=st.sampled_from(kinds.split()),
        status=st.sampled_from(statuses),
        **values,
    )
