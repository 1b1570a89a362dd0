"""A demo with its pages, and a headless Chromium that watches every request and every word on the console."""

from __future__ import annotations

import contextlib
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright
from program import PROGRAM, clean_environment

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-background-networking",
    "--disable-component-update", "--no-first-run",
)  # fmt: skip
DESKTOP = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
PATHS = {"map": "/", "drive": "/drive", "home": "/home", "ops": "/ops"}
READY = "html[data-ready]"
PATIENCE_MS = 30_000
SPEED = 5
"""Slow enough that nobody is a no-show while a test presses the buttons."""


class Demo:
    """`baybroker demo` as its own process."""

    def __init__(self, database: Path) -> None:
        command = [*PROGRAM, "demo", "--headless", "--port", "0", "--speed", str(SPEED), "--database", str(database)]
        self.database = database
        self._process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=clean_environment()
        )
        self.url = self._told(r"(http://\S+?)/[;\s]")
        self.broker = self._told(r"(mqtt://\S+?)\.\s")

    def _told(self, pattern: str) -> str:
        for line in self._process.stderr:
            if found := re.search(pattern, line):
                return found[1]
        raise AssertionError(f"the demo ended without telling {pattern}")

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)


class Watched:
    """A page whose faults are collected; `check()` finds none."""

    def __init__(self, page, url: str) -> None:
        self.page, self._host = page, urlsplit(url).netloc
        self.faults: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.context.on("request", self._asked)

    def _said(self, message) -> None:
        if message.type in {"error", "warning"} and "GPU stall due to ReadPixels" not in message.text:
            self.faults.append(f"{message.type}: {message.text} {message.location}")

    def _asked(self, request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"blob", "data"} and parts.netloc != self._host:
            self.faults.append(f"another host: {request.url}")

    def check(self) -> None:
        assert self.faults == []


class Browser:
    """Opens pages of one demo."""

    def __init__(self, browser, demo: Demo) -> None:
        self._browser, self.demo = browser, demo

    @contextlib.contextmanager
    def context(self, *, size=DESKTOP, theme="light", locale="en-US", **more):
        context = self._browser.new_context(viewport=size, color_scheme=theme, locale=locale, **more)
        try:
            yield context
        finally:
            context.close()

    @contextlib.contextmanager
    def open(self, path, *, url=None, **how):
        """Yield the page once it is ready; afterwards it must have been without fault."""
        with self.context(**how) as context:
            watched = Watched(context.new_page(), url or self.demo.url)
            watched.page.goto(f"{url or self.demo.url}{path}")
            watched.page.wait_for_selector(READY, state="attached")
            yield watched.page
            watched.check()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    demo = Demo(tmp_path_factory.mktemp("demo") / "demo.db")
    try:
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*FLAGS])
            yield Browser(chromium, demo)
            chromium.close()
    finally:
        demo.stop()


def tab_to(page, condition, *, key="Tab", most=80):
    """Press Tab until the condition holds, as one does who has no mouse."""
    for _ in range(most):
        if page.evaluate(condition):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not reach: {condition}")
