"""`baybroker homeassistant` on the shipped Mosquitto, with the access rules that its page in the docs gives."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest
from mosquitto_house import MISSING, Client, new_house
from program import TIMEOUT_S, baybroker, start

from broker_bridge.wire import codec, topics
from broker_bridge.wire.messages import Occupancy
from broker_bridge.wire.topics import TopicKind

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (apt-get install mosquitto)"),
    pytest.mark.xdist_group("mosquitto-acl"),
]
ROOT = Path(__file__).parents[2]
USER = {"BAYBROKER_EXTRA_USERS": "res-home:secret"}


def documented_rules() -> str:
    """Return the rules of the page."""
    page = (ROOT / "docs" / "howto" / "home-assistant.md").read_text(encoding="utf-8")
    (rules,) = re.findall(r"```text\n(user .*?)```", page, re.DOTALL)
    return rules


async def test_the_documented_rules_are_enough_and_needed():
    with new_house() as house:
        config = house.tree / "config"
        shutil.copytree(ROOT / "config" / "mosquitto", config)
        with house.running(CONFIG_DIR=config, **USER):
            assert await announced(house) == "seoul: 0 bays announced"
        with (config / "acl").open("a", encoding="utf-8") as rules:
            rules.write(f"\n{documented_rules()}")
        with house.running(CONFIG_DIR=config, **USER):
            assert await announced(house) == "seoul: 1 bays announced"
            where = ("--broker", f"mqtt://res-home:secret@127.0.0.1:{house.port}", "--city", "seoul")
            removed = await baybroker("homeassistant", "--remove", *where)
            assert (removed.code, removed.out) == (0, "seoul: 1 bays removed\n")


async def announced(house) -> str:
    """Let a sensor speak and return the first line of the program."""
    topic = topics.build(TopicKind.OCCUPANCY, "seoul", gateway="gw-1", zone="z-1", bay="b-1")
    with Client(house.port, "simulator", house.secret("simulator")) as fleet:
        fleet.publish(topic, codec.encode(Occupancy(boot_id=1, seq=0, observed_at=1, status="free")), retain=True)
    where = ("--broker", f"mqtt://res-home:secret@127.0.0.1:{house.port}", "--city", "seoul")
    process = await start("homeassistant", *where)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
