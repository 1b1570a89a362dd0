"""The import rules of pyproject.toml hold, and each of them fails when it is broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tidy_rules import CONTRACTS, PACKAGES, ROOT

PLANTED = [
    ("Rooms", "sensors_sim/planted.py", "import allocator.domain.model"),
    ("Rooms", "allocator/planted.py", "import sensors_sim"),
    ("Rooms", "broker_bridge/transport/planted.py", "import allocator.domain.model"),
    ("Rooms", "allocator/store/planted.py", "import baybroker"),
    ("Inside the allocator", "allocator/domain/planted.py", "import allocator.store.base"),
    ("Inside the allocator", "allocator/matching/planted.py", "import allocator.core"),
    ("The pure parts", "allocator/core/planted.py", "import asyncio"),
    ("The pure parts", "broker_bridge/wire/planted.py", "import logging"),
    ("The pure parts", "allocator/matching/planted.py", "from time import monotonic"),
    ("The pure parts", "broker_bridge/devices/planted.py", "import time"),
    ("A sensor may be real", "allocator/service/planted.py", "import broker_bridge.devices"),
    ("A sensor may be real", "sensors_sim/planted.py", "from broker_bridge.devices.frame import Reading"),
    ("A sensor may be real", "broker_bridge/transport/planted.py", "import broker_bridge.devices"),
    ("Pydantic", "allocator/domain/planted.py", "import pydantic"),
]


def lint_imports(folder):
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_import_rules_hold():
    code, said = lint_imports(ROOT)
    assert code == 0, said
    assert f"{len(CONTRACTS)} kept, 0 broken" in said


@pytest.mark.parametrize(("contract", "where", "line"), PLANTED)
def test_the_import_rule_catches(copy, contract, where, line):
    planted = copy / where
    planted.write_text(line + "\n")
    try:
        code, said = lint_imports(copy)
    finally:
        planted.unlink()
    assert code == 1, said
    assert "\n" + contract in said.partition("Broken contracts")[2], said


def test_every_contract_is_tried():
    assert all(any(contract["name"].startswith(tried) for tried, *_ in PLANTED) for contract in CONTRACTS)
