"""OTLP over HTTP, at the paths where every OTLP client looks: /v1/traces, /v1/logs, /v1/metrics."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from handspan.hub import answers
from handspan.hub.answers import JSON, OTLP_PATHS, PROTOBUF, TYPES, Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from handspan.hub.keeper import Keeper
    from handspan.otlp import Kind


def otlp(keeper: Keeper) -> APIRouter:
    router = APIRouter(tags=["OTLP"])
    for path, kind in OTLP_PATHS.items():
        router.post(path, summary=f"An export request of {kind}", openapi_extra=_BODY, responses=_RESPONSES)(
            _door(keeper, path, kind)
        )
    return router


def _door(keeper: Keeper, path: str, kind: Kind) -> Callable[[Request], Awaitable[Response]]:
    async def door(request: Request) -> Response:
        content_type = request.headers.get("content-type", "")
        try:
            return await _exported(keeper, kind, content_type, await request.body())
        except Refusal as refusal:
            return answers.refused(refusal, path, content_type)

    door.__name__ = f"export_{kind}"
    return door


async def _exported(keeper: Keeper, kind: Kind, content_type: str, body: bytes) -> Response:
    encoding = answers.encoding_of(content_type)
    if encoding is None:
        raise Refusal(415, f"OTLP is sent as {PROTOBUF} or as {JSON}")
    # A large request takes a while to read, and others are served meanwhile.
    taken = await run_in_threadpool(keeper.take, kind, encoding, body)
    error = None
    if taken.committed:
        committed = asyncio.wrap_future(taken.committed)
        await asyncio.wait([committed])
        error = committed.exception()
    return Response(keeper.done(taken, error), media_type=TYPES[encoding])


_ANY: dict[str, Any] = {"schema": {}}
_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": {PROTOBUF: _ANY, JSON: _ANY}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "It is kept; what of it is not, partialSuccess says.",
        "content": {PROTOBUF: _ANY, JSON: _ANY},
    },
    400: {"description": "It is no export request of this kind (a google.rpc.Status)."},
    413: {"description": "It is too large: send less at once."},
    415: {"description": "It is neither protobuf nor JSON."},
    429: {"description": "Too much waits to be written: come back after Retry-After."},
    503: {"description": "It can't be written now: come back after Retry-After."},
}
