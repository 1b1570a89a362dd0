"""`baybroker bench`: our figures beside those of a named peer, on this machine."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from allocator.core import Settings
from baybroker.bench.decision import DecisionSettings
from baybroker.bench.decision import decision as measure_decision
from baybroker.bench.engine import engine as measure_engine
from baybroker.bench.ingest import ingest as measure_ingest
from baybroker.bench.latency import latency as measure_latency
from baybroker.bench.machine import machine_facts
from baybroker.bench.publish import publish as measure_publish
from baybroker.cli.allocate import PolicyName  # noqa: TC001 - Typer reads it at run time
from baybroker.cli.app import app
from baybroker.cli.common import Json, first_of, run
from baybroker.policies import load_policy
from broker_bridge.transport.address import parse_address
from broker_bridge.transport.embedded import start_broker
from sensors_sim.scenario import load_scenario

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from baybroker.bench.compare import Comparison, Spread
    from broker_bridge.transport.base import BrokerAddress

    Result = tuple[list[Comparison], dict[str, Any]]
    Measure = Callable[[BrokerAddress, Path, Callable[[str], None]], Awaitable[Result]]

bench = typer.Typer(help="Ratios against named peers, side by side, on a Mosquitto of our own.", no_args_is_help=True)
app.add_typer(bench, name="bench")
Messages = Annotated[int, typer.Option(min=1, max=500_000, help="How many messages each time.")]
Bays = Annotated[int, typer.Option(min=1, max=200_000, help="How many bays are registered.")]
Repetitions = Annotated[int, typer.Option(min=1, max=100, help="How often; the median counts.")]


@bench.command()
def ingest(
    messages: Messages = 20_000, bays: Bays = 1_000, repetitions: Repetitions = 3, as_json: Json = False
) -> None:
    """Time waiting sensor messages to committed, acknowledged and published; peer: paho that stores nothing."""

    async def measure(address: BrokerAddress, directory: Path, said: Callable[[str], None]) -> Result:
        rows = await measure_ingest(
            address, directory, messages=messages, bays=bays, repetitions=repetitions, said=said
        )
        return rows, {"messages": messages, "bays": bays, "repetitions": repetitions}

    _bench("ingest", measure, as_json)


@bench.command()
def publish(
    messages: Messages = 20_000, bays: Bays = 2_000, repetitions: Repetitions = 3, as_json: Json = False
) -> None:
    """Time the simulator's publishing; peer: bare paho-mqtt with the same window."""

    async def measure(address: BrokerAddress, _directory: Path, said: Callable[[str], None]) -> Result:
        rows = await measure_publish(address, messages=messages, bays=bays, repetitions=repetitions, said=said)
        return rows, {"messages": messages, "bays": bays, "repetitions": repetitions}

    _bench("publish", measure, as_json)


@bench.command()
def latency(
    requests: Annotated[int, typer.Option(min=1, max=100_000, help="How many requests each time.")] = 500,
    bays: Bays = 2_000,
    repetitions: Repetitions = 3,
    as_json: Json = False,
) -> None:
    """Time requests to their committed replies; peer: an MQTT echo that commits one row."""

    async def measure(address: BrokerAddress, directory: Path, said: Callable[[str], None]) -> Result:
        rows, accepted = await measure_latency(
            address, directory, asked=requests, bays=bays, repetitions=repetitions, said=said
        )
        return rows, {"requests": requests, "bays": bays, "repetitions": repetitions, "accepted_share": accepted}

    _bench("latency", measure, as_json)


@bench.command()
def decision(
    requests: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many requests the weekday has.")] = 60_000,
    bays: Bays = 120_000,
    hot: Annotated[float, typer.Option(min=0.0, max=1.0, help="Which share of them is for five sharp spots.")] = 0.65,
    policy: PolicyName = "bind-late",
    as_json: Json = False,
) -> None:
    """Time the core's decisions in memory, through a weekday; there is no peer and no broker."""
    settings = DecisionSettings(bays=bays, requests=requests, hot=hot, rules=Settings(policy=load_policy(policy)))
    with Console(stderr=True).status("decision") as status:
        found = measure_decision(settings, status.update)
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("what", "figure", title="one decision in memory")
    for name, figure in found.items():
        table.add_row(name.replace("_", " "), str(figure))
    Console().print(table)


@bench.command(name="engine")
def engine_alone(
    scenario: Annotated[str, typer.Option(help="A scenario's name, or a TOML file.")] = "seoul-all",
    days: Annotated[int, typer.Option(min=1, max=31, help="How many days the world lives.")] = 1,
    repetitions: Repetitions = 3,
    as_json: Json = False,
) -> None:
    """Time the simulated world alone, without broker and allocator; peer: a plain SimPy model of the same events."""
    with Console(stderr=True).status("engine") as status:
        row, facts = measure_engine(load_scenario(scenario), days=days, repetitions=repetitions, said=status.update)
    if as_json:
        typer.echo(json.dumps({"benchmark": "engine", "scenario": scenario, **facts, "rows": [asdict(row)]}))
        return
    told = ("bays", "build_s", "peak_rss_mib", "event_hash")
    _show([row], {name.replace("_", " "): facts[name] for name in told} | facts["machine"])


def _bench(name: str, measure: Measure, as_json: bool) -> None:
    """Measure on a broker and in a directory of our own, and print what came of it."""
    console = Console(stderr=True)
    found: dict[str, Any] = {}
    rows: list[Comparison] = []

    async def session(directory: Path) -> None:
        async with start_broker(directory=directory, prefer="mosquitto") as broker:
            address = parse_address(broker.url)
            with console.status(name) as status:
                machine = await machine_facts(address, directory)
                compared, sizes = await measure(address, directory, status.update)
        rows.extend(compared)
        found.update(benchmark=name, **sizes, rows=[asdict(row) for row in compared], machine=machine)

    async def work(stop: asyncio.Event) -> int:
        with tempfile.TemporaryDirectory(prefix="baybroker-bench-") as directory:
            await first_of(stop.wait(), session(Path(directory)))
        return 130 if stop.is_set() else 0

    run(work)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        _show(rows, found["machine"])


def _show(rows: list[Comparison], machine: dict[str, Any]) -> None:
    facts = ", ".join(f"{name} {value}" for name, value in machine.items())
    table = Table(title=f"peer: {rows[0].peer_is}", caption=facts, caption_justify="left")
    for heading in ("what", "unit", "ours", "peer's", "ratio", "target"):
        table.add_column(heading)
    for row in rows:
        judged = f"{row.target}: target {'met' if row.met else 'missed'}" if row.target else ""
        table.add_row(row.what, row.unit, _spread(row.ours), _spread(row.peer), _spread(row.ratio), judged)
    Console().print(table)


def _spread(of: Spread) -> str:
    return f"{of.median:g} ({of.min:g}-{of.max:g})"
