"""`baybroker bridge` as programs: run, devices, map, simulate-device."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal

import pytest
from bridge_world import EUI, OCCUPANCY, ROW, Listener, connect_to, write_config
from brokers import private_mosquitto  # noqa: F401 - a fixture
from program import TIMEOUT_S, baybroker, one_line, start


@contextlib.asynccontextmanager
async def bridge_program(config, *arguments: object):
    """Run `baybroker bridge` once subscribed, until the block ends; yields the process and its summary to be."""
    process = await start("bridge", *arguments, "--config", config)
    summary: dict[str, object] = {}
    try:
        told = await asyncio.wait_for(process.stderr.readline(), TIMEOUT_S)
        assert told.startswith(b"bridging "), told
        yield process, summary
        process.send_signal(signal.SIGTERM)
        out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
        assert process.returncode == 0, err
        assert b"Traceback" not in err, err
        if "--json" in arguments:
            summary.update(json.loads(out))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def client(private_mosquitto):  # noqa: F811 - the fixture
    async with Listener(connect_to(private_mosquitto.url)) as listener:
        yield listener


async def simulate(broker, *arguments: object):
    done = await baybroker(
        "bridge", "simulate-device", "--profile", "bosch-tps110", "--broker", broker.url, "--dev-eui", EUI,
        "--every", "1ms", *arguments,
    )  # fmt: skip
    assert done.code == 0, done
    return done


async def listed(config, uplinks: int):
    """Return the one device that is listed, once it was heard so often."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            done = await baybroker("bridge", "devices", "--config", config, "--json")
            assert done.code == 0, done
            rows = done.json()
            if rows and rows[0]["uplinks"] >= uplinks:
                (row,) = rows
                return row


@pytest.mark.parametrize("network", ["chirpstack", "ttn"])
async def test_from_a_strangers_frames_to_a_mapped_bay(network, tmp_path, private_mosquitto, client):  # noqa: F811
    config = write_config(tmp_path, private_mosquitto.url, network, rows="")
    async with bridge_program(config, "run", "--json") as (_, summary):
        await simulate(
            private_mosquitto, "--network", network, "--say", "free,occupied,heartbeat", "--temperature-c", -3
        )
        row = await listed(config, uplinks=3)
        assert (row["dev_eui"], row["mapped"], row["uplinks"], row["lost"]) == (EUI, False, 3, 0)
        mapped = await baybroker(
            "bridge", "map", EUI.upper(), "z-1", "b-1", "--profile", "bosch-tps110", "--config", config
        )
        assert mapped.code == 0, mapped
        (said,) = await client.until_said(1)
        assert said["status"] == "occupied"
        await simulate(private_mosquitto, "--network", network, "--say", "free")
        await client.until(lambda: client.last(OCCUPANCY)["status"] == "free")
        row = await listed(config, uplinks=4)
        assert (row["mapped"], row["bay"], row["status"], row["temperature_c"]) == (True, "b-1", "free", -3.0)
        assert EUI in (await baybroker("bridge", "devices", "--config", config)).out
    assert summary["uplinks"] == 4
    assert (tmp_path / "devices.csv").read_text().splitlines()[1:] == [ROW.strip()]


async def test_sighup_reads_the_map_again_and_plain_bridge_runs_it(tmp_path, private_mosquitto, client):  # noqa: F811
    config = write_config(tmp_path, private_mosquitto.url, "chirpstack")
    birth = "gateways/gw-bridge/status"
    async with bridge_program(config) as (process, _):
        await client.until(lambda: client.last(birth)["bays"] == 1)
        file, seen = tmp_path / "devices.csv", (tmp_path / "devices.csv").stat()
        file.write_text(file.read_text().replace(EUI, f"#{EUI[1:]}"))
        os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))  # so that only the signal tells
        os.kill(process.pid, signal.SIGHUP)
        await client.until(lambda: client.last(birth)["bays"] == 0)


async def test_bad_input_is_told_in_one_line(tmp_path):
    config = write_config(tmp_path, "mqtt://127.0.0.1:1", "chirpstack")
    twice = await baybroker("bridge", "map", EUI, "z-1", "b-2", "--profile", "bosch-tps110", "--config", config)
    assert "is mapped twice" in one_line(twice)
    missing = await baybroker("bridge", "run", "--config", tmp_path / "none.toml")
    assert "none.toml" in one_line(missing)
    config.write_text(config.read_text().replace("[[sources]]", '[[sources]]\npassword_env = "NO_SUCH_VARIABLE"'))
    assert "NO_SUCH_VARIABLE is not set" in one_line(await baybroker("bridge", "run", "--config", config))
    config.write_text(config.read_text().replace("mqtt://127", "mqtt://user:secret@127"))
    assert "keep the password out" in one_line(await baybroker("bridge", "run", "--config", config))
    config.write_text("city = 3\n")
    assert "bridge.toml: city" in one_line(await baybroker("bridge", "run", "--config", config))
    wrong = await baybroker("bridge", "simulate-device", "--profile", "bosch-tps110", "--say", "flying")
    assert "--say 'flying'" in one_line(wrong)
