"""The house rules that no linter knows, as functions from a parsed module to complaints."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = tuple(PYPROJECT["tool"]["importlinter"]["root_packages"])
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
PURE = tuple(
    module.replace(".", "/")
    for contract in CONTRACTS
    if contract["name"].startswith("The pure parts")
    for module in contract["source_modules"]
)
MODULE_LINES_MAX, TEST_LINES_MAX, FUNCTION_LINES_MAX = 400, 600, 70
CLOCKS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns", "time.monotonic",
    "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns",
}  # fmt: skip
SEEDED = {"Random", "Generator", "SeedSequence", "PCG64", "default_rng"}


def tracked_modules():
    """Yield every module of the packages, the tests and the scripts, relative to the root."""
    for folder in (*PACKAGES, "tests", "scripts"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT)


def complaints(where: str, source: str) -> list[str]:
    """Return what the module at `where` breaks, one line each."""
    path = PurePosixPath(where)
    lines, limit = source.count("\n"), TEST_LINES_MAX if path.parts[0] == "tests" else MODULE_LINES_MAX
    found = [f"{where}: {lines} lines, at most {limit}"] if lines > limit else []
    for node in ast.walk(ast.parse(source)):
        found += [f"{where}:{node.lineno}: {what}" for rule in _RULES for what in rule(node, path)]
    return found


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}".lstrip(".")
    return node.id if isinstance(node, ast.Name) else ""


def _is_pure(path: PurePosixPath) -> bool:
    return any(str(path.with_suffix("")) == part or path.is_relative_to(part) for part in PURE)


def _function_length(node, _path):
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        lines = node.end_lineno - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def _relative_import(node, _path):
    if isinstance(node, ast.ImportFrom) and node.level:
        yield "a relative import"


def _clock_in_a_pure_part(node, path):
    if isinstance(node, ast.Call) and _is_pure(path):
        name = _dotted(node.func)
        if any(name == clock or name.endswith(f".{clock}") for clock in CLOCKS):
            yield f"{name}() in a pure part: take `now` as an argument"


def _global_randomness_in_a_pure_part(node, path):
    if isinstance(node, ast.Call) and _is_pure(path):
        *owner, called = _dotted(node.func).split(".")
        unseeded = called in SEEDED and not (node.args or node.keywords)
        if "random" in owner and (called not in SEEDED or unseeded):
            yield f"{'.'.join([*owner, called])}() in a pure part: take a generator as an argument"


def _nameless_task(node, path):
    is_ours = path.parts[0] in PACKAGES
    if is_ours and isinstance(node, ast.Call) and _dotted(node.func).rpartition(".")[2] == "create_task":
        names = [keyword.arg for keyword in node.keywords]
        if "name" not in names and None not in names:
            yield "create_task without a name"


def _print_outside_the_cli(node, path):
    is_ours = path.parts[0] in PACKAGES and not str(path).startswith("baybroker/cli")
    if isinstance(node, ast.Call) and is_ours and _dotted(node.func) == "print":
        yield "print() outside the CLI"


def _sleep_in_a_test(node, path):
    if isinstance(node, ast.Call) and path.parts[0] == "tests":
        name = _dotted(node.func)
        lets_others_run = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        if name == "time.sleep" or (name == "asyncio.sleep" and not lets_others_run):
            yield f"{name}() in a test: wait for the event"


_RULES = (
    _function_length,
    _relative_import,
    _clock_in_a_pure_part,
    _global_randomness_in_a_pure_part,
    _nameless_task,
    _print_outside_the_cli,
    _sleep_in_a_test,
)
