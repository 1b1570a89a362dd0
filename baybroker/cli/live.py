"""What a person sees of a demo: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.console import Group
from rich.live import Live as RichLive
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

    from baybroker.demo import Demo
    from sensors_sim.summary import SimulationSummary

LINE_EVERY_S = 5.0
FRAME_EVERY_S = 0.5
COLOURS = {
    "available": "green",
    "reserved": "cyan",
    "occupied": "blue",
    "contested": "red",
    "unknown": "yellow",
    "closed": "bright_black",
}
SHOWN_AS = {
    "requests": "requests",
    "accepted": "accepted",
    "rejected": "rejected",
    "bound": "bound to a bay",
    "active": "arrived",
    "completed": "completed",
    "expired": "did not come",
    "relocated": "got a substitute",
    "failed": "promise failed",
}
# Fixed widths, 78 columns in all: nothing jumps when a number grows, and 80 columns are enough.
BAYS_WIDTH, DRIVERS_WIDTH, BAR_WIDTH = 45, 32, 24


class _View:
    def __init__(self, console: Console, demo: Demo, time_zone: str) -> None:
        self.console, self.demo, self._zone = console, demo, ZoneInfo(time_zone)
        self._seen = (time.monotonic(), 0)

    def clock(self) -> str:
        """Return the simulated wall-clock time."""
        at = self.demo.simulation.summary().sim_time if self.demo.simulation else 0
        return f"{datetime.fromtimestamp(at / 1000, UTC).astimezone(self._zone):%a %Y-%m-%d %H:%M:%S}"

    def rate(self) -> float:
        """Return messages a second since the last call, of the simulator and the allocator together."""
        now, before = time.monotonic(), self._seen
        sent = self.demo.simulation.summary().acknowledged if self.demo.simulation else 0
        sent += self.demo.allocator.published if self.demo.allocator else 0
        self._seen = (now, sent)
        return (sent - before[1]) / max(now - before[0], 0.001)


class Lines(_View):
    """A line every few seconds."""

    async def run(self) -> None:
        """Print until cancelled."""
        while True:
            await asyncio.sleep(LINE_EVERY_S)
            if self.demo.simulation is None or self.demo.allocator is None:
                continue
            said = self.demo.simulation.summary()
            if not said.sim_time:
                continue
            promises = " ".join(f"{name} {getattr(said, name)}" for name in SHOWN_AS)
            lag_ms = said.lag_ms + self.demo.allocator.lag_ms
            self.console.print(
                f"{self.clock()}  {promises}  {self.rate():.0f} msg/s  lag {lag_ms} ms",
                highlight=False,
                soft_wrap=True,
            )


@contextlib.contextmanager
def _log_above() -> Iterator[None]:
    """Have log lines go where Rich puts what is printed beside a live view: above it, not through it."""
    handlers = [handler for handler in logging.root.handlers if isinstance(handler, logging.StreamHandler)]
    before = [handler.setStream(sys.stderr) for handler in handlers]
    try:
        yield
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            if stream is not None:
                handler.setStream(stream)


class Live(_View):
    """A view that is drawn anew twice a second."""

    async def run(self) -> None:
        """Draw until cancelled."""
        with RichLive(console=self.console, auto_refresh=False, transient=False) as live, _log_above():
            while True:
                live.update(self._frame(), refresh=True)
                await asyncio.sleep(FRAME_EVERY_S)

    def _frame(self) -> RenderableType:
        simulation, allocator = self.demo.simulation, self.demo.allocator
        if simulation is None or allocator is None:
            return Text("starting")
        said = simulation.summary()
        panels = Table.grid(padding=(0, 1))
        panels.add_row(
            Panel(self._bays(allocator.bay_counts()), title="bays", width=BAYS_WIDTH),
            Panel(self._promises(said), title="drivers", width=DRIVERS_WIDTH),
        )
        lag = f"behind {said.lag_ms} ms (world) {allocator.lag_ms} ms (allocator)"
        dropped = sum(allocator.dropped.values())
        health = Text(f"{self.rate():.0f} messages/s   {lag}   {dropped} dropped", style="dim")
        if not said.sim_time:
            return Group(Text("the world is about to start", style="bold"), panels, health)
        return Group(Text(f"{self.clock()}   {self._pace(said)}", style="bold"), panels, health)

    @staticmethod
    def _pace(said: SimulationSummary) -> str:
        if said.paused:
            return "paused"
        return f"{said.speed:g} times real time" if said.speed else "as fast as it goes"

    @staticmethod
    def _bays(counts: Counter[str]) -> Table:
        rows = Table.grid(padding=(0, 1))
        for width, align in ((9, "left"), (6, "right"), (BAR_WIDTH, "left")):
            rows.add_column(width=width, justify=align)  # type: ignore[arg-type]
        most = max(sum(counts.values()), 1)
        for status, colour in COLOURS.items():
            # A bay that is there is seen: rounding never hides the last one.
            cells = min(BAR_WIDTH, max(round(BAR_WIDTH * counts[status] / most), 1 if counts[status] else 0))
            rows.add_row(Text(status, style=colour), f"{counts[status]:,}", Text("█" * cells, style=colour))
        rows.add_row("all", f"{sum(counts.values()):,}", "", style="dim")
        return rows

    @staticmethod
    def _promises(said: SimulationSummary) -> Table:
        rows = Table.grid(padding=(0, 1))
        rows.add_column(width=18)
        rows.add_column(width=9, justify="right")
        for name, shown in SHOWN_AS.items():
            count = getattr(said, name)
            rows.add_row(shown, f"{count:,}", style="red" if name == "failed" and count else "")
        return rows
