"""What the page asks, over HTTP: JSON, and server-sent events. All of it is read from the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import StreamingResponse

from handspan.hub.index import export, search, sessions, traces
from handspan.hub.index.entries import dumped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from handspan.hub.index import Index
    from handspan.hub.live import Feed

_Limit = Annotated[int, Query(ge=1, le=1000)]
# What is looked for: a line, not a page.
_Words = Annotated[str, Query(max_length=200)]
_TraceId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
_Position = Annotated[int | None, Query(ge=0, le=2**63 - 1)]
_JSON = "application/json"
_LINES = "application/x-ndjson"


def router(shown: Callable[[], Index], feed: Feed) -> APIRouter:
    """The routes below /api. `shown` is the index that the page shows now."""
    routes = APIRouter(prefix="/api")
    _add_sessions(routes, shown)
    _add_rest(routes, shown)

    @routes.get("/live")
    def live(
        session: str | None = None, after: _Position = None, last_event_id: Annotated[str | None, Header()] = None
    ) -> Response:
        """Changes as they happen; after a broken connection those since."""
        seen = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdecimal() else after
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(feed.events(session, seen), media_type="text/event-stream", headers=headers)

    return routes


def _add_sessions(routes: APIRouter, shown: Callable[[], Index]) -> None:
    @routes.get("/sessions")
    def listed(state: str = "", agent: str = "", q: _Words = "", after: str = "", limit: _Limit = 100) -> Response:
        """Sessions, the worst first."""
        with shown().reading() as connection:
            try:
                return _json(sessions.listed(connection, state=state, agent=agent, q=q, after=after, limit=limit))
            except sessions.BadCursor as bad:
                return _error(422, str(bad))

    @routes.get("/sessions/{session:path}/logs")
    def logs(session: str, before: str = "", limit: _Limit = 100) -> Response:
        """A session's log events, the newest first."""
        with shown().reading() as connection:
            try:
                return _found(sessions.logs(connection, session, before=before, limit=limit), "session")
            except sessions.BadCursor as bad:
                return _error(422, str(bad))

    @routes.get("/sessions/{session:path}/export")
    def exported(session: str, as_: Annotated[str, Query(alias="as", pattern="^otlp$")] = "otlp") -> Response:  # noqa: ARG001 # one form so far, and named
        """A session as lines of OTLP/JSON."""
        with shown().reading() as connection:
            lines = export.exported(connection, session)
        if lines is None:
            return _error(404, "There is no such session.")
        headers = {"Content-Disposition": 'attachment; filename="session.otlp.jsonl"'}
        return Response("".join(f"{line}\n" for line in lines), media_type=_LINES, headers=headers)

    # A session's id may have any character, also this one: `/`. So this route comes last.
    @routes.get("/sessions/{session:path}")
    def detailed(session: str) -> Response:
        """All that a session's page shows."""
        with shown().reading() as connection:
            return _found(sessions.detailed(connection, session), "session")


def _add_rest(routes: APIRouter, shown: Callable[[], Index]) -> None:
    @routes.get("/traces")
    def listed(q: _Words = "", before: str = "", limit: _Limit = 100) -> Response:
        """Strangers' traces, the newest first."""
        with shown().reading() as connection:
            try:
                return _json(traces.listed(connection, q=q, before=before, limit=limit))
            except sessions.BadCursor as bad:
                return _error(422, str(bad))

    @routes.get("/traces/{trace}")
    def detailed(trace: _TraceId) -> Response:
        """A stranger's trace with its spans."""
        with shown().reading() as connection:
            return _found(traces.detailed(connection, bytes.fromhex(trace)), "trace")

    @routes.get("/search")
    def searched(q: _Words, limit: _Limit = 50) -> Response:
        """Sessions, messages and spans that have these words, the newest first."""
        with shown().reading() as connection:
            return _json(search.searched(connection, q, limit))


def _found(form: Mapping[str, Any] | None, what: str) -> Response:
    return _error(404, f"There is no such {what}.") if form is None else _json(form)


def _json(form: Mapping[str, Any], status: int = 200) -> Response:
    return Response(dumped(form), status, media_type=_JSON)


def _error(status: int, sentence: str) -> Response:
    return _json({"error": sentence}, status)
