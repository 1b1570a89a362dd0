"""Requests for a bay, and the reservations that they become."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from allocator.domain.lifecycle import ReservationStatus
from baybroker.web import models
from baybroker.web.auth import Caller, Driver, DriverOrOperator, Operator
from baybroker.web.commands import ask, command, unless_refused
from baybroker.web.lists import LIMIT_DEFAULT, Cursor, Limit, page
from baybroker.web.problems import ProblemError
from baybroker.web.routes.bodies import Body, RequestId, described
from baybroker.web.routes.kinds import ASKING, NOT_FOUND, WHO, replies
from baybroker.web.services import Services, With
from baybroker.web.stories import request_story, reservation_story
from baybroker.web.views import View, reservation_view
from broker_bridge.wire.messages import Arrive, DriverReply, Extend, Name, OperatorReply, RequestBay
from broker_bridge.wire.messages import RequestId as RequestIdText

ROW_MAX = 2**63 - 1
ADDED = ("type", "request_id", "reservation_id")
ASKED = {
    "destination": {"lat": 37.4842, "lon": 126.9296},
    "arrive_at": "2026-03-02T10:00:00.000Z",
    "stay_min": 60,
    "max_walk_m": 300,
}
router = APIRouter(prefix="/api/v1", tags=["reservations"])


@router.post(
    "/requests",
    status_code=HTTPStatus.CREATED,
    responses=replies(HTTPStatus.CREATED, DriverReply) | WHO | ASKING,
    openapi_extra=described(RequestBay, *ADDED, example=ASKED, optional=("vehicle_id",)),
)
async def request_bay(parts: With, caller: Driver, body: Body, request_id: RequestId) -> dict[str, Any]:
    """Ask for a bay. The answer is the allocator's: `accepted`, `waitlisted`, or `rejected` with a `reason`."""
    wanted = {"vehicle_id": caller.name} | body
    return await ask(parts, caller, command("driver", wanted, type="request", request_id=request_id))


@router.get("/requests/{request_id}", responses=WHO | NOT_FOUND)
async def request_became(
    parts: With, caller: DriverOrOperator, request_id: Annotated[RequestIdText, Path()]
) -> models.RequestStory:
    """Tell what became of a request, and why."""
    driver = None if caller.role == "operator" else caller.name
    return await request_story(parts.settings.database, request_id, driver)


@router.get("/reservations", responses=WHO)
async def reservations(
    parts: With,
    caller: DriverOrOperator,
    driver: Annotated[Name | None, Query(description="For operators; a driver sees the own ones only")] = None,
    status: Annotated[ReservationStatus | None, Query()] = None,
    limit: Limit = LIMIT_DEFAULT,
    after: Cursor = None,
) -> models.Reservations:
    """List reservations, the newest first."""
    whose = driver if caller.role == "operator" else caller.name
    before = ROW_MAX if after is None else after
    rows = await parts.database.rows("select_reservations", whose, status, before, limit + 1)
    listed = page(rows, limit, "row")
    views = [reservation_view(row, parts.mirror, operator=caller.role == "operator") for row in listed["items"]]
    return models.Reservations.model_validate({"items": views, "next": listed["next"]})


@router.get("/reservations/{reservation_id}", responses=WHO | NOT_FOUND)
async def reservation(parts: With, caller: DriverOrOperator, reservation_id: Name) -> models.ReservationStory:
    """Tell of a reservation, what became of it, and why."""
    view = await _own(parts, caller, reservation_id)
    story = await reservation_story(parts.settings.database, reservation_id, whole=caller.role == "operator")
    return models.ReservationStory.model_validate(view | story)


@router.post("/reservations/{reservation_id}/cancel", responses=replies(HTTPStatus.OK, DriverReply) | WHO | ASKING)
async def cancel(parts: With, caller: Driver, reservation_id: Name, request_id: RequestId) -> dict[str, Any]:
    """Give the reservation back before it is used."""
    return await _say(parts, caller, reservation_id, {"type": "cancel", "request_id": request_id})


@router.post("/reservations/{reservation_id}/leave", responses=replies(HTTPStatus.OK, DriverReply) | WHO | ASKING)
async def leave(parts: With, caller: Driver, reservation_id: Name, request_id: RequestId) -> dict[str, Any]:
    """Say that the car has left the bay."""
    return await _say(parts, caller, reservation_id, {"type": "leave", "request_id": request_id})


@router.post(
    "/reservations/{reservation_id}/arrive",
    responses=replies(HTTPStatus.OK, DriverReply) | WHO | ASKING,
    openapi_extra=described(Arrive, *ADDED, example={"blocked": False}, required=False),
)
async def arrive(
    parts: With, caller: Driver, reservation_id: Name, body: Body, request_id: RequestId
) -> dict[str, Any]:
    """Say that the car is at the bay; `blocked` when another stands in it."""
    return await _say(parts, caller, reservation_id, body | {"type": "arrive", "request_id": request_id})


@router.post(
    "/reservations/{reservation_id}/extend",
    responses=replies(HTTPStatus.OK, DriverReply) | WHO | ASKING,
    openapi_extra=described(Extend, *ADDED, example={"extend_min": 30}),
)
async def extend(
    parts: With, caller: Driver, reservation_id: Name, body: Body, request_id: RequestId
) -> dict[str, Any]:
    """Ask to stay longer."""
    return await _say(parts, caller, reservation_id, body | {"type": "extend", "request_id": request_id})


@router.post("/reservations/{reservation_id}/release", responses=replies(HTTPStatus.OK, OperatorReply) | WHO | ASKING)
async def release(parts: With, caller: Operator, reservation_id: Name, request_id: RequestId) -> dict[str, Any]:
    """End a reservation on the operator's word."""
    return await _say(parts, caller, reservation_id, {"type": "release", "request_id": request_id})


async def _say(parts: Services, caller: Caller, reservation_id: str, body: dict[str, Any]) -> dict[str, Any]:
    message = command(caller.role, body, reservation_id=reservation_id)
    await _own(parts, caller, reservation_id)
    return unless_refused(await ask(parts, caller, message))


async def _own(parts: Services, caller: Caller, reservation_id: str) -> View:
    """Return the reservation; raises ProblemError 404 where there is none, or it is another driver's."""
    row = await parts.database.row("select_reservation", reservation_id)
    operator = caller.role == "operator"
    if row is None or not (operator or row["driver"] == caller.name):
        raise ProblemError(HTTPStatus.NOT_FOUND, f"No reservation of yours is named {reservation_id!r}.")
    return reservation_view(row, parts.mirror, operator=operator)
