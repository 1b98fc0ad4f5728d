"""OTLP as it arrives: export requests of the three kinds in protobuf or JSON, checked, answered, and taken apart.

JSON is protobuf's own mapping, but for the ids of traces and spans, which OTLP writes in hexadecimal and not in base64.
A request of which nothing can be read is Unreadable. Of any other the items that can't be read are rejected by number,
and what is left is kept in protobuf.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from google.protobuf import json_format  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from google.rpc import status_pb2  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2  # pyright: ignore[reportMissingTypeStubs]
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from handspan.hub.record import Encoding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handspan.otlp import Kind


class Unreadable(ValueError):
    """Not a request of this kind: what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A request that was read: what of it is to be kept, and how many of its items are not, and why."""

    message: Any
    encoding: Encoding
    body: bytes
    rejected: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The classes of a kind, and its fields from the outside in. `wrong` says what is wrong with an item."""

    request: Callable[[], Any]
    response: Callable[[], Any]
    item: Callable[[], Any]
    fields: tuple[str, str, str]
    rejected: str
    wrong: Callable[[Any], str]


def read(kind: Kind, encoding: Encoding, body: bytes) -> Arrived:
    """Raises Unreadable."""
    shape = _SHAPES[kind]
    if encoding == "json":
        message, unread, why = _from_json(shape, body)
    else:
        message, unread, why = _from_protobuf(shape, body), 0, ""
    invalid = _without_invalid(shape, message)
    if not unread and not invalid:
        return Arrived(message=message, encoding=encoding, body=body)
    return Arrived(
        message=message,
        encoding="protobuf",
        body=message.SerializeToString(),
        rejected=unread + len(invalid),
        why=why or invalid[0],
    )


def in_protobuf(kind: Kind, encoding: Encoding, body: bytes) -> bytes:
    """The same request in protobuf."""
    if encoding == "protobuf":
        return body
    encoded: bytes = read(kind, encoding, body).message.SerializeToString()
    return encoded


def pieces(kind: Kind, encoding: Encoding, body: bytes) -> list[bytes]:
    """A request for each item. Joined, they are one request again, of all their items."""
    shape = _SHAPES[kind]
    groups, scopes, items = shape.fields
    found: list[bytes] = []
    for group, scope in _scopes(shape, read(kind, encoding, body).message):
        alone = shape.request()
        one_group = getattr(alone, groups).add()
        one_group.CopyFrom(group)
        del getattr(one_group, scopes)[:]
        one_scope = getattr(one_group, scopes).add()
        one_scope.CopyFrom(scope)
        for item in getattr(scope, items):
            del getattr(one_scope, items)[:]
            getattr(one_scope, items).append(item)
            found.append(alone.SerializeToString())
    return found


def answer(kind: Kind, encoding: Encoding, rejected: int = 0, why: str = "") -> bytes:
    """The answer to a request that was taken, but for `rejected` of its items."""
    shape = _SHAPES[kind]
    response = shape.response()
    if rejected:
        setattr(response.partial_success, shape.rejected, rejected)
        response.partial_success.error_message = why
    return _written(response, encoding)


def status(encoding: Encoding, code: int, why: str) -> bytes:
    """A google.rpc.Status: the body of an answer to what was not taken."""
    return _written(status_pb2.Status(code=code, message=why), encoding)


def _written(message: Any, encoding: Encoding) -> bytes:
    if encoding == "json":
        text: str = json_format.MessageToJson(message, indent=None)
        return text.encode()
    encoded: bytes = message.SerializeToString()
    return encoded


# --- what can be read ------------------------------------------------------------------------------------------------

# As deep as protobuf itself reads: messages in messages, and in JSON objects and lists in each other.
_DEEPEST: Final = 100
_IDS: Final = frozenset({"traceId", "trace_id", "spanId", "span_id", "parentSpanId", "parent_span_id"})


def _from_protobuf(shape: _Shape, body: bytes) -> Any:
    message = shape.request()
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise Unreadable(f"this is no {message.DESCRIPTOR.name}: {error}") from error
    return message


def _from_json(shape: _Shape, body: bytes) -> tuple[Any, int, str]:
    """The request, how many of its items could not be read, and what is wrong with the first of them."""
    try:
        # From bytes Python would read UTF-16 and UTF-32 as well, and no other reader of this body.
        document = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"this is no JSON: {error}") from error
    try:
        return _built(shape.request(), document), 0, ""
    except Unreadable:
        wrong = _without_unreadable(shape, document)
    return _built(shape.request(), document), len(wrong), wrong[0] if wrong else ""


