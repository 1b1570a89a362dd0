"""What a request of a feed may ask, in the words of the standards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, cast

from fastapi import Depends, Query, Request

from allocator.domain.interval import HOUR_MS, Interval
from baybroker.web.feeds.places import EVERYWHERE, Box, around
from baybroker.web.feeds.reading import Feed, FeedSource
from baybroker.web.problems import ProblemError
from baybroker.web.routes.kinds import problems

Json = dict[str, Any]
PAGE_DEFAULT, PAGE_MAX = 1_000, 10_000
OFFSET_MAX = 2**31
RADIUS_MAX_CM = 1_000_000
FOREVER = 2**53
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX, alias="page[limit]", description="How many at most")]
Offset = Annotated[int, Query(ge=0, le=OFFSET_MAX, alias="page[offset]", description="How many to pass over")]
Cursor = Annotated[
    str | None, Query(alias="page[after]", pattern=r"^\d{1,16}(\.\d{1,16})?$", description="From a `next` link")
]
Ms = Annotated[int | None, Query(ge=0, le=FOREVER, description="Epoch milliseconds")]
Lat = Annotated[float | None, Query(ge=-90, le=90)]
Lon = Annotated[float | None, Query(ge=-180, le=180)]
Part = tuple[int, Callable[[int, int], list[Json]]]
PROBLEMS = problems(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_ACCEPTABLE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def source_of(request: Request) -> FeedSource:
    """Return where the feeds of this server come from."""
    return cast("FeedSource", request.app.state.feeds)


Source = Annotated[FeedSource, Depends(source_of)]


@dataclass(frozen=True, slots=True)
class Area:
    """A box, and of a circle its middle and radius."""

    box: Box = EVERYWHERE
    centre: tuple[float, float] | None = None
    radius_m: float = 0.0


def asked_area(
    min_lat: Lat = None,
    min_lng: Lon = None,
    max_lat: Lat = None,
    max_lng: Lon = None,
    lat: Lat = None,
    lng: Lon = None,
    radius: Annotated[int | None, Query(ge=0, le=RADIUS_MAX_CM, description="Centimetres")] = None,
) -> Area:
    """Return the box or the circle that CDS's parameters name: all of one, or none."""
    box, circle = (min_lat, min_lng, max_lat, max_lng), (lat, lng, radius)
    for together in (box, circle):
        if None in together and any(it is not None for it in together):
            raise unusable("the parameters of a box, or of a circle, come together")
    if lat is not None and lng is not None and radius is not None:
        if min_lat is not None:
            raise unusable("a box and a circle at once")
        return Area(around(lat, lng, radius / 100), (lat, lng), radius / 100)
    return Area(cast("Box", box)) if min_lat is not None else Area()


Where = Annotated[Area, Depends(asked_area)]


def unusable(why: str) -> ProblemError:
    """Return the refusal of parameters that do not fit together."""
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, why)


def not_served() -> ProblemError:
    """Return the answer for what a standard leaves to the server."""
    return ProblemError(HTTPStatus.NOT_IMPLEMENTED, "an optional endpoint that is not served")


def span_of(start: int | None, end: int | None, otherwise: Interval, longest_ms: int) -> Interval:
    """Return `[start, end)`; what is not given comes from `otherwise`. Too long a time is refused."""
    from_at = start if start is not None else otherwise.from_at if end is None else max(end - longest_ms, 0)
    until = end if end is not None else otherwise.until if start is None else start + longest_ms
    if not 0 <= until - from_at <= longest_ms:
        raise unusable(f"at most {longest_ms // HOUR_MS} hours at once, the start first")
    return Interval(from_at, until)


def hour_of(text: str) -> Interval:
    """Return a UTC hour as CDS names it, `YYYY-MM-DDTHH`."""
    try:
        began = datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    except ValueError:
        raise unusable("event_time is an hour of UTC, such as 2026-03-02T01") from None
    from_at = round(began.timestamp() * 1000)
    return Interval(from_at, from_at + HOUR_MS)


def numbers(cursor: str | None) -> list[int]:
    """Return the numbers of a cursor."""
    return [int(number) for number in cursor.split(".")] if cursor else []


def address(request: Request, **changes: object) -> str:
    """Return the request's address with other query parameters."""
    return str(request.url.include_query_params(**changes))


def offset_links(request: Request, *, limit: int, offset: int, total: int) -> dict[str, str | None]:
    """Return the links that JSON:API asks for; `next` is null on the last page."""

    def link(at: int) -> str:
        return address(request, **{"page[limit]": limit, "page[offset]": at})

    return {
        "first": link(0),
        "last": link((total - 1) // limit * limit if total else 0),
        "prev": link(max(offset - limit, 0)) if offset else None,
        "next": link(offset + limit) if offset + limit < total else None,
    }


def sliced(parts: Sequence[Part], *, limit: int, offset: int) -> list[Json]:
    """Return a slice of parts that follow each other: (how many there are, (limit, offset) -> some of them)."""
    found: list[Json] = []
    for count, load in parts:
        if offset < count and len(found) < limit:
            found += load(limit - len(found), offset)
        offset = max(offset - count, 0)
    return found


def named(feed: Feed, statement: str, column: str, uuid: object | None) -> str | None:
    """Return the name of what has a UUID, None where none was asked for, and '' where nothing has it."""
    if uuid is None:
        return None
    return next((str(row[column]) for row in feed.rows(statement, id=str(uuid))), "")
