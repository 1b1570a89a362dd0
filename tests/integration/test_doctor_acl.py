"""`baybroker doctor` on the shipped Mosquitto, whose users may do only what their role needs."""

from __future__ import annotations

import pytest
from mosquitto_house import MISSING, new_house
from program import examine

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (apt-get install mosquitto)"),
    pytest.mark.xdist_group("mosquitto-acl"),
]
TRIED = ("retained", "wildcard", "persistent session", "redelivery", "will", "round trip", "bursts")


async def test_access_rules_are_told_from_a_broken_broker():
    with new_house() as house, house.running():
        where = f"127.0.0.1:{house.port}"

        operator = await examine("--broker", f"mqtt://operator:{house.secret('operator')}@{where}")
        assert operator["delivery"]["result"] == "warn"
        assert "this user may not write there" in operator["delivery"]["measured"]
        assert "--topic-root" in operator["delivery"]["advice"]
        assert {operator[name]["result"] for name in TRIED} == {"skipped"}

        fleet = f"mqtt://simulator:{house.secret('simulator')}@{where}"
        place = ("--topic-root", "parking/v1/doctor/gateways/doctor")
        simulator = await examine("--broker", fleet, *place)
        assert {simulator[name]["result"] for name in TRIED} <= {"ok", "warn"}
        assert simulator["redelivery"]["result"] == "ok"

        stranger = await examine("--broker", f"mqtt://operator:wrong@{where}", code=1)
        assert stranger["broker reachable"]["result"] == "ok"
        assert stranger["mqtt 3.1.1"]["result"] == "fail"
