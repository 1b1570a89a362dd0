"""Measures the live map against a bare MapLibre page with the same points and no updates, in one headless Chromium.

    python examples/map_frames/run.py --bays 20000 --updates 200 --rounds 5

Both pages are drawn by software (SwiftShader) in a map of the same size. Each round opens both in turn: how long until
the points are drawn, and the time from frame to frame while the map lies still, and while it moves at two scales.
Prints medians; exit code 1 where the live map takes more than 1.3 times as long. Needs playwright and a Chromium.
"""  # noqa: INP001 - a script

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from city import made_up_bays, made_up_city
from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from playwright.async_api import Browser

HERE = Path(__file__).parent
FLAGS = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking",
    "--disable-component-update", "--no-first-run",
)  # fmt: skip
WINDOW = {"width": 1280, "height": 860}
VIEWS: dict[str, float | None] = {"still": None, "moving, whole city": 0, "moving, streets": 16.5}
"""Zoom while moving: 0 keeps that of the whole city, None does not move."""
RATIO_MAX = 1.3


async def page_figures(browser: Browser, url: str, seconds: float) -> dict[str, float]:
    """Return a page's figures in milliseconds."""
    page = await browser.new_page(viewport=WINDOW)
    await page.goto(url)
    await page.wait_for_selector("html[data-ready]", state="attached")
    marks = "performance.getEntriesByName('bays-drawn')[0].startTime"
    figures = {"points drawn": float(await page.evaluate(marks))}
    script = (HERE / "frames.js").read_text(encoding="utf-8")
    for view, zoom in VIEWS.items():
        figures[view] = statistics.median(await page.evaluate(script, [seconds, zoom]))
    await page.close()
    return figures


async def measure(url: str, bare: dict[str, Any], chromium: str, rounds: int, seconds: float) -> dict[str, Any]:
    """Return the medians of both pages, and their ratios."""
    found: dict[str, list[dict[str, float]]] = {"": [], "bare": []}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=[*FLAGS])
        bare |= await _map_size(browser, url)
        for number in range(rounds + 1):
            for path in (("", "bare"), ("bare", ""))[number % 2]:
                figures = await page_figures(browser, f"{url}/{path}", seconds)
                found[path] += [figures] if number else []  # the first round warms up
        await browser.close()
    names = found[""][0]
    live, yardstick = (
        {name: statistics.median(one[name] for one in found[path]) for name in names} for path in ("", "bare")
    )
    return {
        name: {"live": live[name], "bare": yardstick[name], "ratio": live[name] / yardstick[name]} for name in names
    }


async def _map_size(browser: Browser, url: str) -> dict[str, Any]:
    """Return the size of the live page's map and of its symbols, for the bare one to have the same."""
    page = await browser.new_page(viewport=WINDOW)
    await page.goto(url)
    await page.wait_for_selector("html[data-ready]", state="attached")
    size = await page.evaluate("(({clientWidth: width, clientHeight: height}) => ({width, height}))(map)")
    await page.close()
    return dict(size)


async def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--bays", type=int, default=20_000)
    parser.add_argument("--updates", type=int, default=200, help="a second")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each view")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    bare: dict[str, Any] = {"size_px": [5, 21]}
    app = made_up_city(made_up_bays(given.bays), given.updates, bare, HERE)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve([listening]), name="server")
    try:
        figures = await measure(f"http://127.0.0.1:{port}", bare, given.chromium, given.rounds, given.seconds)
    finally:
        server.should_exit = True
        await serving
    for name, row in figures.items():
        told = f"{name:>20}  live {row['live']:8.1f} ms  bare {row['bare']:8.1f} ms  ratio {row['ratio']:.2f}\n"
        sys.stdout.write(told)
    return int(any(row["ratio"] > RATIO_MAX for row in figures.values()))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
