"""The routes of CDS 1.1 (Open Mobility Foundation, October 2025): Curbs, Events and Metrics, to read.

Where the standard says two things, or nothing:
- `data` is an object with one list, as its text and its Events API have it; its OpenAPI of the Curbs API has a list of
  such objects.
- Events are at `/events/events`; `/events` answers the same. Pushing them is `POST /events/event` in its OpenAPI and
  `/events/events` in its change log: neither is served, this is a feed to read.
- `application/json` and `*/*` are accepted beside CDS's own media type; another version of that is refused (406).
- Optional endpoints that are not served answer 501, as CDS asks, and are not in our OpenAPI document. Availability is
  of now: `time` is refused (422), and so are places that are areas.
- How many pages there are is told where they are counted by `page[offset]`; events and sessions go on by `page[after]`.
Errors are those of the whole server (RFC 9457), not CDS's `error` object.
"""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from fastapi.utils import generate_unique_id

from allocator.domain.interval import HOUR_MS
from baybroker.web.feeds.reading import Feed
from baybroker.web.feeds.routes.asking import PROBLEMS, Json, address
from baybroker.web.problems import ProblemError

VERSION, CURRENCY = "1.1.0", "KRW"
MEDIA_TYPE = "application/vnd.cds+json;version=1.1"
CSV_TYPE = "application/vnd.cds+csv;version=1.1"
LATE_MS = HOUR_MS
"""How long after a time its events may still have been committed."""


class CdsJson(JSONResponse):
    """JSON with CDS's media type."""

    media_type = MEDIA_TYPE


def acceptable(request: Request) -> None:
    """Refuse who does not take what CDS 1.1 answers with."""
    accept = request.headers.get("accept", "*/*").lower().replace(" ", "")
    for kind, _, parameters in (one.partition(";") for one in accept.split(",")):
        ours = kind in {"application/vnd.cds+json", "application/vnd.cds+csv"}
        version = next((one[8:] for one in parameters.split(";") if one.startswith("version=")), "1.1")
        if kind in {"*/*", "application/*", "application/json", "text/*", "text/csv"}:
            return
        if ours and (version == "1.1" or version.startswith("1.1.")):
            return
    raise ProblemError(HTTPStatus.NOT_ACCEPTABLE, f"this is {MEDIA_TYPE}, the metrics also {CSV_TYPE}")


def cds_router(prefix: str) -> APIRouter:
    """Return a router below a path of CDS."""
    return APIRouter(
        prefix=f"/feeds/cds{prefix}",
        tags=["feeds: CDS 1.1"],
        default_response_class=CdsJson,
        dependencies=[Depends(acceptable)],
        responses=PROBLEMS,
        generate_unique_id_function=generate_unique_id,
    )


def envelope(feed: Feed, data: Json, links: dict[str, str | None]) -> Json:
    """Return what surrounds every answer in JSON."""
    return {
        "version": VERSION,
        "time_zone": feed.timezone,
        "last_updated": feed.as_of,
        "currency": CURRENCY,
        "data": data,
        "links": links,
    }


def next_link(request: Request, cursor: str | None) -> dict[str, str | None]:
    """Return the link to the page after a cursor."""
    return {"next": None if cursor is None else address(request, **{"page[after]": cursor})}
