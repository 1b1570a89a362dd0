"""The routes below `/feeds`."""

from __future__ import annotations

from fastapi import APIRouter

from baybroker.web.feeds.routes import apds, curbs, events, index, ngsi, stays

router = APIRouter()
for part in (index, curbs, events, stays, apds, ngsi):
    router.include_router(part.router)
