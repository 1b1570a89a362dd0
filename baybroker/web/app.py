"""The application: the routes, and what surrounds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI

from allocator.domain.money import Tariff
from allocator.service.tariffs import load_tariffs
from baybroker import __version__
from baybroker.web import problems
from baybroker.web.auth import caller
from baybroker.web.feeds import routes as feeds
from baybroker.web.feeds.reading import FeedSource
from baybroker.web.guards import BodyLimit, SecurityHeaders
from baybroker.web.metrics import Metrics, RequestMeter
from baybroker.web.routes import bays, metrics, offers, operators, pages, requests, scenario, statements, stream
from baybroker.web.routes.kinds import EVERYWHERE
from sensors_sim.config_files import config_dir

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
    app.add_middleware(SecurityHeaders, style_url=parts.settings.style_url if parts is not None else None)
    return app


def _extras(app: FastAPI, parts: Services | None) -> None:
    """The open feeds and `/metrics`."""
    app.include_router(feeds.router, dependencies=[Depends(caller)])
    app.include_router(metrics.router)
    if parts is not None:
        tariffs = {name: listed.tariff for name, listed in load_tariffs(config_dir() / "tariffs").items()}
        app.state.feeds = FeedSource(parts.settings.database, tariffs, tariffs.get(parts.settings.tariff, Tariff()))
        app.state.metrics = Metrics(parts.settings.database)
        app.add_middleware(RequestMeter, metrics=app.state.metrics)
