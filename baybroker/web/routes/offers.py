"""What residents offer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query

from baybroker.web import models
from baybroker.web.auth import Resident, ResidentOrOperator
from baybroker.web.commands import ask, command, unless_refused
from baybroker.web.lists import LIMIT_DEFAULT, Cursor, Limit, page
from baybroker.web.problems import ProblemError
from baybroker.web.routes.bodies import Body, RequestId, described
from baybroker.web.routes.kinds import ASKING, WHO, replies
from baybroker.web.services import With
from baybroker.web.views import offer_view
from broker_bridge.wire.messages import Name, ResidentNotice, ResidentOffer

WEEKLY = {
    "type": "weekly",
    "bay": "sillim-0042",
    "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "start": "09:00",
    "end": "18:00",
}
router = APIRouter(prefix="/api/v1", tags=["offers"])


@router.get("/offers", responses=WHO)
async def offers(
    parts: With,
    caller: ResidentOrOperator,
    bay: Annotated[Name | None, Query()] = None,
    limit: Limit = LIMIT_DEFAULT,
    after: Cursor = None,
) -> models.Offers:
    """List the offers that stand: a resident's own, or all."""
    whose = None if caller.role == "operator" else caller.name
    rows = await parts.database.rows("select_offers", whose, bay, after or 0, limit + 1)
    listed = page(rows, limit, "row")
    return models.Offers.model_validate(listed | {"items": [offer_view(row) for row in listed["items"]]})


@router.post(
    "/offers",
    responses=replies(HTTPStatus.OK, ResidentNotice) | WHO | ASKING,
    openapi_extra=described(ResidentOffer, "request_id", example=WEEKLY),
)
async def offer(parts: With, caller: Resident, body: Body, request_id: RequestId) -> dict[str, Any]:
    """Offer the own bay, take an offer back, or call the bay back."""
    message: Any = command("resident", body, request_id=request_id)
    row = parts.mirror.register.get(message.bay)
    if row is None or row["resident"] != caller.name:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"No bay of yours is named {message.bay!r}.")
    return unless_refused(await ask(parts, caller, message))
