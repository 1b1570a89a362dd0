"""The house rules hold in every module, and each rule catches what it is there for."""

from __future__ import annotations

from collections import Counter

import pytest
from tidy_rules import PURE, ROOT, complaints, tracked_modules

LONG_FUNCTION = "def f():\n" + "    x = 1\n" * 70


@pytest.mark.parametrize("module", list(tracked_modules()), ids=str)
def test_module_is_tidy(module):
    assert complaints(module.as_posix(), (ROOT / module).read_text(encoding="utf-8")) == []


def test_pure_parts_are_those_of_the_import_rules():
    assert "allocator/domain" in PURE
    assert "broker_bridge/wire" in PURE


@pytest.mark.parametrize(
    ("where", "source", "says"),
    [
        ("allocator/store/x.py", "x = 1\n" * 401, "401 lines, at most 400"),
        ("tests/unit/test_x.py", "x = 1\n" * 601, "601 lines, at most 600"),
        ("allocator/store/x.py", LONG_FUNCTION, "f has 71 lines, at most 70"),
        ("allocator/store/x.py", "async " + LONG_FUNCTION, "f has 71 lines"),
        ("allocator/store/x.py", "from . import base\n", "a relative import"),
        ("allocator/domain/x.py", "now = datetime.now(UTC)\n", "datetime.now()"),
        ("allocator/domain/x.py", "now = datetime.datetime.now(UTC)\n", "datetime.datetime.now()"),
        ("allocator/core/x.py", "now = time.time()\n", "time.time()"),
        ("sensors_sim/engine/x.py", "x = random.random()\n", "random.random()"),
        ("sensors_sim/engine/x.py", "x = np.random.normal()\n", "np.random.normal()"),
        ("sensors_sim/engine/x.py", "x = np.random.default_rng()\n", "np.random.default_rng()"),
        ("sensors_sim/engine.py", "x = random.choice(y)\n", "random.choice()"),
        ("allocator/service/x.py", "asyncio.create_task(run())\n", "create_task without a name"),
        ("allocator/service/x.py", "group.create_task(run())\n", "create_task without a name"),
        ("allocator/service/x.py", "print(1)\n", "print() outside the CLI"),
        ("tests/unit/test_x.py", "time.sleep(1)\n", "time.sleep() in a test"),
        ("tests/unit/test_x.py", "async def f():\n    await asyncio.sleep(0.1)\n", "asyncio.sleep() in a test"),
    ],
)
def test_rule_catches(where, source, says):
    (complaint,) = complaints(where, source)
    assert says in complaint


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("allocator/store/x.py", "x = 1\n" * 400),
        ("allocator/store/x.py", "now = datetime.now(UTC)\n"),
        ("allocator/domain/x.py", "at = datetime.fromtimestamp(now, UTC)\n"),
        ("sensors_sim/engine/x.py", "x = rng.random()\n"),
        ("sensors_sim/engine/x.py", "rng = np.random.default_rng(seed)\n"),
        ("sensors_sim/engine/x.py", "rng = random.Random(seed)\n"),
        ("allocator/service/x.py", "asyncio.create_task(run(), name='run')\n"),
        ("baybroker/cli/x.py", "print(1)\n"),
        ("tests/unit/test_x.py", "async def f():\n    await asyncio.sleep(0)\n"),
    ],
)
def test_rule_lets_pass(where, source):
    assert complaints(where, source) == []


def test_test_modules_have_unique_names_and_no_packages():
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py")
    assert [name for name, count in names.items() if count > 1] == []
    assert "__init__.py" not in names
