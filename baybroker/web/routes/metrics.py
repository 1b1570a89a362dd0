"""What Prometheus asks for."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response

from baybroker.web.metrics import Live, Metrics
from baybroker.web.services import Services, With

router = APIRouter(tags=["health"])


class PlainMetrics(Response):
    """Prometheus's text format."""

    media_type = CONTENT_TYPE_PLAIN_0_0_4


def metrics_of(request: Request) -> Metrics:
    """Return the metrics of the server that got this request."""
    return cast("Metrics", request.app.state.metrics)


@router.get("/metrics", response_class=PlainMetrics)
async def metrics(parts: With, counted: Annotated[Metrics, Depends(metrics_of)]) -> PlainMetrics:
    """Return this server's metrics, and what the allocator's history comes to."""
    return PlainMetrics(await asyncio.to_thread(counted.exposed, _live(parts)))


def _live(parts: Services) -> Live:
    mirror, status = parts.mirror, parts.mirror.status
    return Live(
        sse_clients=parts.hub.clients,
        sse_dropped=parts.hub.let_go,
        broker_connected=parts.link.connected,
        unreadable=parts.link.dropped,
        allocator_online=status is not None and status.online and parts.link.connected,
        allocator_lag_ms=status.lag_ms if status is not None else 0,
        allocator_position=status.position if status is not None else 0,
        allocator_dropped=status.dropped if status is not None else 0,
        now=mirror.now(),
        bays=Counter(mirror.state(bay).status for bay in mirror.register),
    )
