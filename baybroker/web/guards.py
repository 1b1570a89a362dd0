"""What surrounds every route."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders

from baybroker.web.problems import ProblemError, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'self'; worker-src 'self' blob:; connect-src 'self'{map}; img-src 'self' data: blob:{map}; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
SECURITY_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


BODY_BYTES_MAX = 16 * 1024
"""As much as a message on the wire."""
TOO_LARGE = f"A body may have {BODY_BYTES_MAX} bytes at most."


class BodyLimit:
    """Refuses what is too large before anybody reads it, and stops reading where the length was not told."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413, or go on."""
        told = dict(scope.get("headers", ())).get(b"content-length", b"0")
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > BODY_BYTES_MAX:
                raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
            return message

        if not told.isdigit() or int(told) > BODY_BYTES_MAX:
            refusal = problem(scope.get("path", ""), HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, counted, send)


class SecurityHeaders:
    """Tells browsers to load nothing from elsewhere, but for the map where its style comes from."""

    def __init__(self, app: ASGIApp, style_url: str | None = None) -> None:
        self._app = app
        parts = urlsplit(style_url or "")
        origin = f" {parts.scheme}://{parts.netloc}" if parts.netloc else ""
        self._headers = SECURITY_HEADERS | {"Content-Security-Policy": POLICY.format(map=origin)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to every answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)
