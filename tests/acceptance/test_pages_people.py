"""A driver books by clicking and gets a bay, a resident opens hours and calls the bay back, an operator looks."""

from __future__ import annotations

import json

import pytest
from pages_world import PHONE, browser, tab_to

__all__ = ["browser"]
DASH = "\u2013"
BEST_ZONE = """
fetch('/api/v1/zones').then(it => it.json()).then(({items}) => items.sort((a, b) => b.free_now - a.free_now)[0].centre)
"""
ON_SCREEN = """
(place) => {
  const { map } = document.getElementById("map");
  map.jumpTo({ center: [place.lon, place.lat], zoom: 16 });
  const { x, y } = document.querySelector("#map canvas").getBoundingClientRect();
  const at = map.project([place.lon, place.lat]);
  return [x + at.x, y + at.y];
}
"""


def ask_by_clicking(page, walk_m="500"):
    centre = page.evaluate(BEST_ZONE)
    page.mouse.click(*page.evaluate(ON_SCREEN, centre))
    page.wait_for_function("document.getElementById('place').value !== ''")
    page.get_by_label("Walk at most").select_option(walk_m)
    page.get_by_role("button", name="Get a bay").click()


def become(page, status):
    page.locator(f"#booking[data-status={status}]").wait_for()


def test_a_driver_books_by_clicking_and_gets_a_bay(browser):
    with browser.open("/drive") as page:
        ask_by_clicking(page)
        become(page, "bound")
        bay = page.locator("#booked-bay").inner_text()
        assert "m to the" in page.locator(".way").inner_text()
        shown = page.evaluate("bay => fetch(`/api/v1/bays/${bay}`).then(it => it.json()).then(it => it.status)", bay)
        assert shown in {"reserved", "occupied"}
        page.get_by_role("button", name="I am there").click()
        become(page, "active")
        page.get_by_role("button", name="+10 min").click()
        page.locator("#messages").get_by_text("stay").wait_for()
        page.get_by_role("button", name="I have left").click()
        become(page, "completed")
        page.get_by_text("Receipts of this month").click()
        page.locator("#receipts").get_by_role("cell", name=bay).wait_for()


def test_a_driver_cancels_a_promise_and_waits_in_line(browser):
    with browser.open("/drive") as page:
        page.get_by_label("Arrive").select_option("120")
        ask_by_clicking(page)
        become(page, "accepted")
        page.get_by_text("Why this one?").click()
        assert page.locator("#booking details li").count() > 0
        page.get_by_role("button", name="Cancel", exact=True).click()
        become(page, "cancelled")
        page.get_by_label("Latitude, longitude").fill("37.40000, 126.80000")
        page.get_by_label("If none is free, wait for one").check()
        page.get_by_role("button", name="Get a bay").click()
        become(page, "waiting")
        page.get_by_role("button", name="Cancel", exact=True).click()
        become(page, "cancelled")


def test_a_driver_is_told_why_there_is_none(browser):
    with browser.open("/drive") as page:
        page.get_by_label("Latitude, longitude").fill("37.40000, 126.80000")
        page.get_by_role("button", name="Get a bay").click()
        page.locator("#messages").get_by_text("no bay is free then, so near").wait_for()


def test_a_driver_books_by_keyboard_only(browser):
    with browser.open("/drive") as page:
        tab_to(page, "document.activeElement.id === 'near'")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        page.wait_for_function("document.getElementById('place').value !== ''")
        tab_to(page, "document.activeElement.id === 'lead'")
        page.keyboard.press("End")
        page.keyboard.press("ArrowUp")
        tab_to(page, "document.activeElement.id === 'walk'")
        page.keyboard.press("End")
        tab_to(page, "document.activeElement.id === 'book'")
        page.keyboard.press("Enter")
        become(page, "accepted")
        tab_to(page, "document.activeElement.dataset.verb === 'cancel'")
        page.keyboard.press("Enter")
        become(page, "cancelled")


