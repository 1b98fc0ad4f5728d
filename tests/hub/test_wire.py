from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from handspan.hub import wire
from tests.hub import requests

if TYPE_CHECKING:
    from handspan.otlp import Kind

IN_PROTOBUF: dict[Kind, bytes] = {
    "traces": requests.spans_in_protobuf("work"),
    "logs": requests.logs_in_protobuf("said"),
    "metrics": requests.metrics_in_protobuf("m"),
}


def wrong(kind: Kind, body: bytes, encoding: str = "json") -> str:
    with pytest.raises(wire.Unreadable) as unreadable:
        wire.read(kind, "json" if encoding == "json" else "protobuf", body)
    return str(unreadable.value)


@pytest.mark.parametrize("kind", ["traces", "logs", "metrics"])
def test_both_encodings_are_the_same_request_and_are_kept_as_they_came(kind: Kind) -> None:
    of_json = wire.read(kind, "json", body := requests.in_json(requests.ONE[kind]))
    of_protobuf = wire.read(kind, "protobuf", IN_PROTOBUF[kind])
    assert of_json.message == of_protobuf.message
    assert (of_json.encoding, of_json.body, of_json.rejected) == ("json", body, 0)
    assert (of_protobuf.encoding, of_protobuf.body, of_protobuf.rejected) == ("protobuf", IN_PROTOBUF[kind], 0)
    assert (
        wire.in_protobuf(kind, "json", body)
        == IN_PROTOBUF[kind]
        == wire.in_protobuf(kind, "protobuf", IN_PROTOBUF[kind])
    )


def test_ids_are_hexadecimal_wherever_they_stand() -> None:
    link = {"traceId": requests.TRACE.upper(), "spanId": requests.SPAN}
    document = requests.traces(requests.span(parentSpanId=requests.SPAN, links=[link]))
    span = wire.read("traces", "json", requests.in_json(document)).message.resource_spans[0].scope_spans[0].spans[0]
    trace, own = bytes.fromhex(requests.TRACE), bytes.fromhex(requests.SPAN)
    assert (span.trace_id, span.span_id, span.parent_span_id) == (trace, own, own)
    assert (span.links[0].trace_id, span.links[0].span_id) == (trace, own)


def test_what_protobuf_s_json_allows_is_allowed() -> None:
    document = requests.traces(
        requests.span(kind="SPAN_KIND_SERVER", startTimeUnixNano=1544712660000000000, unknown=[1])
    )
    assert wire.in_protobuf("traces", "json", requests.in_json(document)) == IN_PROTOBUF["traces"]


# --- in part ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"traceId": "zz"}, "this is no Span: non-hexadecimal number found in fromhex() arg at position 0"),
        ({"traceId": "ab"}, "a span has no valid trace id: it must be 16 bytes, not all zero"),
        ({"traceId": "0" * 32}, "a span has no valid trace id: it must be 16 bytes, not all zero"),
        ({"spanId": ""}, "a span has no valid span id: it must be 8 bytes, not all zero"),
        ({"spanId": "0" * 16}, "a span has no valid span id: it must be 8 bytes, not all zero"),
        ({"parentSpanId": "ab"}, "a span has no valid parent span id: it must be 8 bytes"),
        (
            {"name": "\ud800"},
            "this is no Span: 'utf-8' codec can't encode character '\\ud800' in position 0: surrogates not allowed",
        ),
    ],
)
def test_a_span_that_can_t_be_read_costs_only_itself(bad: dict[str, str], why: str) -> None:
    document = requests.traces(requests.span("first"), requests.span(**bad), requests.span("last"))
    read = wire.read("traces", "json", requests.in_json(document))
    left = requests.spans_in_protobuf("first", "last")
    assert (read.encoding, read.body, read.rejected, read.why) == ("protobuf", left, 1, why)


def test_a_span_that_is_not_valid_costs_only_itself_in_protobuf_as_well() -> None:
    # Requests that are joined are one.
    body = requests.spans_in_protobuf("bad", "worse", trace="00" * 16) + requests.spans_in_protobuf("good")
    read = wire.read("traces", "protobuf", body)
    empty = requests.spans_in_protobuf()
    assert (read.body, read.rejected) == (empty + requests.spans_in_protobuf("good"), 2)


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        ({"traceId": "ab"}, "a log record has no valid trace id: it must be 16 bytes"),
        ({"spanId": "ab"}, "a log record has no valid span id: it must be 8 bytes"),
    ],
)
def test_a_log_record_needs_no_ids_but_none_that_are_wrong(ids: dict[str, str], why: str) -> None:
    document = requests.logs("good", "bad")
    document["resourceLogs"][0]["scopeLogs"][0]["logRecords"][1] |= ids
    read = wire.read("logs", "json", requests.in_json(document))
    assert (read.body, read.rejected, read.why) == (requests.logs_in_protobuf("good"), 1, why)


