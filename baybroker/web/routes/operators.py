"""What operators do and see."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from baybroker.web import models
from baybroker.web.auth import Operator
from baybroker.web.commands import ask, command, unless_refused
from baybroker.web.operations import operations
from baybroker.web.problems import ProblemError
from baybroker.web.routes.bodies import Body, RequestId, described, valid
from baybroker.web.routes.kinds import ASKING, WHO, problems, replies
from baybroker.web.services import With
from broker_bridge.transport.base import ConnectionLostError
from broker_bridge.wire import codec
from broker_bridge.wire.messages import Name, OperatorReply, Pause, SetSpeed
from broker_bridge.wire.topics import TopicKind

router = APIRouter(prefix="/api/v1", tags=["operators"])


class ClockChange(BaseModel):
    """How the simulated clock is to run; at least one of the two."""

    speed: float | None = Field(default=None, gt=0, le=3600, description="Simulated seconds a second", examples=[60])
    paused: bool | None = None


@router.get("/operations", responses=WHO)
async def look_after(parts: With, _caller: Operator) -> models.Operations:
    """Tell the figures of a day, and the bays that need somebody."""
    return models.Operations.model_validate(await operations(parts))


@router.post("/bays/{bay}/{what}", responses=replies(HTTPStatus.OK, OperatorReply) | WHO | ASKING)
async def operate(
    parts: With, caller: Operator, bay: Name, what: Literal["close", "open", "repaired"], request_id: RequestId
) -> dict[str, Any]:
    """Close a bay, open it again, or say that its sensor was repaired."""
    message = command("operator", {}, type=what, bay=bay, request_id=request_id)
    if bay not in parts.mirror.register:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"No bay is named {bay!r}.")
    return unless_refused(await ask(parts, caller, message))


@router.post(
    "/scenario/clock",
    status_code=HTTPStatus.ACCEPTED,
    responses=WHO | problems(HTTPStatus.CONFLICT),
    openapi_extra=described(ClockChange, example={"speed": 60}),
)
async def set_clock(parts: With, _caller: Operator, body: Body) -> models.Accepted:
    """Have the simulator run faster or slower, pause or go on."""
    change = valid(ClockChange, body)
    if parts.mirror.obeyed_clock() is None:
        raise ProblemError(HTTPStatus.CONFLICT, "The time is that of the day: there is no simulated clock to set.")
    said: list[BaseModel] = [] if change.speed is None else [SetSpeed(speed=change.speed)]
    said += [] if change.paused is None else [Pause(type="pause" if change.paused else "resume")]
    if not said:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "Name `speed` or `paused`.")
    try:
        for message in said:
            await parts.link.publish(TopicKind.SIMULATOR_COMMAND, codec.encode(message))
    except ConnectionLostError:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "The broker cannot be reached.") from None
    return models.Accepted(published=True)
