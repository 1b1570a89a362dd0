"""The kinds of problems that routes tell of, for the OpenAPI document."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from baybroker.web.models import Problem
from baybroker.web.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from pydantic import BaseModel

Responses = dict[int | str, dict[str, Any]]


def problems(*statuses: HTTPStatus) -> Responses:
    """Return the responses of these problems."""
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    return {
        int(status): {"description": status.phrase, "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses
    }


NOT_MODIFIED: Responses = {304: {"description": "The client has it already (If-None-Match)"}}
NOT_FOUND = problems(HTTPStatus.NOT_FOUND)
WHO = problems(HTTPStatus.FORBIDDEN)
"""What a route answers that is not for every role."""
ASKING = NOT_FOUND | problems(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.GATEWAY_TIMEOUT)
"""What a route answers that asks the allocator."""
EVERYWHERE = problems(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""What any route of the API may answer."""


def replies(status: HTTPStatus, model: type[BaseModel]) -> Responses:
    """Return the response that is a message of the allocator, as it was committed."""
    return {int(status): {"model": model}}
