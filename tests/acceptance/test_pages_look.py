"""How every page looks, light and dark: written to `--screenshots FOLDER`, and without a grave barrier for anybody."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages_world import DESKTOP, PATHS, PHONE, browser

__all__ = ["browser"]
GRAVE = {"serious", "critical"}


def barriers(page):
    """Return what axe-core calls serious or critical."""
    told = Axe().run(page).response
    assert told["passes"]
    found = told["violations"]
    return [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found if one["impact"] in GRAVE]


def shoot(page, request, name, *, whole):
    """Write the page where it was asked for."""
    folder = request.config.getoption("--screenshots")
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", full_page=whole)


def settle(page, name):
    """Wait until the page shows what it loads by and by."""
    if name == "ops":
        page.locator("#chart-requests .main-svg").first.wait_for()
    page.locator("#health").get_by_text("Dropped").or_(page.locator("#health").get_by_text("버려진")).wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PATHS)
def test_has_no_grave_barrier(browser, name, theme, request):
    with browser.open(PATHS[name], theme=theme) as page:
        settle(page, name)
        if name == "map":
            page.get_by_label("Find a bay").fill("sillim-0001")
            page.get_by_role("button", name="Find", exact=True).click()
            page.get_by_role("heading", name="sillim-0001").wait_for()
        assert barriers(page) == []
        shoot(page, request, f"{name}-{theme}", whole=name in {"home", "ops"})


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PATHS)
def test_fits_a_phone_in_korean(browser, name, theme, request):
    with browser.open(PATHS[name], theme=theme, size=PHONE, locale="ko-KR", has_touch=True) as page:
        settle(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"] < DESKTOP["width"]
        assert barriers(page) == []
        shoot(page, request, f"{name}-{theme}-phone", whole=True)


def test_has_no_grave_barrier_with_a_booking(browser):
    with browser.open("/drive") as page:
        page.get_by_label("Near").select_option(index=1)
        page.get_by_label("Walk at most").select_option("500")
        page.get_by_role("button", name="Get a bay").click()
        page.locator("#booking").wait_for()
        assert barriers(page) == []
        page.get_by_role("button", name="Cancel", exact=True).click()
        page.locator("#booking[data-status=cancelled]").wait_for()


def test_table_of_the_map_has_no_grave_barrier(browser):
    with browser.open("/") as page:
        page.locator("summary").click()
        page.get_by_role("button", name="bongcheon-0001", exact=True).wait_for()
        assert barriers(page) == []
