"""POST /v1/events: events in JSON, one, several in a list, or one a line; and the same as CloudEvents.

The answer, 202, comes when they are committed. An event that comes again (by its id) is taken and changes nothing. One
that can't be read costs only itself, and is named by its line, or its number in a list.
"""

from __future__ import annotations

import asyncio
import json
import queue
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from handspan.events import InvalidEvent, from_json
from handspan.hub import answers
from handspan.hub.answers import JSON, Refusal
from handspan.schema import json_schema
from handspan.sources import cloudevents, jsonl
from handspan.sources.jsonl import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from handspan.events import Event

    Submit = Callable[[Sequence[Event]], Future[int]]

PATH = "/v1/events"
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
CLOUDEVENT = "application/cloudevents+json"
CLOUDEVENTS = "application/cloudevents-batch+json"
# The engine tries for ever to commit what it was given; whoever sends waits no longer than its own time-out.
_PATIENCE = 20.0
_AFTER_FULL = 1
_AFTER_FAILURE = 5


def events(submit: Submit) -> APIRouter:
    """`submit` takes events, and its result comes when they are committed."""
    router = APIRouter(tags=["Events"])

    async def take_events(request: Request) -> JSONResponse:
        body = await request.body()
        try:
            said = await run_in_threadpool(read, request.headers, body)
            return await _taken(submit, said)
        except Refusal as refusal:
            return JSONResponse({"error": refusal.why}, refusal.status, _later(refusal))

    router.post(
        PATH,
        status_code=202,
        response_model=None,
        summary="What happened in an orchestration",
        openapi_extra={"requestBody": {"required": True, "content": _content()}},
        responses=_RESPONSES,
    )(take_events)
    return router


async def _taken(submit: Submit, said: Sequence[Event | Refused]) -> JSONResponse:
    refused = [
        {"line": one.line, "field": one.field, "problem": one.problem} for one in said if isinstance(one, Refused)
    ]
    taken = [one for one in said if not isinstance(one, Refused)]
    if taken:
        await _committed(submit(taken))
    return JSONResponse({"accepted": len(taken), "refused": refused}, 400 if refused and not taken else 202)


async def _committed(future: Future[int]) -> None:
    committed = asyncio.wrap_future(future)
    await asyncio.wait([committed], timeout=_PATIENCE)
    error = committed.exception() if committed.done() else TimeoutError()
    if isinstance(error, queue.Full):
        raise Refusal(429, "as many events wait to be committed as may: come back in a moment", _AFTER_FULL)
    if error:
        raise Refusal(503, "these events can't be committed now: send them again, none counts twice", _AFTER_FAILURE)


def _later(refusal: Refusal) -> dict[str, str]:
    return {} if refusal.after is None else {"Retry-After": str(refusal.after)}


# --- reading ---------------------------------------------------------------------------------------------------------


def read(headers: Mapping[str, str], body: bytes) -> list[Event | Refused]:
    """What a request says. Raises Refusal for one that can't hold events."""
    kind = answers.media_type(headers.get("content-type", ""))
    if kind in NDJSON:
        said = list(jsonl.read(body.split(b"\n")))
    elif "ce-specversion" in headers and not kind.startswith("application/cloudevents"):
        said = list(_each([body], lambda data: cloudevents.binary(headers, data)))
    elif kind == CLOUDEVENT:
        said = list(_each([_json(body)], cloudevents.structured))
    elif kind in {JSON, CLOUDEVENTS}:
        said = list(_each(_listed(body), from_json if kind == JSON else cloudevents.structured))
    else:
        raise Refusal(415, f"events are sent as {', '.join((JSON, *NDJSON, CLOUDEVENT))} or {CLOUDEVENTS}")
    if not said:
        raise Refusal(400, "there is no event in this request")
    return said


def _each(forms: Iterable[Any], of: Callable[[Any], Event]) -> Iterator[Event | Refused]:
    for number, form in enumerate(forms, start=1):
        try:
            yield of(form)
        except InvalidEvent as invalid:
            yield Refused(line=number, field=invalid.field, problem=invalid.problem)


def _listed(body: bytes) -> list[Any]:
    form = _json(body)
    return form if isinstance(form, list) else [form]  # pyright: ignore[reportUnknownVariableType]


def _json(body: bytes) -> Any:
    try:
        # From bytes Python would read UTF-16 and UTF-32 as well.
        return json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"this is not JSON: {error}") from error


# --- as OpenAPI says it ----------------------------------------------------------------------------------------------


def _content() -> dict[str, Any]:
    # Its references are to definitions in itself, which OpenAPI has elsewhere.
    event = {key: value for key, value in json_schema().items() if key not in {"$schema", "oneOf", "$defs"}}
    one: dict[str, Any] = {"type": "object", **event}
    several = {"schema": {"type": "array", "items": one}}
    lines = {kind: {"schema": {"type": "string"}} for kind in NDJSON}
    return {
        JSON: {"schema": {"anyOf": [one, several["schema"]]}},
        **lines,
        CLOUDEVENT: {"schema": {"type": "object"}},
        CLOUDEVENTS: {"schema": {"type": "array", "items": {"type": "object"}}},
    }


_ANSWER: dict[str, Any] = {
    JSON: {
        "schema": {
            "type": "object",
            "properties": {
                "accepted": {"type": "integer"},
                "refused": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "line": {"type": "integer"},
                            "field": {"type": "string"},
                            "problem": {"type": "string"},
                        },
                    },
                },
            },
        }
    }
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"description": "They are committed, but for those that are refused by line.", "content": _ANSWER},
    400: {"description": "None of it is an event."},
    413: {"description": "It is too large: send less at once."},
    415: {"description": "It is of no type that can hold events."},
    429: {"description": "Too much waits: come back after Retry-After."},
    503: {"description": "It can't be committed now: come back after Retry-After."},
}
