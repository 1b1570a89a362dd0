"""What the routes work with: made once, reached through the application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends, Request

if TYPE_CHECKING:
    from baybroker.web.database import Database
    from baybroker.web.hub import Hub
    from baybroker.web.limits import RateLimit
    from baybroker.web.link import Link
    from baybroker.web.mirror import Mirror
    from baybroker.web.settings import WebSettings
    from baybroker.web.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of one server."""

    settings: WebSettings
    database: Database
    mirror: Mirror
    link: Link
    hub: Hub
    tokens: Tokens
    rate: RateLimit


def services(request: Request) -> Services:
    """Return the parts of the server that got this request."""
    return cast("Services", request.app.state.services)


With = Annotated[Services, Depends(services)]
