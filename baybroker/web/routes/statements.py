"""What was paid and earned."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import date, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import StreamingResponse

from baybroker.history.driver import driver_statement
from baybroker.history.resident import resident_statement
from baybroker.web import models
from baybroker.web.auth import AnyoneNamed, Operator
from baybroker.web.lists import LIMIT_DEFAULT, Cursor, Limit, page
from baybroker.web.problems import ProblemError
from baybroker.web.routes.kinds import NOT_FOUND, WHO
from baybroker.web.services import With
from baybroker.web.views import View, when
from broker_bridge.wire.messages import Name

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from baybroker.web.database import Database, Row

CSV = "text/csv"
COLUMNS = ("entry_id", "position", "at", "account", "unit", "amount")
ENTRIES_AT_ONCE = 5_000
TELLERS = {"drv-": driver_statement, "res-": resident_statement}
LEDGER: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}}
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)
"""Days that have an instant before and after them in every time zone."""
Month = Annotated[str | None, Query(pattern=r"^2[0-9]{3}-(0[1-9]|1[0-2])$", examples=["2026-03"])]
Day = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description="By the city's clock; `until` included")]
router = APIRouter(prefix="/api/v1", tags=["statements"])


@router.get("/statements", responses=WHO | NOT_FOUND)
async def statement(
    parts: With,
    caller: AnyoneNamed,
    month: Month = None,
    from_day: Annotated[Day, Query(alias="from")] = None,
    until_day: Annotated[Day, Query(alias="until")] = None,
    subject: Annotated[Name | None, Query(description="For operators: whose; drv-... or res-...")] = None,
) -> dict[str, Any]:
    """Account for a driver's reservations or a resident's bays: what `baybroker statement` tells."""
    whose = subject if caller.role == "operator" else caller.name
    teller = next((teller for prefix, teller in TELLERS.items() if (whose or "").startswith(prefix)), None)
    if whose is None or teller is None:
        raise _invalid("subject", "name a driver (drv-...) or a resident (res-...)")
    days = _days_of(month) if month is not None else (from_day, until_day)
    if days[0] is not None and days[1] is not None and days[1] < days[0]:
        raise _invalid("until", "is before `from`")
    return await asyncio.to_thread(teller, parts.settings.database, whose, *days)


@router.get("/statements/ledger", response_model=models.Ledger, responses=LEDGER | WHO)
async def ledger(
    request: Request,
    parts: With,
    _caller: Operator,
    limit: Limit = LIMIT_DEFAULT,
    after: Cursor = None,
    form: Annotated[Literal["json", "csv"] | None, Query(alias="format", description="Else as `Accept` says")] = None,
) -> Any:
    """List the ledger's entries in pages; as CSV, all that come after `after`."""
    wanted = form or ("csv" if CSV in request.headers.get("accept", "") else "json")
    if wanted == "csv":
        named = {"Content-Disposition": 'attachment; filename="ledger.csv"'}
        return StreamingResponse(_csv(parts.database, after or 0), media_type=CSV, headers=named)
    rows = [_entry(row) for row in await parts.database.rows("select_ledger", after or 0, limit + 1)]
    return page(rows, limit, "entry_id")


async def _csv(database: Database, after: int) -> AsyncIterator[str]:
    yield ",".join(COLUMNS) + "\r\n"
    while rows := await database.rows("select_ledger", after, ENTRIES_AT_ONCE):
        text = io.StringIO()
        csv.writer(text).writerows([_entry(row)[name] for name in COLUMNS] for row in rows)
        yield text.getvalue()
        after = rows[-1]["entry_id"]


def _entry(row: Row) -> View:
    return row | {"at": when(row["at"])}


def _days_of(month: str) -> tuple[date, date]:
    first = date.fromisoformat(f"{month}-01")
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _invalid(field: str, message: str) -> ProblemError:
    wrong = [{"field": field, "message": message}]
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid.", errors=wrong)
