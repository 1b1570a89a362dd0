"""The pages' own parts in a real browser: the stream's reader, which resumes, and outlines where there are any."""

from __future__ import annotations

import pytest
from pages_world import READY, browser

__all__ = ["browser"]
PARSE = """
async (chunks) => {
  const { sseParser } = await import("/static/js/stream.js");
  const seen = [];
  const feed = sseParser((event) => seen.push(event));
  chunks.forEach(feed);
  return seen;
}
"""
FOLLOW = """
async () => {
  const { follow } = await import("/static/js/stream.js");
  return new Promise((resolve) => {
    const seen = [];
    const line = follow("/fake", {
      on: {
        bays: (data) => {
          seen.push(data);
          if (seen.length < 3) return;
          line.close();
          resolve(seen);
        },
      },
      state: () => {},
    });
  });
}
"""
FRAME = 'id: 7\nevent: bays\ndata: {"n":1}\n\n'
SEEN = [{"id": "7", "name": "bays", "data": '{"n":1}'}]
OUTLINES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"name": "Gwanak-gu"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[126.92, 37.46], [126.97, 37.46], [126.97, 37.49], [126.92, 37.46]]],
            },
        },
        {
            "type": "Feature",
            "properties": {"name": "Sillim-ro"},
            "geometry": {"type": "LineString", "coordinates": [[126.929, 37.484], [126.931, 37.485]]},
        },
    ],
}


@pytest.fixture(scope="module")
def page(browser):
    with browser.open("/") as page:
        yield page


@pytest.mark.parametrize(
    ("chunks", "seen"),
    [
        ([FRAME], SEEN),
        ([*FRAME], SEEN),
        ([FRAME.replace("\n", "\r\n")], SEEN),
        ([":\n\n", FRAME[:9], FRAME[9:]], SEEN),
        (["data: a\ndata: b\n\n"], [{"id": None, "name": "message", "data": "a\nb"}]),
        (["event: bays\n\n"], []),
        ([FRAME[:-1]], []),
    ],
)
def test_cuts_the_stream_into_events(page, chunks, seen):
    assert page.evaluate(PARSE, chunks) == seen


def test_resumes_behind_the_last_event(page):
    asked = []

    def answer(route):
        asked.append(route.request.headers.get("last-event-id"))
        number = len(asked)
        if number == 2:
            route.fulfill(content_type="text/event-stream", body=":\n\n")
        else:
            body = f'id: {number}0\nevent: bays\ndata: {{"n":{number}}}\n\n'
            route.fulfill(content_type="text/event-stream", body=body)

    page.route("**/fake", answer)
    assert [data["n"] for data in page.evaluate(FOLLOW)] == [1, 3, 4]
    assert asked == [None, "10", "10", "30"]


def test_draws_outlines_and_names_streets_where_the_scenario_has_them(browser):
    with browser.context() as context:
        page = context.new_page()

        def with_outlines(route):
            told = route.fetch().json()
            route.fulfill(json=told | {"outlines": OUTLINES})

        page.route("**/api/v1/scenario", with_outlines)
        page.goto(browser.demo.url)
        page.wait_for_selector(READY, state="attached")
        page.locator(".map-label", has_text="Gwanak-gu").wait_for()
        street = page.locator(".map-label", has_text="Sillim-ro")
        assert not street.is_visible()
        page.get_by_label("Zone").select_option("sillim")
        street.wait_for()
        drawn = "document.getElementById('map').map.queryRenderedFeatures({layers: ['edge', 'street']}).length"
        page.wait_for_function(f"{drawn} > 0")
