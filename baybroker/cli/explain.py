"""`baybroker explain`: why a request ended as it did."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.text import Text
from rich.tree import Tree

from baybroker.cli.app import app
from baybroker.cli.common import Json, console
from baybroker.history import explain as history
from broker_bridge.wire.times import parse_rfc3339


@app.command()
def explain(
    database: Annotated[Path, typer.Argument(help="The SQLite file.", dir_okay=False)],
    name: Annotated[str, typer.Argument(metavar="RESERVATION|REQUEST", help="A reservation_id or a request_id.")],
    driver: Annotated[str | None, typer.Option(help="Whose request it was, where several drivers used its id.")] = None,
    as_json: Json = False,
) -> None:
    """Tell from the events why a request was accepted or not, and what became of it."""
    story = history.explain(database, name, driver)
    if as_json:
        typer.echo(json.dumps(story, ensure_ascii=False))
        return
    console().print(_tree(story))


def _tree(story: dict[str, Any]) -> Tree:
    zone = ZoneInfo(story["time_zone"])
    head = f"reservation {story['reservation_id']}" if story["reservation_id"] else f"request {story['request_id']}"
    tree = Tree(Text(f"{head} of {story['driver']}: {story['status']} (times of {story['time_zone']})"))
    for step in story["steps"]:
        at = datetime.fromtimestamp(parse_rfc3339(step["at"]) / 1000, zone)
        first, *more = step["said"]
        branch = tree.add(Text(f"{at:%m-%d %H:%M:%S}  {first}"))
        for line in more:
            branch.add(Text(line))
    return tree
