"""What the hub serves over HTTP, put together: doors, API and page, behind the guards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.staticfiles import StaticFiles

from handspan import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.responses import Response
    from starlette.types import Scope

# Everything that a page needs comes from here, and no other site may frame it.
_POLICY = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    # A newer Handspan has other files under the same names.
    "Cache-Control": "no-cache",
}


def application(routers: Sequence[APIRouter], web: Path) -> FastAPI:
    """`web` is the folder of the page; where it is not there, there is no page."""
    # Without the pages that FastAPI has for OpenAPI: they come from a server on the Internet.
    app = FastAPI(title="Handspan hub", version=__version__, docs_url=None, redoc_url=None)
    app.add_exception_handler(HTTPException, _said)
    for router in routers:
        app.include_router(router)
    if (web / "index.html").is_file():
        app.include_router(_page(web))
        app.mount("/web", _Files(directory=web))
    return app


async def _said(_: Request, error: Exception) -> JSONResponse:
    """Errors look the same at all doors."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)


def _page(web: Path) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    async def page() -> FileResponse:
        return FileResponse(web / "index.html", headers=_POLICY)

    for path in ("/", "/s/{session:path}"):
        router.get(path, response_model=None)(page)
    return router


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_POLICY)
        return response
