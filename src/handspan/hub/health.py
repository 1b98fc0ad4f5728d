"""What a machine asks a hub: whether it lives, whether it can take anything in, and its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from handspan.signals import Series


def health(troubles: Callable[[], list[str]], metrics: Callable[[], Iterable[Series]]) -> APIRouter:
    """`troubles` says why nothing can be taken in, if so; `metrics` are all of them as they stand."""
    router = APIRouter(tags=["Health"])

    async def healthz() -> JSONResponse:
        return JSONResponse({"alive": True})

    async def readyz() -> JSONResponse:
        found = troubles()
        return JSONResponse({"ready": not found, "troubles": found}, 503 if found else 200)

    async def scraped(request: Request) -> Response:
        return await run_in_threadpool(_exposed, metrics, request.headers.get("accept", ""))

    router.get("/healthz", summary="Whether the hub lives")(healthz)
    router.get("/readyz", summary="Whether the hub can take anything in", responses=_NOT_READY)(readyz)
    router.get("/metrics", summary="Metrics, as Prometheus reads them", responses=_TEXT)(scraped)
    return router


_NOT_READY: dict[int | str, dict[str, Any]] = {503: {"description": "It can't; `troubles` says why."}}
_TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


def _exposed(metrics: Callable[[], Iterable[Series]], accept: str) -> Response:
    # Imported where it is used: it takes a tenth of the time in which a hub starts.
    from prometheus_client import CollectorRegistry  # noqa: PLC0415
    from prometheus_client.exposition import (  # noqa: PLC0415
        choose_encoder,  # pyright: ignore[reportUnknownVariableType]
    )

    from handspan.exposition import Scraped  # noqa: PLC0415

    registry = CollectorRegistry()
    registry.register(Scraped(metrics))
    encode, content_type = choose_encoder(accept)
    return Response(encode(registry), media_type=content_type)
