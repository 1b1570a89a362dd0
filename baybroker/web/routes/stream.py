"""The live stream."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Message, Send

from baybroker.web.auth import Anyone
from baybroker.web.hub import Audience
from baybroker.web.problems import ProblemError
from baybroker.web.routes.kinds import Responses
from baybroker.web.services import With
from broker_bridge.wire.messages import Name

TAKEN_WITHIN_S = 30.0
POSITION_MAX = 2**63 - 1
FRAMES: Responses = {
    200: {"content": {"text/event-stream": {}}, "description": "Frames, for as long as the client listens"}
}
router = APIRouter(prefix="/api/v1", tags=["stream"])


class Frames(StreamingResponse):
    """Frames that are bytes already: FastAPI's own response would encode each one for each client."""

    media_type = "text/event-stream"

    async def stream_response(self, send: Send) -> None:
        """Send until the end; a client that takes nothing for a while is let go."""

        async def in_time(message: Message) -> None:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await send(message)

        try:
            await super().stream_response(in_time)
        except TimeoutError:
            raise ClientDisconnect from None


@router.get("/stream", response_class=Frames, response_model=None, responses=FRAMES)
async def stream(
    parts: With,
    caller: Anyone,
    zone: Annotated[Name | None, Query()] = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=POSITION_MAX)] = None,
) -> Frames:
    """Send what happens as it happens: `snapshot`, then `bays`, `events`, `clock`, and `mine` for whoever has a token.

    A client that comes again with `Last-Event-ID` is first sent every event that it missed, and none twice.
    """
    if parts.hub.full:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "Too many clients listen.", headers={"Retry-After": "5"})
    if not parts.hub.begun.is_set():
        await parts.hub.look()
    audience = Audience(zone, caller.role == "operator")
    frames = parts.hub.stream(last_event_id, audience, caller.party, lambda: parts.tokens.stands(caller.token))
    return Frames(frames, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
