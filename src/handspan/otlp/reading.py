"""The way back: our own signals, read from an export request.

What is read equals what was encoded, but for what OTLP can't say: half a surrogate pair comes back escaped, and an
integer of more than 64 bits as decimal text.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, TypeVar, overload

from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped] # (it has no stubs)
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from handspan import names
from handspan.signals import Link, Log, Resource, Span, SpanEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.proto.common.v1 import common_pb2
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
    from opentelemetry.proto.resource.v1 import resource_pb2

    from handspan.signals import SpanKind, Value

_Request = TypeVar("_Request", bound=Message)


@overload
def read(kind: Literal["traces"], body: bytes) -> list[Span]: ...
@overload
def read(kind: Literal["logs"], body: bytes) -> list[Log]: ...
def read(kind: Literal["traces", "logs"], body: bytes) -> list[Span] | list[Log]:
    """The signals of an export request. Raises `ValueError` if it is none, or holds what is none of ours."""
    return _spans(body) if kind == "traces" else _logs(body)


def _spans(body: bytes) -> list[Span]:
    return [
        _span(span, resource)
        for group in _parsed(ExportTraceServiceRequest(), body).resource_spans
        for resource in (_resource(group.resource),)
        for scope in group.scope_spans
        for span in scope.spans
    ]


def _logs(body: bytes) -> list[Log]:
    return [
        _log(record, resource)
        for group in _parsed(ExportLogsServiceRequest(), body).resource_logs
        for resource in (_resource(group.resource),)
        for scope in group.scope_logs
        for record in scope.log_records
    ]


def _parsed(request: _Request, body: bytes) -> _Request:
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise ValueError(f"this is no {request.DESCRIPTOR.name}: {error}") from error
    return request


# --- who and what ----------------------------------------------------------------------------------------------------


def _resource(resource: resource_pb2.Resource) -> Resource:
    # Others may have added to it on its way, values of any type.
    told = {a.key: a.value.string_value for a in resource.attributes if a.value.HasField("string_value")}
    try:
        return Resource(
            service=told[names.SERVICE_NAME],
            namespace=told[names.SERVICE_NAMESPACE],
            instance=told[names.INSTANCE],
            terminal=told.get(names.TERMINAL_ID),
        )
    except KeyError as lacking:
        raise ValueError(f"a resource has no text as {lacking}") from None


def _attributes(attributes: Iterable[common_pb2.KeyValue]) -> dict[str, Value]:
    return {attribute.key: _value(attribute.key, attribute.value) for attribute in attributes}


def _value(name: str, value: common_pb2.AnyValue) -> Value:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "array_value":
            return tuple(_text(name, each) for each in value.array_value.values)
        case other:
            raise ValueError(f"{name!r} is no text, number, truth or array of texts: it has {other or 'no value'}")


def _text(name: str, value: common_pb2.AnyValue) -> str:
    if not value.HasField("string_value"):
        raise ValueError(f"{name!r} holds what is no text: {value.WhichOneof('value') or 'no value'}")
    return value.string_value


def _id(name: str, encoded: bytes, size: int) -> str:
    if len(encoded) != size:
        raise ValueError(f"a {name} id has {len(encoded)} bytes, not {size}")
    return encoded.hex()


def _trace_id(encoded: bytes) -> str:
    return _id("trace", encoded, 16)


def _span_id(encoded: bytes) -> str:
    return _id("span", encoded, 8)


# --- spans -----------------------------------------------------------------------------------------------------------

_KINDS: Final[Mapping[int, SpanKind]] = MappingProxyType({
    trace_pb2.Span.SPAN_KIND_INTERNAL: "internal",
    trace_pb2.Span.SPAN_KIND_PRODUCER: "producer",
    trace_pb2.Span.SPAN_KIND_CONSUMER: "consumer",
})


def _span(span: trace_pb2.Span, resource: Resource) -> Span:
    trace_id = _trace_id(span.trace_id)
    if span.kind not in _KINDS:
        raise ValueError(f"a span is of kind {span.kind}; ours are of {', '.join(map(str, _KINDS))}")
    return Span(
        trace_id=trace_id,
        span_id=_span_id(span.span_id),
        parent_span_id=_span_id(span.parent_span_id) if span.parent_span_id else None,
        name=span.name,
        kind=_KINDS[span.kind],
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        resource=resource,
        attributes=_attributes(span.attributes),
        events=tuple(map(_event, span.events)),
        links=tuple(map(_link, span.links)),
        error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        dropped_events=span.dropped_events_count,
        dropped_links=span.dropped_links_count,
    )


def _event(event: trace_pb2.Span.Event) -> SpanEvent:
    return SpanEvent(name=event.name, at=event.time_unix_nano, attributes=_attributes(event.attributes))


def _link(link: trace_pb2.Span.Link) -> Link:
    told = _attributes(link.attributes)
    return Link(trace_id=_trace_id(link.trace_id), span_id=_span_id(link.span_id), type=_said(told, names.LINK_TYPE))


def _said(told: Mapping[str, Value], name: str) -> str:
    match told.get(name):
        case str(text):
            return text
        case _:
            raise ValueError(f"there is no text as {name!r}")


# --- log events ------------------------------------------------------------------------------------------------------


def _log(record: LogRecord, resource: Resource) -> Log:
    attributes = _attributes(record.attributes)
    return Log(
        uid=_said(attributes, names.LOG_UID),
        name=record.event_name,
        at=record.time_unix_nano,
        severity=record.severity_number,
        body=_text("body", record.body),
        resource=resource,
        attributes=attributes,
        trace_id=_trace_id(record.trace_id) if record.trace_id else None,
        span_id=_span_id(record.span_id) if record.span_id else None,
    )