def test_a_metric_that_can_t_be_read_costs_only_itself() -> None:
    document = requests.metrics("good", "bad")
    document["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][1]["gauge"] = {"dataPoints": [{"asInt": "many"}]}
    read = wire.read("metrics", "json", requests.in_json(document))
    assert (read.body, read.rejected) == (requests.metrics_in_protobuf("good"), 1)


# --- nothing of it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "this is no JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"\xff\xfe{}", "this is no JSON: 'utf-8' codec can't decode byte"),
        (b"[]", "this is no JSON object"),
        (b"[" * 100_000, "this is no JSON: maximum recursion depth exceeded"),
        (b'{"resourceSpans": "x"}', "this is no ExportTraceServiceRequest: "),
        (b'{"resourceSpans": [1]}', "this is no ExportTraceServiceRequest: "),
        (b'{"resourceSpans": "\\ud800"}', "this is no ExportTraceServiceRequest: 'utf-8' codec"),
        (b'{"\\ud800": 1}', "this is no ExportTraceServiceRequest: 'utf-8' codec"),
    ],
)
def test_json_that_is_no_request(body: bytes, why: str) -> None:
    assert wrong("traces", body).startswith(why)


def test_json_is_nested_a_hundred_deep_at_most() -> None:
    def nested(depth: int) -> bytes:
        return b'{"x": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    assert wire.read("logs", "json", nested(100)).rejected == 0
    assert wrong("logs", nested(101)) == "this is no ExportLogsServiceRequest: it is nested more than 100 deep"


@pytest.mark.parametrize("body", [b"nonsense", b"\x0a\xff", b"\x0a\x02\x08"])
def test_protobuf_that_is_no_request(body: bytes) -> None:
    assert wrong("logs", body, "protobuf").startswith("this is no ExportLogsServiceRequest: ")


def test_protobuf_is_nested_a_hundred_deep_at_most() -> None:
    def nested(depth: int) -> bytes:
        value = b"\x0a\x01x"
        for _ in range(depth):
            inner = b"\x0a" + _length(value) + value
            value = b"\x2a" + _length(inner) + inner
        return value

    assert wire.read("logs", "protobuf", _body(nested(40))).rejected == 0
    assert wrong("logs", _body(nested(100)), "protobuf").startswith("this is no ExportLogsServiceRequest: ")


def _length(value: bytes) -> bytes:
    size = len(value)
    return bytes([size]) if size < 128 else bytes([size & 127 | 128]) + _varint(size >> 7)


def _varint(number: int) -> bytes:
    return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + _varint(number >> 7)


def _body(value: bytes) -> bytes:
    """A request of one log record with this body."""
    record = b"\x2a" + _length(value) + value
    for tag in (b"\x12", b"\x12", b"\x0a"):
        record = tag + _length(record) + record
    return record


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["\ud800", "zz", "1e400"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    of: Any = value
    inner: Any = of.items() if isinstance(value, dict) else enumerate(of) if isinstance(value, list) else ()
    return [path, *(each for key, one in inner for each in paths(one, (*path, key)))]


FULL = requests.traces(
    requests.span(
        links=[{"traceId": requests.TRACE, "spanId": requests.SPAN}],
        events=[{"name": "e", "timeUnixNano": "1"}],
        status={"code": 2, "message": "m"},
        attributes=[{"key": "k", "value": {"arrayValue": {"values": [{"intValue": "1"}, {"bytesValue": "AA=="}]}}}],
    )
)


@given(st.sampled_from(paths(FULL)), VALUES)
def test_no_document_does_more_than_be_refused(path: tuple[Any, ...], value: Any) -> None:
    document: Any = copy.deepcopy(FULL)
    if path:
        inside = document
        for key in path[:-1]:
            inside = inside[key]
        inside[path[-1]] = value
    else:
        document = value
    body = json.dumps(document).encode()
    try:
        read = wire.read("traces", "json", body)
    except wire.Unreadable:
        return
    assert wire.read("traces", read.encoding, read.body).rejected == 0
    assert len(wire.pieces("traces", read.encoding, read.body)) <= 1


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(body: bytes) -> None:
    try:
        read = wire.read("metrics", "protobuf", body)
    except wire.Unreadable:
        return
    assert read.body == body


# --- taken apart, and answered ---------------------------------------------------------------------------------------


def test_pieces_are_requests_of_one_item_each_and_together_the_same() -> None:
    body = requests.spans_in_protobuf("a", "b") + requests.spans_in_protobuf("c")
    alone = [requests.spans_in_protobuf(name) for name in "abc"]
    assert wire.pieces("traces", "protobuf", body) == alone
    assert wire.pieces("traces", "protobuf", b"".join(alone)) == alone
    assert wire.pieces("logs", "json", requests.in_json(requests.logs("a", "b"))) == [
        requests.logs_in_protobuf("a"),
        requests.logs_in_protobuf("b"),
    ]


def test_answers() -> None:
    assert (wire.answer("logs", "protobuf"), wire.answer("logs", "json")) == (b"", b"{}")
    assert json.loads(wire.answer("metrics", "json", 2, "why")) == {
        "partialSuccess": {"rejectedDataPoints": "2", "errorMessage": "why"}
    }
    response = ExportTraceServiceResponse.FromString(wire.answer("traces", "protobuf", 3, "why"))
    assert (response.partial_success.rejected_spans, response.partial_success.error_message) == (3, "why")


def test_statuses() -> None:
    status: Any = Status.FromString(wire.status("protobuf", 8, "no"))
    assert (status.code, status.message) == (8, "no")
    assert json.loads(wire.status("json", 8, "no")) == {"code": 8, "message": "no"}
