"""What a person sees of a demo: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from rich.columns import Columns
from rich.console import Group
from rich.live import Live as RichLive
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from baybroker.demo import Demo

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
PROMISES = ("requests", "accepted", "rejected", "bound", "active", "completed", "expired", "relocated", "failed")


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
            promises = " ".join(f"{name} {getattr(said, name)}" for name in PROMISES)
            lag_ms = said.lag_ms + self.demo.allocator.lag_ms
            self.console.print(
                f"{self.clock()}  {promises}  {self.rate():.0f} msg/s  lag {lag_ms} ms",
                highlight=False,
                soft_wrap=True,
            )


class Live(_View):
    """A view that is drawn anew twice a second."""

    async def run(self) -> None:
        """Draw until cancelled."""
        with RichLive(console=self.console, auto_refresh=False, transient=False) as live:
            while True:
                live.update(self._frame(), refresh=True)
                await asyncio.sleep(FRAME_EVERY_S)

    def _frame(self) -> RenderableType:
        demo = self.demo
        if demo.simulation is None or demo.allocator is None:
            return Text("starting")
        said, counts = demo.simulation.summary(), demo.allocator.bay_counts()
        bays = Table.grid(padding=(0, 1))
        most = max(sum(counts.values()), 1)
        for status, colour in COLOURS.items():
            bar = Text("█" * round(30 * counts[status] / most), style=colour)
            bays.add_row(Text(status, style=colour), str(counts[status]), bar)
        promises = Table.grid(padding=(0, 2))
        for name in PROMISES:
            promises.add_row(name, str(getattr(said, name)))
        health = Text(
            f"{self.rate():.0f} messages/s   lag {said.lag_ms} ms (world) {demo.allocator.lag_ms} ms (allocator)"
            f"   dropped {sum(demo.allocator.dropped.values())}   {demo.broker}"
        )
        head = Text(f"{self.clock()}   x{said.speed:g}", style="bold")
        panels = Columns([Panel(bays, title="bays"), Panel(promises, title="promises")])
        return Group(head, panels, health)
