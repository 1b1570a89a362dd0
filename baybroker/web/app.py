"""The application: the routes, and what surrounds them. What others add is included in `_extras`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI

from baybroker import __version__
from baybroker.web import problems
from baybroker.web.auth import caller
from baybroker.web.guards import BodyLimit, SecurityHeaders
from baybroker.web.routes import bays, offers, operators, pages, requests, scenario, statements, stream
from baybroker.web.routes.kinds import EVERYWHERE

if TYPE_CHECKING:
    from baybroker.web.services import Services

DESCRIPTION = "Shared parking: bays, offers, requests and reservations. It reads and asks; the allocator decides."


def create_app(parts: Services | None) -> FastAPI:
    """Return the application that works with these parts; without any it can only describe itself."""
    app = FastAPI(
        title="baybroker", version=__version__, description=DESCRIPTION, openapi_url="/api/v1/openapi.json",
        docs_url=None, redoc_url=None, separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
    )  # fmt: skip
    app.state.services = parts
    problems.install(app)
    for routes in (scenario, bays, offers, requests, statements, operators, stream):
        app.include_router(routes.router, responses=EVERYWHERE, dependencies=[Depends(caller)])
    app.include_router(scenario.health_router)
    _extras(app, parts)
    app.include_router(pages.router)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    return app


def _extras(app: FastAPI, parts: Services | None) -> None:
    """The open feeds (`baybroker.web.feeds`) and `/metrics` (`baybroker.web.metrics`) go here."""
