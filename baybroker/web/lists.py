"""Lists in pages, and answers that a client may already have."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query
from pydantic_core import to_json
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Request

LIMIT_DEFAULT = 100
Limit = Annotated[int, Query(ge=1, le=1_000, description="How many at most")]
After = Annotated[str | None, Query(max_length=128, description="The `next` of the page before")]
Cursor = Annotated[int | None, Query(ge=0, le=2**63 - 1, description="The `next` of the page before")]


def page(rows: Sequence[dict[str, Any]], limit: int, key: str) -> dict[str, Any]:
    """Return the first `limit` rows, of one more that were asked for, and where the next page begins."""
    items = [*rows[:limit]]
    return {"items": items, "next": str(items[-1][key]) if len(rows) > limit else None}


def tagged(request: Request, answer: object) -> Response:
    """Return the answer with its ETag, or 304 where the client has it already."""
    body = to_json(answer)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
