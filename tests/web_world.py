"""A web server beside an allocator, on a broker and a real database, with tokens for everyone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from deskwork import spec
from service_world import CITY, Client, request, running, service

from allocator.store.aiosqlite_store import AioSqliteStore
from baybroker.web.service import WebService
from baybroker.web.settings import WebSettings
from baybroker.web.tokens import TokenFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from allocator.domain.events import BaySpec

WAIT_S = 20.0
BAYS = tuple(spec(f"b{number}", east_m=100.0 * number, zone=f"z{number % 2 + 1}") for number in range(4))
SUBJECTS = {
    "driver": ("driver", "drv-1"),
    "other driver": ("driver", "drv-2"),
    "resident": ("resident", "res-b0"),
    "other resident": ("resident", "res-b1"),
    "operator": ("operator", "op-1"),
    "reader": ("public", "pub-1"),
}


@dataclass
class Town:
    """Everything that a test talks to."""

    web: WebService
    client: Client
    http: httpx.AsyncClient
    tokens: dict[str, str] = field(default_factory=dict)

    def bearer(self, who: str | None) -> dict[str, str]:
        return {} if who is None else {"Authorization": f"Bearer {self.tokens[who]}"}

    async def get(self, path: str, who: str | None = None, **more: Any) -> httpx.Response:
        return await self.call("GET", path, who, **more)

    async def post(self, path: str, who: str | None = None, body: Any = None, **more: Any) -> httpx.Response:
        return await self.call("POST", path, who, json=body, **more)

    async def call(self, method: str, path: str, who: str | None = None, **more: Any) -> httpx.Response:
        headers = self.bearer(who) | more.pop("headers", {})
        return await self.http.request(method, path, headers=headers, **more)

    async def prepare(self, *bays: BaySpec) -> None:
        """Have bays stand free and on offer all day, and the server see it."""
        for bay in bays:
            await self.client.sense(bay, "free")
        await self.client.offer_all_day(*bays)
        await self.shows({bay.bay: "available" for bay in bays})

    async def book(self, who: str = "driver", key: str | None = None, **more: Any) -> dict[str, Any]:
        """Ask for a bay at once and return the answer."""
        body = {name: value for name, value in request(**more).items() if name != "type"}
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = await self.post("/api/v1/requests", who, body, headers=headers)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def shows(self, wanted: dict[str, str]) -> None:
        """Wait on the stream until the bays show that."""
        async with asyncio.timeout(WAIT_S):
            async for name, _, data in frames(self.http):
                if name == "snapshot":
                    wanted = {bay: status for bay, status in wanted.items() if data["bays"].get(bay) != status}
                for change in data.get("changes", ()) if name == "bays" else ():
                    if wanted.get(change["bay"]) == change["status"]:
                        del wanted[change["bay"]]
                if not wanted:
                    return


@contextlib.asynccontextmanager
async def serving(settings: WebSettings, connect: Any, *, wait: bool = True) -> AsyncIterator[WebService]:
    """Run a server until the block ends; by default it has found its database and broker when the block begins."""
    web, stop = WebService(settings, connect), asyncio.Event()
    task = asyncio.create_task(web.run(stop), name="web")
    try:
        begun = asyncio.create_task((web.serving if wait else web.listening).wait(), name="serving")
        await asyncio.wait({task, begun}, timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        yield web
    finally:
        stop.set()
        await asyncio.wait_for(task, WAIT_S)


def web_settings(path: Path, **more: Any) -> WebSettings:
    """Settings of a server on the database at the path."""
    known = {"database": path, "tokens": path.with_suffix(".tokens.json"), "city": CITY, "port": 0, "rate_per_s": 0}
    return WebSettings(**(known | more))


@cache
def made_tokens() -> tuple[bytes, dict[str, str]]:
    """Return a file of tokens and the tokens: made once, for each takes a hash that is slow on purpose."""
    with tempfile.TemporaryDirectory() as folder:
        file = TokenFile(Path(folder) / "tokens.json")
        tokens = {who: file.create(role, subject) for who, (role, subject) in SUBJECTS.items()}  # type: ignore[arg-type]
        tokens["revoked"] = file.create("driver", "drv-3")
        file.revoke("drv-3")
        return file.path.read_bytes(), tokens


@contextlib.asynccontextmanager
async def town(path: Path, connect: Any, *bays: BaySpec, **more: Any) -> AsyncIterator[Town]:
    """An allocator with these bays, a server, a client on the broker, and tokens."""
    settings = web_settings(path, **more)
    content, tokens = made_tokens()
    settings.tokens.write_bytes(content)
    allocator = service(AioSqliteStore(str(path)), connect, *(bays or BAYS))
    async with (
        running(allocator),
        Client(connect) as client,
        serving(settings, connect) as web,
        httpx.AsyncClient(base_url=web.url, timeout=WAIT_S) as http,
    ):
        yield Town(web, client, http, tokens)


async def frames(
    http: httpx.AsyncClient, after: int | None = None, **more: Any
) -> AsyncIterator[tuple[str, int | None, Any]]:
    """Yield (event, id, data) of a stream's frames."""
    headers = more.pop("headers", {}) | ({} if after is None else {"Last-Event-ID": str(after)})
    async with http.stream("GET", "/api/v1/stream", headers=headers, **more) as answer:
        assert answer.status_code == 200, await answer.aread()
        found: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name and value:
                found[name] = value
            elif not line and "data" in found:
                yield found["event"], int(found["id"]) if "id" in found else None, json.loads(found["data"])
                found = {}
