from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from handspan import names
from handspan.otlp import Encoder, read, request
from handspan.signals import Link, Log, Resource, Series, Span
from handspan.testing import BEGIN, logs, spans
from tests import signal_strategies
from tests.golden_files import played

if TYPE_CHECKING:
    from collections.abc import Callable

ENCODER = Encoder({"host.name": "h", "handspan.instance": "mine", "handspan.terminal.id": "mine"})
ABOUT = Resource(service="developer", namespace="cao", instance="4f2a", terminal="t1")
SPAN = Span(
    trace_id="0af7651916cd43dd8448eb211c80319c",
    span_id="b7ad6b7169203331",
    parent_span_id="00f067aa0ba902b7",
    name="n",
    kind="internal",
    start=BEGIN,
    end=BEGIN + 1,
    resource=ABOUT,
    attributes={"a": 1},
    links=(Link(trace_id="0af7651916cd43dd8448eb211c80319c", span_id="b7ad6b7169203332", type="message"),),
)
LOG = Log(
    uid="u",
    name="n",
    at=BEGIN,
    severity=9,
    body="b",
    resource=ABOUT,
    attributes={names.LOG_UID: "u"},
    trace_id="0af7651916cd43dd8448eb211c80319c",
    span_id="b7ad6b7169203331",
)
TRACES = request([ENCODER.record(SPAN)])
LOGS = request([ENCODER.record(LOG)])


# --- there and back --------------------------------------------------------------------------------------------------


def test_the_signals_of_every_story_come_back() -> None:
    for path, signals in played():
        told, said = spans(signals), logs(signals)
        assert [read("traces", request([ENCODER.record(span)])) for span in told] == [[span] for span in told], path
        assert [read("logs", request([ENCODER.record(log)])) for log in said] == [[log] for log in said], path


@given(signal_strategies.spans)
def test_any_span_comes_back(span: Span) -> None:
    (back,) = read("traces", request([ENCODER.record(span)]))
    assert back == span
    assert typed(back) == typed(span)


@given(signal_strategies.logs)
def test_any_log_event_comes_back(log: Log) -> None:
    (back,) = read("logs", request([ENCODER.record(log)]))
    assert back == log
    assert typed(back) == typed(log)


def typed(signal: Span | Log) -> str:
    """What equality does not see: that true is no 1, and 1.0 no 1. Their order among the attributes is kept too."""
    return repr(signal)


@given(st.lists(signal_strategies.spans, max_size=6))
def test_several_come_back_by_resource(told: list[Span]) -> None:
    order = list(dict.fromkeys(span.resource for span in told))
    assert read("traces", request([*map(ENCODER.record, told)])) == sorted(told, key=lambda s: order.index(s.resource))


def test_no_number_comes_back() -> None:
    span = dataclasses.replace(SPAN, attributes={"nan": float("nan")})
    (back,) = read("traces", request([ENCODER.record(span)]))
    assert typed(back) == typed(span)


def test_an_empty_request_has_nothing() -> None:
    assert read("traces", b"") == []
    assert read("logs", b"") == []


# --- what is none of ours --------------------------------------------------------------------------------------------

KINDS: dict[Literal["traces", "logs"], str] = {
    "traces": "ExportTraceServiceRequest",
    "logs": "ExportLogsServiceRequest",
}
# A text is never anything but UTF-8, and a message in a message never longer than what is left of it.
GARBAGE = [b"garbage", b"\0", TRACES[:-1], LOGS[1:], TRACES.replace(b"developer", b"develop\xff\xff"), b"\x0a" * 500]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", GARBAGE)
def test_what_is_no_protobuf_is_refused(kind: Literal["traces", "logs"], body: bytes) -> None:
    with pytest.raises(ValueError, match=rf"^this is no {KINDS[kind]}: ."):
        read(kind, body)


def test_a_request_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^this is no ExportTraceServiceRequest: ."):
        read("traces", LOGS)
    with pytest.raises(ValueError, match=r"^this is no ExportLogsServiceRequest: ."):
        read("logs", TRACES)
    # Where the fields of one fit those of the other, ids tell.
    unrelated = dataclasses.replace(LOG, trace_id=None, span_id=None)
    with pytest.raises(ValueError, match=r"^a trace id has 0 bytes, not 16$"):
        read("traces", request([ENCODER.record(unrelated)]))
    metric = Series(name="metric", kind="gauge", unit="", says="", start=BEGIN, resource=ABOUT, points=())
    with pytest.raises(ValueError, match=r"^a trace id has 6 bytes, not 16$"):
        read("traces", request([ENCODER.metric(metric, BEGIN)]))


def a_bytes_attribute(attributes: Any) -> None:
    attributes.add(key="x").value.bytes_value = b"b"


def an_empty_attribute(attributes: Any) -> None:
    attributes.add(key="x")


def a_map_attribute(attributes: Any) -> None:
    attributes.add(key="x").value.kvlist_value.values.add(key="y")


def an_array_of_numbers(attributes: Any) -> None:
    attributes.add(key="x").value.array_value.values.add(int_value=1)


def an_array_of_nothing(attributes: Any) -> None:
    attributes.add(key="x").value.array_value.values.add()


ATTRIBUTES: list[tuple[Callable[[Any], None], str]] = [
    (a_bytes_attribute, "'x' is no text, number, truth or array of texts: it has bytes_value"),
    (an_empty_attribute, "'x' is no text, number, truth or array of texts: it has no value"),
    (a_map_attribute, "'x' is no text, number, truth or array of texts: it has kvlist_value"),
    (an_array_of_numbers, "'x' holds what is no text: int_value"),
    (an_array_of_nothing, "'x' holds what is no text: no value"),
]


