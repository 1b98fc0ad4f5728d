"""A session as it came: requests of OTLP/JSON, one a line, that any OTLP endpoint takes in again."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, Final, cast

from handspan import names
from handspan.hub.index.entries import dumped

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    Row = tuple[Any, ...]

# A line is a request, and requests of more than 4 MiB are refused by many: 200 spans of 16 KB at most.
_LINE: Final = 200
_KINDS: Final = {names.SEND: 4, names.RECEIVE: 5}
_INTERNAL: Final = 1
_ERROR: Final = {"code": 2}

_SPANS: Final = (
    "SELECT r.said, s.trace, s.span, s.parent, s.kind, s.name, s.start, s.end, s.error, s.said, s.events, s.links,"
    " s.dropped, s.dropped_links FROM spans s JOIN resources r ON r.id = s.resource"
    " WHERE s.session = ? AND s.final ORDER BY s.resource, s.id"
)
_LOGS: Final = (
    "SELECT r.said, l.at, l.name, l.severity, l.body, l.trace, l.span, l.said"
    " FROM logs l JOIN resources r ON r.id = l.resource WHERE l.session = ? ORDER BY l.resource, l.id"
)


def exported(connection: sqlite3.Connection, uid: str) -> list[str] | None:
    """The lines: log events and spans, a request for each resource. None if there is no such session."""
    row = connection.execute("SELECT id FROM sessions WHERE uid = ?", (uid,)).fetchone()
    if row is None:
        return None
    logs = _requests(connection.execute(_LOGS, row), "resourceLogs", "scopeLogs", "logRecords")
    spans = _requests(connection.execute(_SPANS, row), "resourceSpans", "scopeSpans", "spans")
    return [dumped(each) for each in (*logs, *spans)]


def _requests(rows: Iterable[Row], groups: str, scopes: str, records: str) -> Iterator[dict[str, Any]]:
    made = {"spans": _span, "logRecords": _log}[records]
    for resource, run in itertools.groupby(rows, key=lambda row: row[0]):
        about = {"attributes": _attributes(json.loads(resource))}
        while some := [made(row[1:]) for row in itertools.islice(run, _LINE)]:
            scope = {"scope": {"name": names.SCOPE}, records: some, "schemaUrl": names.SCHEMA_URL}
            yield {groups: [{"resource": about, scopes: [scope]}]}


def _span(row: Row) -> dict[str, Any]:
    trace, span, parent, kind, name, start, end, error, said, events, links, dropped, dropped_links = row
    form = {
        "traceId": trace.hex(),
        "spanId": span.hex(),
        "parentSpanId": parent.hex() if parent else "",
        "name": name,
        "kind": _KINDS.get(kind, _INTERNAL),
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(end),
        "attributes": _attributes(json.loads(said)),
        "events": [_event(event) for event in json.loads(events)],
        "links": [_link(link) for link in json.loads(links)],
        "droppedEventsCount": dropped,
        "droppedLinksCount": dropped_links,
    }
    return form | ({"status": _ERROR} if error else {})


def _event(event: dict[str, Any]) -> dict[str, Any]:
    attributes = _attributes(event["attributes"])
    return {"timeUnixNano": str(event["at"]), "name": event["name"], "attributes": attributes}


def _link(link: dict[str, Any]) -> dict[str, Any]:
    return {"traceId": link["trace"], "spanId": link["span"], "attributes": _attributes(link["attributes"])}


def _log(row: Row) -> dict[str, Any]:
    at, name, severity, body, trace, span, said = row
    return {
        "timeUnixNano": str(at),
        "observedTimeUnixNano": str(at),
        "eventName": name,
        "severityNumber": severity,
        "body": {"stringValue": body},
        "traceId": trace.hex() if trace else "",
        "spanId": span.hex() if span else "",
        "attributes": _attributes(json.loads(said)),
    }


def _attributes(said: Mapping[str, object]) -> list[dict[str, Any]]:
    return [{"key": name, "value": value(each)} for name, each in said.items()]


def value(said: object) -> dict[str, Any]:
    """A value as OTLP/JSON has it."""  # any JSON
    match said:
        case str():
            return {"stringValue": said}
        case bool():
            return {"boolValue": said}
        case int():
            return {"intValue": str(said)}
        case float():
            return {"doubleValue": said}
        case list():
            return {"arrayValue": {"values": [value(each) for each in cast("list[object]", said)]}}
        case dict():
            return {"kvlistValue": {"values": _attributes(cast("dict[str, object]", said))}}
        case _:
            return {}
