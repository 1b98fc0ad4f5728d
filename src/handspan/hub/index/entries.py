"""What an entry of the record says: spans, log events, and whose metrics they are, as plain facts.

Anybody may send OTLP, so nothing is taken for granted: what says it is of ours and holds a value of the wrong type is a
stranger's, and what can't be kept at all (a span without an id) is counted.
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped] # (it has no stubs)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from handspan import names
from handspan.hub import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.proto.common.v1 import common_pb2
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

    from handspan.hub.record import Entry

    Said = Mapping[str, Any]

_Request = TypeVar("_Request", bound=Message)
OTHER: Final = "other"
# SQLite's integers end here; OTLP's times go twice as far.
_MOST: Final = 2**63 - 1


class Resource(NamedTuple):
    """Who sent it. `said` is JSON."""

    said: str
    instance: str | None
    service: str | None


class SpanFact(NamedTuple):
    trace: bytes
    id: bytes
    parent: bytes | None
    # None: a stranger's.
    session: str | None
    kind: str
    name: str
    start: int
    end: int
    error: str | None
    said: Said
    events: list[dict[str, Any]]
    links: list[dict[str, Any]]
    dropped: int
    dropped_links: int
    resource: Resource


class LogFact(NamedTuple):
    uid: bytes | None
    session: str | None
    trace: bytes | None
    span: bytes | None
    name: str
    at: int
    severity: int
    body: str
    said: Said
    resource: Resource


class Facts(NamedTuple):
    spans: list[SpanFact]
    logs: list[LogFact]
    # The orchestrators that were heard of.
    instances: set[str]
    # Why something was left out.
    skipped: list[str]


class Unreadable(ValueError):
    """An entry that is no export request."""


def facts_of(entry: Entry) -> Facts:
    """What the entry says. Raises `Unreadable` if it says nothing that can be understood."""
    facts = Facts([], [], set(), [])
    match entry.kind:
        case "traces":
            _take_spans(_parsed(ExportTraceServiceRequest(), entry), facts)
        case "logs":
            _take_logs(_parsed(ExportLogsServiceRequest(), entry), facts)
        case "metrics":
            for group in _parsed(ExportMetricsServiceRequest(), entry).resource_metrics:
                _hear(group.resource.attributes, facts)
    return facts


def _take_spans(request: ExportTraceServiceRequest, facts: Facts) -> None:
    for group in request.resource_spans:
        resource = _hear(group.resource.attributes, facts)
        for scope in group.scope_spans:
            ours = scope.scope.name == names.SCOPE
            for span in scope.spans:
                if len(span.trace_id) == 16 and len(span.span_id) == 8:
                    facts.spans.append(_span(span, resource, ours=ours))
                else:
                    facts.skipped.append("a span without an id")


def _take_logs(request: ExportLogsServiceRequest, facts: Facts) -> None:
    for group in request.resource_logs:
        resource = _hear(group.resource.attributes, facts)
        for scope in group.scope_logs:
            ours = scope.scope.name == names.SCOPE
            facts.logs.extend(_log(record, resource, ours=ours) for record in scope.log_records)


def _hear(attributes: Iterable[common_pb2.KeyValue], facts: Facts) -> Resource:
    said = _said(attributes)
    instance = text(said, names.INSTANCE)
    if instance:
        facts.instances.add(instance)
    return Resource(dumped(said), instance, text(said, names.SERVICE_NAME))


# --- values ----------------------------------------------------------------------------------------------------------


# Made once: half of the time for a span's attributes went into making one for each.
dumped: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def text(said: Said, name: str) -> str | None:
    """What is said under a name, if it is text and not empty."""
    value = said.get(name)
    return value if isinstance(value, str) and value else None


def number(said: Said, name: str) -> int | None:
    """What is said under a name, if it is a whole number that a database holds."""
    value = said.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -_MOST <= value <= _MOST else None


def _said(attributes: Iterable[common_pb2.KeyValue]) -> dict[str, Any]:
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value: common_pb2.AnyValue) -> Any:  # any type that OTLP has
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            # JSON has no name for what is no number.
            return value.double_value if math.isfinite(value.double_value) else str(value.double_value)
        case "array_value":
            return [_value(each) for each in value.array_value.values]
        case "kvlist_value":
            return _said(value.kvlist_value.values)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case _:
            return None


def _time(at: int) -> int:
    return min(at, _MOST)


def _session(said: Said, *, ours: bool) -> str | None:
    return text(said, names.SESSION_ID) if ours else None


# --- spans -----------------------------------------------------------------------------------------------------------


def _span(span: trace_pb2.Span, resource: Resource, *, ours: bool) -> SpanFact:
    said = _said(span.attributes)
    session = _session(said, ours=ours)
    return SpanFact(
        trace=span.trace_id,
        id=span.span_id,
        parent=span.parent_span_id if len(span.parent_span_id) == 8 else None,
        session=session,
        kind=OTHER if session is None else _kind(span, said),
        name=span.name,
        start=_time(span.start_time_unix_nano),
        end=_time(span.end_time_unix_nano),
        error=_error(span, said),
        said=said,
        events=[_event(event) for event in span.events],
        links=[_link(link) for link in span.links],
        dropped=span.dropped_events_count + span.dropped_attributes_count,
        dropped_links=span.dropped_links_count,
        resource=resource,
    )


def _kind(span: trace_pb2.Span, said: Said) -> str:
    """Which of names.SPANS a span is. Its name says it only where no attribute does."""
    if span.kind == trace_pb2.Span.SPAN_KIND_PRODUCER:
        return names.SEND
    if span.kind == trace_pb2.Span.SPAN_KIND_CONSUMER:
        return names.RECEIVE
    if span.name in {names.SESSION_MARKER, names.TERMINAL_MARKER}:
        return span.name
    if not span.parent_span_id:
        return names.SESSION
    if names.AWAITED in said:
        return names.DELEGATION
    if names.TURN_TRIGGER in said:
        return names.TURN
    return _BY_FIRST_WORD.get(span.name.partition(" ")[0], OTHER)


_BY_FIRST_WORD: Final = {"waiting_for_input": names.WAITING, "boot": names.BOOT, "terminal": names.TERMINAL}


def _error(span: trace_pb2.Span, said: Said) -> str | None:
    if span.status.code != trace_pb2.Status.STATUS_CODE_ERROR:
        return None
    return text(said, names.ERROR_TYPE) or span.status.message or "error"


def _event(event: trace_pb2.Span.Event) -> dict[str, Any]:
    return {"at": _time(event.time_unix_nano), "name": event.name, "attributes": _said(event.attributes)}


def _link(link: trace_pb2.Span.Link) -> dict[str, Any]:
    said = _said(link.attributes)
    kind = text(said, names.LINK_TYPE) or "link"
    return {"type": kind, "trace": link.trace_id.hex(), "span": link.span_id.hex(), "attributes": said}


# --- log events ------------------------------------------------------------------------------------------------------


def _log(record: LogRecord, resource: Resource, *, ours: bool) -> LogFact:
    said = _said(record.attributes)
    session = _session(said, ours=ours)
    with_span = len(record.trace_id) == 16 and len(record.span_id) == 8
    body = _value(record.body)
    return LogFact(
        uid=None if session is None else _uid(said),
        session=session,
        trace=record.trace_id if len(record.trace_id) == 16 else None,
        span=record.span_id if with_span else None,
        name=record.event_name or text(said, names.EVENT_NAME) or "",
        at=_time(record.time_unix_nano or record.observed_time_unix_nano),
        severity=record.severity_number,
        body=body if isinstance(body, str) else "" if body is None else dumped(body),
        said=said,
        resource=resource,
    )


def _uid(said: Said) -> bytes | None:
    try:
        return bytes.fromhex(text(said, names.LOG_UID) or "") or None
    except ValueError:
        return None


# --- bytes -----------------------------------------------------------------------------------------------------------


def _parsed(request: _Request, entry: Entry) -> _Request:
    try:
        request.ParseFromString(wire.in_protobuf(entry.kind, entry.encoding, entry.body))
    except (ValueError, DecodeError) as error:
        raise Unreadable(f"an entry is no {request.DESCRIPTOR.name}: {error}") from error
    return request
