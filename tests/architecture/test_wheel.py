"""What is installed from the wheel: the four packages with their data, and nothing at the top that is not ours."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest
from tidy_rules import PACKAGES, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT],
        check=True,
        timeout=110,
    )
    (path,) = folder.glob("baybroker-*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_carries_every_configuration_file(wheel):
    config = ROOT / "config"
    files = {path.relative_to(config).as_posix() for path in config.rglob("*") if path.is_file()}
    assert "mosquitto/start.sh" in files
    assert {f"baybroker/_config/{name}" for name in files} <= set(wheel.namelist())
    assert wheel.read("baybroker/_config/mosquitto/acl") == (config / "mosquitto" / "acl").read_bytes()


def test_carries_every_module(wheel):
    modules = {p.relative_to(ROOT).as_posix() for name in PACKAGES for p in (ROOT / name).rglob("*.py")}
    assert modules <= set(wheel.namelist())


def test_has_nothing_else_at_the_top(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_installs_the_command(wheel):
    (entry_points,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "baybroker = baybroker.cli:main" in wheel.read(entry_points).decode()