def _built(message: Any, document: object) -> Any:
    if not isinstance(document, dict):
        raise Unreadable("this is no JSON object")
    try:
        told: Any = _with_ids(cast("object", document), 0)
        return json_format.ParseDict(told, message, ignore_unknown_fields=True, max_recursion_depth=_DEEPEST)
    except Exception as error:
        # To what is no message protobuf's reader of JSON answers with any exception at all: an OverflowError for an
        # infinite number, an AttributeError for a list.
        why = str(error).encode("utf-8", "backslashreplace").decode()[:200]
        raise Unreadable(f"this is no {message.DESCRIPTOR.name}: {why}") from error


def _with_ids(value: object, depth: int) -> object:
    """The same document with its ids in base64, as protobuf reads bytes."""
    if isinstance(value, str):
        return _text(value)
    if not isinstance(value, dict | list):
        return value
    if depth == _DEEPEST:
        raise ValueError(f"it is nested more than {_DEEPEST} deep")
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {
            _text(name): _id(inner) if name in _IDS and isinstance(inner, str) else _with_ids(inner, depth + 1)
            for name, inner in fields.items()
        }
    return [_with_ids(inner, depth + 1) for inner in cast("list[object]", value)]


def _text(text: str) -> str:
    # At half a surrogate pair protobuf breaks with a SystemError.
    if not text.isascii():
        text.encode()
    return text


def _id(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode()


def _without_unreadable(shape: _Shape, document: object) -> list[str]:
    """Takes out of a document the items that can't be read, and says what is wrong with each."""
    wrong: list[str] = []
    groups, scopes, items = map(_in_json, shape.fields)
    for group in _listed(document, groups):
        for scope in _listed(group, scopes):
            found = _listed(scope, items)
            found[:] = [item for item in found if _readable(shape.item(), item, wrong)]
    return wrong


def _in_json(field: str) -> str:
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _listed(document: object, field: str) -> list[object]:
    found = cast("dict[str, object]", document).get(field) if isinstance(document, dict) else None
    return cast("list[object]", found) if isinstance(found, list) else []


def _readable(message: Any, item: object, wrong: list[str]) -> bool:
    try:
        _built(message, item)
    except Unreadable as error:
        wrong.append(str(error))
        return False
    return True


# --- what is valid ---------------------------------------------------------------------------------------------------


def _scopes(shape: _Shape, message: Any) -> Iterator[tuple[Any, Any]]:
    groups, scopes, _ = shape.fields
    for group in getattr(message, groups):
        for scope in getattr(group, scopes):
            yield group, scope


def _without_invalid(shape: _Shape, message: Any) -> list[str]:
    """Takes out of a request the items that are not valid, and says what is wrong with each."""
    wrong: list[str] = []
    for _, scope in _scopes(shape, message):
        items = getattr(scope, shape.fields[2])
        complaints = [shape.wrong(item) for item in items]
        for at in reversed(range(len(complaints))):
            if complaints[at]:
                del items[at]
        wrong += filter(None, complaints)
    return wrong


def _wrong_span(span: Any) -> str:
    if len(span.trace_id) != 16 or not any(span.trace_id):
        return "a span has no valid trace id: it must be 16 bytes, not all zero"
    if len(span.span_id) != 8 or not any(span.span_id):
        return "a span has no valid span id: it must be 8 bytes, not all zero"
    return "" if len(span.parent_span_id) in {0, 8} else "a span has no valid parent span id: it must be 8 bytes"


def _wrong_log(log: Any) -> str:
    if len(log.trace_id) not in {0, 16}:
        return "a log record has no valid trace id: it must be 16 bytes"
    return "" if len(log.span_id) in {0, 8} else "a log record has no valid span id: it must be 8 bytes"


def _nothing_wrong(_: Any) -> str:
    return ""


_SHAPES: Final[Mapping[Kind, _Shape]] = MappingProxyType({
    "traces": _Shape(
        trace_service_pb2.ExportTraceServiceRequest,
        trace_service_pb2.ExportTraceServiceResponse,
        Span,
        ("resource_spans", "scope_spans", "spans"),
        "rejected_spans",
        _wrong_span,
    ),
    "logs": _Shape(
        logs_service_pb2.ExportLogsServiceRequest,
        logs_service_pb2.ExportLogsServiceResponse,
        LogRecord,
        ("resource_logs", "scope_logs", "log_records"),
        "rejected_log_records",
        _wrong_log,
    ),
    "metrics": _Shape(
        metrics_service_pb2.ExportMetricsServiceRequest,
        metrics_service_pb2.ExportMetricsServiceResponse,
        Metric,
        ("resource_metrics", "scope_metrics", "metrics"),
        "rejected_data_points",
        _nothing_wrong,
    ),
})
