"""The live stream under listeners that are cut off all the time; the full minute is examples/stream_clients.py."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "stream_clients.py"
CLIENTS, SECONDS = 200, 5.0


@pytest.mark.timeout(300)
async def test_two_hundred_listeners_cut_off_at_random_see_every_event_once(tmp_path):
    outcome = await runpy.run_path(str(EXAMPLE))["run"](CLIENTS, SECONDS, 7, tmp_path)
    assert (outcome.missed, outcome.repeated, outcome.out_of_order) == (0, 0, 0), outcome
    assert outcome.resumed >= CLIENTS
    assert outcome.cut_inside_a_frame
    assert outcome.seen