def cell(page, day, slot):
    box = page.locator(f".week-cell[data-day='{day}'][data-slot='{slot}']").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_resident_opens_a_window_and_calls_the_bay_back(browser):
    with browser.open("/home", size={"width": 1280, "height": 1600}) as page:
        page.mouse.move(*cell(page, 0, 0))
        page.mouse.down()
        page.mouse.move(*cell(page, 4, 47), steps=4)
        page.mouse.up()
        page.get_by_text(f"Mon, Tue, Wed, Thu, Fri 00:00{DASH}24:00").wait_for()
        page.get_by_role("button", name="Offer these hours").click()
        page.locator(".offer-line[data-kind=weekly]").wait_for()
        page.locator("#bay-state").get_by_text("Closed").wait_for(state="hidden")
        page.get_by_role("button", name="I am coming home").click()
        page.locator(".offer-line[data-kind=recall]").wait_for()
        page.locator("#bay-state").get_by_text("Closed").wait_for()
        page.get_by_role("button", name="Open again").click()
        page.locator(".offer-line[data-kind=recall]").wait_for(state="hidden")
        page.get_by_role("button", name="Withdraw").click()
        page.get_by_text("Nothing is on offer.").wait_for()


def test_a_resident_is_away_for_once_and_lets_the_bay_open_by_itself(browser):
    with browser.open("/home") as page:
        page.get_by_role("button", name="I am away now").click()
        page.locator(".offer-line[data-kind=once]").wait_for()
        page.get_by_label("Open by itself").check()
        page.locator(".offer-line[data-kind=auto]").wait_for()
        page.get_by_label("Open by itself").uncheck()
        page.locator(".offer-line[data-kind=auto]").wait_for(state="hidden")
        page.locator(".offer-line[data-kind=once]").get_by_role("button").click()
        page.get_by_text("Nothing is on offer.").wait_for()


def test_a_resident_marks_hours_by_keyboard_only(browser):
    with browser.open("/home") as page:
        tab_to(page, "document.activeElement.matches('.week-cell')")
        page.keyboard.press("ArrowRight")
        for key in ("Shift+ArrowDown", "Shift+ArrowDown", "Shift+ArrowRight", "Space"):
            page.keyboard.press(key)
        page.get_by_text(f"Tue, Wed 09:00{DASH}10:30").wait_for()
        tab_to(page, "document.activeElement.id === 'week-save'")
        page.keyboard.press("Enter")
        page.locator(".offer-line[data-kind=weekly]").get_by_text(f"Tue, Wed 09:00{DASH}10:30").wait_for()
        tab_to(page, "document.activeElement.closest('.offer-line') !== null")
        page.keyboard.press("Enter")
        page.get_by_text("Nothing is on offer.").wait_for()


def test_an_operator_sees_the_day_and_closes_a_bay(browser):
    with browser.open("/ops") as page:
        page.locator("#chart-bays .main-svg").first.wait_for()
        page.locator(".kpi", has_text="Requests").first.wait_for()
        with page.expect_download() as download:
            page.get_by_role("button", name="Export as CSV").click()
        assert download.value.path().read_text(encoding="utf-8").startswith("entry_id,")
        for verb in ("Close", "Open"):
            page.get_by_label("Bay", exact=True).fill("daehak-0001")
            page.get_by_role("button", name=verb, exact=True).click()
            page.locator("#messages").get_by_text("daehak-0001: done.").wait_for()
            page.evaluate("document.getElementById('messages').replaceChildren()")


@pytest.mark.parametrize("path", ["/drive", "/home", "/ops"])
def test_fits_a_phone(browser, path):
    with browser.open(path, size=PHONE, has_touch=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_token_is_asked_for_where_it_is_no_demo(browser):
    tokens = browser_tokens(browser)
    with browser.context() as context:
        page = context.new_page()
        page.route("**/api/v1/session", lambda route: route.fulfill(json=who(route.request.headers, tokens)))
        page.goto(f"{browser.demo.url}/drive")
        page.get_by_label("Token").fill(tokens["resident"])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("not one of a driver").wait_for()
        page.get_by_label("Token").fill(tokens["driver"])
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Get a bay").wait_for()
        page.reload()
        page.get_by_role("button", name="Get a bay").wait_for()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Token").wait_for()


def browser_tokens(browser):
    with browser.context() as context:
        return json.loads(context.request.get(f"{browser.demo.url}/api/v1/session").text())["tokens"]


def who(headers, tokens):
    """Answer as a server that is no demo would."""
    bearer = headers.get("authorization", "").removeprefix("Bearer ")
    role = next((role for role, token in tokens.items() if token == bearer), "public")
    return {"demo": False, "role": role, "subject": None if role == "public" else f"{role}-1", "tokens": None}