def the_span(request: ExportTraceServiceRequest) -> Any:
    (span,) = request.resource_spans[0].scope_spans[0].spans
    return span


def the_record(request: ExportLogsServiceRequest) -> Any:
    (record,) = request.resource_logs[0].scope_logs[0].log_records
    return record


def refusal(kind: Literal["traces", "logs"], request: ExportTraceServiceRequest | ExportLogsServiceRequest) -> str:
    with pytest.raises(ValueError, match=r".") as refused:
        read(kind, request.SerializeToString())
    return str(refused.value)


def change(message: Any, **fields: Any) -> None:
    for name, value in fields.items():
        message.ClearField(name)
        if value is not None:
            setattr(message, name, value)


@pytest.mark.parametrize(("add", "problem"), ATTRIBUTES)
@pytest.mark.parametrize("place", ["span", "event", "link", "log"])
def test_a_value_that_no_attribute_of_ours_has_is_refused(add: Callable[[Any], None], problem: str, place: str) -> None:
    traces, logs = ExportTraceServiceRequest.FromString(TRACES), ExportLogsServiceRequest.FromString(LOGS)
    span = the_span(traces)
    match place:
        case "log":
            add(the_record(logs).attributes)
            assert refusal("logs", logs) == problem
            return
        case "span":
            add(span.attributes)
        case "event":
            add(span.events.add().attributes)
        case _:
            add(span.links[0].attributes)
    assert refusal("traces", traces) == problem


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"trace_id": b""}, "a trace id has 0 bytes, not 16"),
        ({"trace_id": b"12345678"}, "a trace id has 8 bytes, not 16"),
        ({"span_id": b""}, "a span id has 0 bytes, not 8"),
        ({"span_id": b"0123456789abcdef"}, "a span id has 16 bytes, not 8"),
        ({"parent_span_id": b"1"}, "a span id has 1 bytes, not 8"),
        ({"kind": 0}, "a span is of kind 0; ours are of 1, 4, 5"),
        ({"kind": 2}, "a span is of kind 2; ours are of 1, 4, 5"),
        ({"kind": 99}, "a span is of kind 99; ours are of 1, 4, 5"),
    ],
)
def test_a_span_that_is_none_of_ours_is_refused(fields: dict[str, Any], problem: str) -> None:
    traces = ExportTraceServiceRequest.FromString(TRACES)
    change(the_span(traces), **fields)
    assert refusal("traces", traces) == problem


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"trace_id": b""}, "a trace id has 0 bytes, not 16"),
        ({"span_id": b"1"}, "a span id has 1 bytes, not 8"),
        ({"attributes": None}, "there is no text as 'handspan.link.type'"),
    ],
)
def test_a_link_that_is_none_of_ours_is_refused(fields: dict[str, Any], problem: str) -> None:
    traces = ExportTraceServiceRequest.FromString(TRACES)
    change(the_span(traces).links[0], **fields)
    assert refusal("traces", traces) == problem


def test_a_link_s_type_is_a_text() -> None:
    traces = ExportTraceServiceRequest.FromString(TRACES)
    the_span(traces).links[0].attributes[0].value.int_value = 1
    assert refusal("traces", traces) == "there is no text as 'handspan.link.type'"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"trace_id": b"1"}, "a trace id has 1 bytes, not 16"),
        ({"span_id": b"1"}, "a span id has 1 bytes, not 8"),
        ({"body": None}, "'body' holds what is no text: no value"),
        ({"attributes": None}, "there is no text as 'log.record.uid'"),
    ],
)
def test_a_log_record_that_is_none_of_ours_is_refused(fields: dict[str, Any], problem: str) -> None:
    logs = ExportLogsServiceRequest.FromString(LOGS)
    change(the_record(logs), **fields)
    assert refusal("logs", logs) == problem


@pytest.mark.parametrize("name", ["service.name", "service.namespace", "handspan.instance"])
def test_a_stranger_s_resource_is_refused(name: str) -> None:
    traces = ExportTraceServiceRequest.FromString(TRACES)
    attributes = traces.resource_spans[0].resource.attributes
    (lost,) = (attribute for attribute in attributes if attribute.key == name)
    lost.value.int_value = 1
    assert refusal("traces", traces) == f"a resource has no text as '{name}'"
    attributes.remove(lost)
    assert refusal("traces", traces) == f"a resource has no text as '{name}'"


def test_what_others_added_on_the_way_is_passed_over() -> None:
    traces = ExportTraceServiceRequest.FromString(TRACES)
    for add, _ in ATTRIBUTES:
        add(traces.resource_spans[0].resource.attributes)
    traces.resource_spans[0].scope_spans.add().scope.name = "theirs"
    assert read("traces", traces.SerializeToString()) == [SPAN]


@given(st.sampled_from([*KINDS]), st.sampled_from([TRACES, LOGS]), st.data())
def test_a_damaged_request_is_read_or_refused(
    kind: Literal["traces", "logs"], body: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(body)))
    damaged = body[:at] + data.draw(st.binary(max_size=4)) + body[at + data.draw(st.integers(0, 4)) :]
    try:
        read(kind, damaged)
    except ValueError as refused:
        assert str(refused)  # noqa: PT017 (it may also be read)
