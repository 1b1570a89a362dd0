"""Bodies that become messages on the wire: read as they come, described in the OpenAPI document by their model."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel, TypeAdapter, ValidationError

from baybroker.web.commands import request_id_of
from baybroker.web.problems import ProblemError, field_errors

Object = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)


async def _object(request: Request) -> Object:
    try:
        found = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "The body is not JSON.") from None
    if not isinstance(found, dict):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "The body is not a JSON object.")
    return found


def _request_id(
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=255,
            description="Repeated, it gets the same answer; becomes the request_id. Made up if it is absent.",
        ),
    ] = None,
) -> str:
    return request_id_of(key)


Body = Annotated[Object, Depends(_object)]
RequestId = Annotated[str, Depends(_request_id)]


def described(
    model: Any, *added: str, example: Object, optional: tuple[str, ...] = (), required: bool = True
) -> Object:
    """Return `openapi_extra` of a body that is a message without the fields that the server adds."""
    schema = _inlined(TypeAdapter(model).json_schema(), {})
    for variant in schema.get("oneOf", [schema]):
        variant["properties"] = {name: it for name, it in variant["properties"].items() if name not in added}
        variant["required"] = [name for name in variant.get("required", ()) if name not in (*added, *optional)]
        if "oneOf" in schema:
            variant["required"] = ["type", *variant["required"]]
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": required, "content": content}}


def valid(model: type[Model], body: Object) -> Model:
    """Return what a body says; raises ProblemError 422."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        wrong = field_errors(error.errors())
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not valid.", errors=wrong) from None


def _inlined(part: Any, models: Object) -> Any:
    """Return a schema without references, so that it can stand in a document of other models."""
    if isinstance(part, list):
        return [_inlined(one, models) for one in part]
    if not isinstance(part, dict):
        return part
    models = part.get("$defs", models)
    if "$ref" in part:
        return _inlined(models[part["$ref"].rsplit("/", 1)[-1]], models)
    return {name: _inlined(one, models) for name, one in part.items() if name not in ("$defs", "discriminator")}
