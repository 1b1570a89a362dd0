"""Every error as a problem of RFC 9457, `application/problem+json`."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import Response

from allocator.store.base import StoreError
from baybroker.history.reading import UnknownNameError
from baybroker.verify.reading import HistoryError
from broker_bridge.wire.errors import BaybrokerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fastapi import FastAPI, Request

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("baybroker.web")
View = dict[str, Any]


class ProblemError(BaybrokerError):
    """A request cannot be answered as it was asked."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Iterable[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers
        self.more = {**(more or {})} | ({"errors": [*errors]} if errors else {})


def problem(
    instance: str,
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> Response:
    """Return the answer that tells of a problem."""
    told: View = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    return Response(to_json(told | dict(more or {})), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def field_errors(errors: Iterable[Mapping[str, Any]], *, skip: int = 0) -> list[dict[str, str]]:
    """Return pydantic's errors as field and message; `skip` levels of the place are ours, not the sender's."""
    return [
        {"field": ".".join(str(part) for part in error["loc"][skip:]) or "body", "message": str(error["msg"])}
        for error in errors
    ]


def install(app: FastAPI) -> None:
    """Have the application tell every error as a problem."""

    @app.exception_handler(ProblemError)
    async def _ours(request: Request, error: ProblemError) -> Response:
        return problem(request.url.path, error.status, error.detail, error.headers, error.more)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        wrong = field_errors(error.errors(), skip=1)
        detail = "The request is not valid."
        return problem(request.url.path, HTTPStatus.UNPROCESSABLE_ENTITY, detail, more={"errors": wrong})

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return problem(request.url.path, error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(UnknownNameError)
    async def _unknown(request: Request, _error: UnknownNameError) -> Response:
        return problem(request.url.path, HTTPStatus.NOT_FOUND, "There is nothing of that name.")

    @app.exception_handler(StoreError)
    @app.exception_handler(HistoryError)
    async def _unreadable(request: Request, error: BaybrokerError) -> Response:
        log.warning("%s: %s", request.url.path, error)
        return problem(
            request.url.path,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The allocator's database cannot be read now.",
            headers={"Retry-After": "5"},
        )

    @app.exception_handler(Exception)
    async def _bug(request: Request, error: Exception) -> Response:
        log.error("%s %s", request.method, request.url.path, exc_info=error)
        return problem(request.url.path, HTTPStatus.INTERNAL_SERVER_ERROR, "A bug in baybroker; it is in the log.")
