"""The live map in a real browser: every bay, live, by mouse, by keys, on a phone, and without a map at all."""

from __future__ import annotations

import re

from pages_world import PHONE, READY, browser, tab_to

__all__ = ["browser"]
COUNTS = "[...document.querySelectorAll('[id^=count-]')].map(element => Number(element.textContent))"
NO_WEBGL = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
  return kind.startsWith("webgl") ? null : real.call(this, kind, ...more);
};
"""
# A symbol is drawn where the bay is: the map's own pixels there are not those of the ground.
DRAWN = """
async (bay) => {
  const { map } = document.getElementById("map");
  map.jumpTo({ center: [bay.lon, bay.lat], zoom: 18 });
  await new Promise((resolve) => map.once("render", resolve));
  map.triggerRepaint();
  return new Promise((resolve) =>
    map.once("render", () => {
      const { gl } = map.painter.context;
      const pixel = new Uint8Array(4);
      gl.readPixels(gl.drawingBufferWidth / 2 - 5, gl.drawingBufferHeight / 2, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
      resolve([...pixel.slice(0, 3)]);
    }),
  );
}
"""
CLOSE_TO = {"available": (0x0F, 0x8A, 0x67), "occupied": (0xB5, 0x52, 0x3B), "reserved": (0x2A, 0x62, 0xC9)}


def bays_of(page):
    return page.evaluate("fetch('/api/v1/bays?limit=1000').then(it => it.json()).then(it => it.items)")


def changed(page, before):
    page.wait_for_function(f"before => JSON.stringify({COUNTS}) !== before", arg=before)


def find(page, bay):
    page.get_by_label("Find a bay").fill(bay)
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("heading", name=bay).wait_for()


def test_shows_every_bay_and_follows_the_city(browser):
    with browser.open("/") as page:
        bays = bays_of(page)
        counts = page.evaluate(COUNTS)
        assert sum(counts) == len(bays) == 300
        changed(page, str(counts).replace(" ", ""))
        assert sum(page.evaluate(COUNTS)) == 300


def test_draws_bays_in_the_colour_of_their_status(browser):
    with browser.open("/") as page:
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="Resume").wait_for()
        bays = {one["status"]: one for one in bays_of(page)}
        for status in CLOSE_TO.keys() & bays:
            pixel = page.evaluate(DRAWN, bays[status])
            assert all(abs(a - b) < 40 for a, b in zip(pixel, CLOSE_TO[status], strict=True)), (status, pixel)
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("button", name="Pause").wait_for()


def test_tells_a_bays_story_when_it_is_clicked(browser):
    with browser.open("/") as page:
        bay = bays_of(page)[0]
        page.evaluate("bay => document.getElementById('map').map.jumpTo({center: [bay.lon, bay.lat], zoom: 18})", bay)
        canvas = page.locator("#map canvas").bounding_box()
        page.mouse.click(canvas["x"] + canvas["width"] / 2, canvas["y"] + canvas["height"] / 2)
        page.get_by_role("heading", name=bay["bay"]).wait_for()
        story = page.locator("#story").inner_text().lower()
        for part in ("sensor", "on offer", "booked", "what happened"):
            assert part in story
        page.get_by_role("button", name="Close").click()
        page.locator("#story").wait_for(state="hidden")


def test_filters_by_status_and_zone_and_finds_a_bay(browser):
    with browser.open("/") as page:
        page.locator("summary").click()
        page.get_by_label("Zone").select_option("daehak")
        page.get_by_text("50 of 300 bays").wait_for()
        for status in ("Closed", "Available", "Reserved", "Occupied", "Contested", "Unknown"):
            page.get_by_label(status).uncheck()
        page.get_by_text("0 of 300 bays").wait_for()
        find(page, "sillim-0007")


def test_the_table_tells_of_a_bay_what_the_map_shows(browser):
    with browser.open("/") as page:
        page.locator("summary").click()
        page.get_by_label("Find a bay").fill("nakseong-0003")
        row = page.get_by_role("row", name=re.compile("nakseong-0003"))
        assert re.search(r"Closed|Available|Reserved|Occupied|Contested|Unknown", row.inner_text())
        row.get_by_role("button").click()
        page.get_by_role("heading", name="nakseong-0003").wait_for()


def test_works_by_keyboard_only(browser):
    with browser.open("/") as page:
        bay = bays_of(page)[5]
        tab_to(page, "document.activeElement.id === 'search'")
        page.keyboard.type("bongcheon-0011")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="bongcheon-0011").wait_for()
        page.keyboard.press("Escape")
        page.locator("#story").wait_for(state="hidden")
        page.wait_for_function("document.activeElement.matches('#map canvas')")
        tab_to(page, "document.activeElement.id === 'search'", key="Shift+Tab")
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.press("Delete")
        tab_to(page, "document.activeElement.matches('#map canvas')")
        page.evaluate("bay => document.getElementById('map').map.jumpTo({center: [bay.lon, bay.lat], zoom: 18})", bay)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name=bay["bay"]).wait_for()


def test_fits_a_phone(browser):
    with browser.open("/", size=PHONE, has_touch=True) as page:
        find(page, "sillim-0001")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_tells_the_same_where_no_map_can_be_drawn(browser):
    with browser.context() as context:
        context.add_init_script(NO_WEBGL)
        page = context.new_page()
        page.goto(browser.demo.url)
        page.wait_for_selector(READY, state="attached")
        page.get_by_text("This browser cannot draw the map").wait_for()
        page.get_by_role("button", name="bongcheon-0001", exact=True).click()
        page.get_by_role("heading", name="bongcheon-0001").wait_for()


def test_steers_the_simulated_clock(browser):
    with browser.open("/") as page:
        page.get_by_role("button", name="Pause").click()
        page.get_by_role("button", name="Resume").click()
        page.get_by_role("button", name="Pause").wait_for()
        assert "seed 11" in page.locator("#clock").inner_text()


def test_speaks_korean_and_remembers_it(browser):
    with browser.open("/") as page:
        page.get_by_role("button", name="한국어").click()
        page.get_by_label("주차면 찾기").wait_for()
        page.reload()
        page.get_by_label("주차면 찾기").wait_for()
        page.wait_for_selector(READY, state="attached")
        assert page.locator("html").get_attribute("lang") == "ko"
    with browser.open("/", locale="ko-KR") as page:
        assert page.get_by_label("주차면 찾기").is_visible()


def test_is_dark_or_light_as_one_likes(browser):
    background = "getComputedStyle(document.body).backgroundColor"
    with browser.open("/", theme="dark") as page:
        dark = page.evaluate(background)
        page.get_by_role("button", name="Light").click()
        page.wait_for_function(f"dark => {background} !== dark", arg=dark)
        page.reload()
        page.wait_for_selector(READY, state="attached")
        assert page.evaluate(background) != dark


def test_tells_the_health_of_the_parts(browser):
    with browser.open("/") as page:
        strip = page.locator("#health")
        strip.get_by_text("Broker").wait_for()
        text = strip.inner_text()
        for part in ("Live stream live", "Broker connected", "Allocator connected", "Lag", "Unknown bays", "Dropped"):
            assert part in text
