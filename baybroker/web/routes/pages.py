"""The pages and what they load: files of this package, and scripts that the wheels of MapLibre and Plotly carry."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

STATIC = Path(__file__).parents[1] / "static"
PAGES = {"/": "index.html", "/drive": "drive.html", "/home": "home.html", "/ops": "ops.html"}
FROM_WHEELS = {
    "maplibre/maplibre-gl.js": ("maplibre", "srcjs/maplibre-gl.js"),
    "maplibre/maplibre-gl.css": ("maplibre", "srcjs/maplibre-gl.css"),
    "plotly/plotly.min.js": ("plotly", "package_data/plotly.min.js"),
}
HOUR = {"Cache-Control": "public, max-age=3600"}
router = APIRouter(include_in_schema=False)


@cache
def _in_wheel(package: str, file: str) -> Path | None:
    """Return where a package has a file, without importing the package."""
    spec = find_spec(package)
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec is not None else []
    return next((folder / file for folder in folders if (folder / file).is_file()), None)


@router.get("/static/{name:path}")
async def static(name: str) -> Response:
    """Return a file; nothing outside the folder is ever served."""
    if name in FROM_WHEELS:
        found = _in_wheel(*FROM_WHEELS[name])
        return _file(found, HOUR)
    path = (STATIC / name).resolve()
    return _file(path if path.is_relative_to(STATIC.resolve()) else None, {"Cache-Control": "no-cache"})


def _file(path: Path | None, headers: dict[str, str]) -> Response:
    if path is None or not path.is_file():
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return FileResponse(path, headers=headers)


def _page(file: str) -> Callable[[], Awaitable[Response]]:
    async def page() -> Response:
        return _file(STATIC / file, {"Cache-Control": "no-cache"})

    return page


for _path, _name in PAGES.items():
    router.add_api_route(_path, _page(_name), include_in_schema=False)
