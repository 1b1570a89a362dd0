"""The routes below `/feeds`."""

from __future__ import annotations

from fastapi import APIRouter

from baybroker.web.feeds.routes import apds, cds, index, ngsi

router = APIRouter()
for part in (index, cds, apds, ngsi):
    router.include_router(part.router)
