"""What browsers may load: nothing from elsewhere, but for the map where its style comes from."""

from __future__ import annotations

import httpx
import pytest

from baybroker.web.guards import SecurityHeaders


async def nothing(_scope, _receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    ("style_url", "connects_to"),
    [
        (None, "connect-src 'self';"),
        ("https://tiles.example:8443/styles/city.json?v=2", "connect-src 'self' https://tiles.example:8443;"),
        ("/static/mine.json", "connect-src 'self';"),
    ],
)
async def test_the_style_of_the_map_may_come_from_its_own_server(style_url, connects_to):
    transport = httpx.ASGITransport(SecurityHeaders(nothing, style_url))
    async with httpx.AsyncClient(transport=transport, base_url="http://map") as client:
        policy = (await client.get("/")).headers["Content-Security-Policy"]
    assert connects_to in policy
    assert policy.startswith("default-src 'self';")
